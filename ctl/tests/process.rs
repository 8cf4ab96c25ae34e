//! The real program with a real mesh inside, over small suites of shell scripts.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

/// A workspace and a home of its own.
struct Place {
    folder: TempDir,
}

const TWO_GROUPS: &str = r#"
[project]
name = "shop"

[suites.sh]
framework = "generic"
specs = ["specs/*.sh"]
command = ["sh", "{spec}"]

[groups."package/admin"]
suite = "sh"
specs = ["specs/a*.sh"]

[groups."package/guest"]
suite = "sh"
specs = ["specs/g*.sh"]
"#;

impl Place {
    fn new(config: &str, specs: &[(&str, &str)]) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("specs")).expect("made");
        std::fs::write(folder.path().join("part.toml"), config).expect("written");
        let place = Place { folder };
        specs.iter().for_each(|(name, text)| place.spec(name, text));
        place
    }

    fn spec(&self, name: &str, text: &str) {
        std::fs::write(self.path().join("specs").join(name), text).expect("written");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
        command.args(line.split_whitespace()).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("PART_SERVER").env_remove("PART_LOG").env_remove("CLICOLOR_FORCE");
        command.env("PART_HOME", self.path().join("home")).env("NO_COLOR", "1").env("PART_TEST_DIR", self.path());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("it starts")
    }

    /// Runs to the end and returns the exit code with all that was said.
    fn told(&self, line: &str) -> (i32, String) {
        let output = self.run(line);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
    }
}

/// A program whose JSON lines are read as they come.
struct Live {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Live {
    fn start(place: &Place, line: &str) -> Live {
        let mut command = place.command(line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let lines = Some(BufReader::new(child.stdout.take().expect("it is piped")).lines());
        Live { child, lines }
    }

    /// Reads up to the next event of this kind.
    fn wait_for(&mut self, event: &str) -> Value {
        for line in self.lines.iter_mut().flatten() {
            let value: Value = serde_json::from_str(&line.expect("it is text")).expect("it is JSON");
            if value["event"] == event {
                return value;
            }
        }
        panic!("{event} never came");
    }

    fn signal(&self, signal: Signal) {
        kill_process(pid_of(self.child.id()), signal).expect("it lives");
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Only a test that failed leaves it running.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn pid_of(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).expect("a process id")).expect("not zero")
}

#[test]
fn exit_codes_are_as_documented() {
    let flaky = "test -e \"$PART_TEST_DIR/$PART_RUN_ID\" && exit 0; touch \"$PART_TEST_DIR/$PART_RUN_ID\"; exit 1";
    let place = Place::new(TWO_GROUPS, &[("a1.sh", "echo fine"), ("a2.sh", flaky), ("g1.sh", "echo no; exit 3")]);
    let table = [
        ("submit --spec specs/a1.sh", 0, "PASSED"),
        ("submit --group package/admin --retries 1", 0, "PASSED, FLAKY"),
        ("submit --group package/admin --retries 1 --fail-on-flaky", 1, "FLAKY"),
        ("submit", 1, "again: sh specs/g1.sh"),
        ("submit --dry-run", 0, "3 specs in 2 groups would run"),
        ("submit --spec nothing/*.sh", 4, "nothing"),
        ("submit --group nobody/knows", 2, "no group"),
        ("submit --no-such-flag", 2, "--no-such-flag"),
        ("submit --detach", 2, "--server"),
        ("runs --server localhost", 2, "HOST:PORT"),
        ("runs --server 127.0.0.1:1", 3, "is partd running at 127.0.0.1:1?"),
        ("show run_zzzzzzzz", 2, "there is no run"),
        ("version", 0, "partctl"),
    ];
    for (line, code, said) in table {
        let (exit, text) = place.told(line);
        assert_eq!(exit, code, "{line}\n{text}");
        assert!(text.contains(said), "{line} does not say {said:?}:\n{text}");
    }
    std::fs::write(place.path().join("part.toml"), "[project]\nname = 7\n").expect("written");
    let (exit, text) = place.told("submit");
    assert_eq!(exit, 2, "{text}");
    assert!(text.contains("part.toml:2:8"), "{text}");
}

#[test]
fn a_run_can_be_looked_at_and_run_again() {
    let broken = "printf 'caf\\351\\n'; exit 1";
    let place = Place::new(TWO_GROUPS, &[("a1.sh", "echo fine"), ("g1.sh", broken)]);
    let (exit, text) = place.told("submit --junit out/results.xml --artifacts out/files");
    assert_eq!(exit, 1, "{text}");
    let report = std::fs::read_to_string(place.path().join("out/results.xml")).expect("it was written");
    assert!(report.contains("tests=\"2\"") && report.contains("failures=\"1\""), "{report}");

    let logs = place.run("logs latest specs/g1.sh");
    assert_eq!(logs.stdout, b"caf\xe9\n");
    let (exit, text) = place.told("show latest --spec g1");
    assert!(exit == 0 && text.contains("FAIL") && !text.contains("a1.sh"), "{text}");
    let (exit, text) = place.told("explain latest g1");
    assert!(exit == 0 && text.contains("specs/g1.sh"), "{text}");

    place.spec("g1.sh", "exit 0");
    let (exit, text) = place.told("rerun latest --failed");
    assert!(exit == 0 && text.contains("1 carried forward"), "{text}");
    let (exit, text) = place.told("rerun latest --failed");
    assert!(exit == 4 && text.contains("nothing to run again"), "{text}");
    let (exit, text) = place.told("watch latest");
    assert!(exit == 0 && text.contains("PASSED"), "{text}");
    let (exit, text) = place.told("history g1");
    assert!(exit == 0 && text.contains("passed") && text.contains("failed"), "{text}");
    let (_, text) = place.told("runs");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn every_line_of_json_is_json() {
    let place = Place::new(TWO_GROUPS, &[("a1.sh", "echo fine"), ("g1.sh", "exit 1")]);
    let verbs = [
        "submit --dry-run",
        "submit",
        "runs",
        "show",
        "watch",
        "logs latest",
        "explain",
        "history sh",
        "workers",
        "doctor",
        "version",
        "show run_zzzzzzzz",
    ];
    for verb in verbs {
        let output = place.run(&format!("{verb} --output json"));
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert!(!text.is_empty(), "{verb}");
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).expect(line);
            assert!(value["v"] == 1 && value["event"].is_string(), "{verb}: {line}");
        }
    }
}

/// A spec that writes its process id and then waits for ever.
const WAITING: &str = "echo $$ > \"$PART_TEST_DIR/pid.part\"; mv \"$PART_TEST_DIR/pid.part\" \"$PART_TEST_DIR/pid\"; \
                       while :; do sleep 1; done";

/// The waiting spec's process, once it is there. Its file comes after the event that says that it started.
fn waiting_process(place: &Place) -> Pid {
    let file = place.path().join("pid");
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        if let Ok(text) = std::fs::read_to_string(&file) {
            return pid_of(text.trim().parse().expect("a number"));
        }
        assert!(std::time::Instant::now() < patience, "the spec never wrote its process id");
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupt_stops_everything_and_is_recorded() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let place = Place::new(TWO_GROUPS, &[("a1.sh", WAITING), ("g1.sh", "exit 0")]);
        let mut live = Live::start(&place, "submit --workers 1 --output json --group package/admin");
        live.wait_for("attempt_started");
        let spec = waiting_process(&place);
        live.signal(signal);
        let result = live.wait_for("result");
        assert_eq!(result["exit_code"], code);
        assert_eq!(live.end(), Some(code));
        assert!(test_kill_process(spec).is_err(), "the spec outlived its run");
        let (_, text) = place.told("runs");
        assert!(text.contains("cancelled"), "{text}");
    }
}

#[test]
fn a_killed_client_leaves_a_true_record() {
    let place = Place::new(TWO_GROUPS, &[("a1.sh", WAITING), ("g1.sh", "exit 0")]);
    let mut live = Live::start(&place, "submit --workers 1 --output json --group package/admin");
    live.wait_for("attempt_started");
    let _spec = waiting_process(&place);
    live.signal(Signal::KILL);
    assert_eq!(live.end(), None);
    let (exit, text) = place.told("show");
    assert!(exit == 0 && text.contains("interrupted") && text.contains("is gone"), "{text}");
    place.spec("a1.sh", "exit 0");
    let (exit, text) = place.told("rerun latest --failed");
    assert!(exit == 0 && text.contains("PASSED"), "{text}");
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let specs: Vec<(String, String)> = (0..20).map(|n| (format!("a{n}.sh"), "exit 0".to_owned())).collect();
    let specs: Vec<(&str, &str)> = specs.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let place = Place::new(TWO_GROUPS, &specs);
    let mut live = Live::start(&place, "submit --group package/admin --output json");
    live.wait_for("run_sealed");
    // Dropping what reads a pipe closes it.
    live.lines = None;
    assert_eq!(live.end(), Some(0));
    let (_, text) = place.told("runs");
    assert!(text.contains("passed"), "{text}");
}
