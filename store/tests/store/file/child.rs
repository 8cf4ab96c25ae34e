//! Children: this test program started again in a role. They end with their parent, whatever happens to it.

use crate::fixture::{Ledger, term};
use part_core::AttemptVerdict;
use part_store::{Realm, SqliteStore, Store};
use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

const ROLE: &str = "PART_STORE_TEST_ROLE";
const FOLDER: &str = "PART_STORE_TEST_FOLDER";

/// Entries of each batch that a child commits after the first.
pub(crate) const BATCH: u64 = 10;

/// A child in a role.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Helper {
    /// Starts a child. `wrapper` is a program, with arguments, that starts it in another surrounding.
    pub(crate) fn start(role: &str, folder: &Path, wrapper: &[&str]) -> io::Result<Helper> {
        let program = std::env::current_exe()?;
        let mut command = match wrapper {
            [] => Command::new(program),
            [wrapper, arguments @ ..] => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(program);
                command
            }
        };
        let mut child = command
            .args(["--exact", "file::child::in_a_role", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        Ok(Helper { child, stdin, lines: BufReader::new(stdout).lines() })
    }

    /// The rest of the next line that starts with `word`; none once the child has ended.
    pub(crate) fn said(&mut self, word: &str) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix(word).map(str::to_owned))
    }

    /// Lets a child that waits go on.
    pub(crate) fn go(&mut self) {
        let sent = self.stdin.as_mut().map(|stdin| stdin.write_all(b"\n"));
        sent.expect("the child's input").expect("a child that listens");
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a kill");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("an end")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // Already ended, nearly always; a child whose input has ended ends by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn say(line: &str) {
    writeln!(io::stdout(), "{line}").expect("a parent that listens");
}

/// Waits for the parent's word to go on; from then on ends the process when the parent ends.
fn wait_for_go() {
    let mut byte = [0];
    io::stdin().read_exact(&mut byte).expect("the word to go on");
    std::thread::spawn(|| {
        if !matches!(io::stdin().read(&mut [0]), Ok(1)) {
            std::process::exit(3);
        }
    });
}

/// Does nothing unless this process was started as a child.
#[tokio::test]
async fn in_a_role() {
    let (Ok(role), Some(folder)) = (std::env::var(ROLE), std::env::var_os(FOLDER).map(PathBuf::from)) else {
        return;
    };
    // libtest has printed the beginning of a line.
    say("");
    match role.as_str() {
        "commit" => commit_for_ever(&folder).await,
        "start" => start_together(&folder).await,
        "full" => super::disk::in_a_full_disk(&folder).await,
        "readonly" => super::disk::in_a_read_only_folder(&folder).await,
        "hold" => super::blobs::hold_a_blob(&folder).await,
        other => unreachable!("no role {other}"),
    }
}

/// Commits batch after batch and says so after each.
async fn commit_for_ever(folder: &Path) {
    wait_for_go();
    say("opening");
    let store = SqliteStore::open(folder.join("part.db")).await.expect("a store");
    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    let mut ledger = Ledger::new(u128::from(term.0), "shop");
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    loop {
        let number = ledger.number as u32;
        let batch: Vec<_> = (0..BATCH as u32)
            .map(|place| ledger.ended("a.ts", number + place, 100, AttemptVerdict::Passed))
            .collect();
        store.commit(&realm, term, &batch).await.expect("a commit");
        say(&format!("acknowledged {} {}", term.0, ledger.number));
    }
}

/// Opens a store at the same moment as others do, and works beside them.
async fn start_together(folder: &Path) {
    say("ready");
    wait_for_go();
    let store = SqliteStore::open(folder.join("new/part.db")).await.expect("a store");
    let own = u128::from(std::process::id());
    let (realm, mut ledger) = (Realm::local(own), Ledger::new(own, "shop"));
    let term = term(&store, &realm).await;
    store.commit(&realm, term, &[ledger.opened()]).await.expect("a commit");
    for number in 1..=20 {
        let batch = [ledger.ended("a.ts", number, 100, AttemptVerdict::Passed)];
        store.commit(&realm, term, &batch).await.expect("a commit");
    }
    store.close().await;
    say(&format!("done {own}"));
}
