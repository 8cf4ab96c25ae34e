//! A real PostgreSQL server of this test program's own: in a temporary folder, on a socket in that folder, as an
//! unprivileged user, and gone when the program is, however it ends.

use sqlx::{Connection, PgConnection};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// Keeps the server: starts it, says so, and waits for the end of its input, which comes with the end of the test
/// program, also when that is killed. Then it ends the server and removes the folder. A server that was frozen by a
/// test does not hear that it should go.
const GUARD: &str = r#"
"$1/pg_ctl" -D "$2/data" -l "$2/log" -s -w -t 60 start && echo ready
cat > /dev/null
"$1/pg_ctl" -D "$2/data" -s -m immediate -t 20 stop || kill -KILL "$(head -n 1 "$2/data/postmaster.pid")"
cd / && rm -rf "$2"
"#;

/// Nothing survives a crash of this machine, and nothing needs to. The socket is the only way in.
const SETTINGS: &str = "fsync = off\nfull_page_writes = off\nmax_connections = 300\nlisten_addresses = ''\n";

const ACCESS: &str = "local all secretive scram-sha-256\nlocal all all trust\n";

/// Set to 1, tests that need a program which is not installed are skipped.
const SKIP: &str = "PART_TEST_SKIP_MISSING";

pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    databases: AtomicU32,
    guard: Child,
}

/// The server that the tests of this program share; none where PostgreSQL is missing and tests may be skipped.
pub(crate) fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| programs().map(Server::start)).as_ref()
}

/// A server for one test, which may do to it what it likes.
pub(crate) fn private() -> Option<Server> {
    programs().map(Server::start)
}

/// True when tests can have a server.
pub(crate) fn is_there() -> bool {
    shared().is_some()
}

/// The folder of `initdb`, `pg_ctl` and `postgres`: on the path, or where Debian puts it.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists());
    if found.is_none() {
        assert!(
            env::var(SKIP).is_ok_and(|skip| skip == "1"),
            "these tests need a PostgreSQL server's programs: install them (apt-get install postgresql), or set \
             {SKIP}=1 to skip such tests"
        );
    }
    found
}

/// PostgreSQL refuses to run as root; then it runs as one of these.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    let of = |name: &str| Some((number(&["-u", name])?, number(&["-g", name])?));
    Some(of("postgres").or_else(|| of("nobody")).expect("a user `postgres` or `nobody` to run the server as"))
}

impl Server {
    fn start(programs: PathBuf) -> Server {
        let user = unprivileged();
        let folder = tempfile::Builder::new().prefix("part-pg-").tempdir().expect("a folder").keep();
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("a folder of that user");
        }
        let data = folder.join("data");
        let made = command(&programs.join("initdb"), &folder, user)
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let settings = format!("{SETTINGS}unix_socket_directories = '{}'\n", folder.display());
        fs::write(data.join("postgresql.auto.conf"), settings).expect("the settings");
        fs::write(data.join("pg_hba.conf"), ACCESS).expect("the rules of access");

        let mut guard = command(Path::new("sh"), &folder, user)
            .args(["-c", GUARD, "guard"])
            .args([&programs, &folder])
            // Out of reach of what ends the test program from a terminal.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a guard");
        let mut said = String::new();
        let stdout = guard.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut said).expect("a word from the guard");
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert_eq!(said.trim(), "ready", "the server did not start: {}", log());
        Server { folder, programs, user, databases: AtomicU32::new(0), guard }
    }

    /// How to reach a database. More parameters may be added with `&`.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        url_at(&self.folder, user, database)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }

    /// Makes a new database, as the statement's rest says. Returns its name.
    pub(crate) async fn database_with(&self, rest: &str) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.tell("postgres", &format!("CREATE DATABASE {name} {rest}")).await;
        name
    }

    /// Makes a new database. Returns how to reach it.
    pub(crate) async fn database(&self) -> String {
        let name = self.database_with("").await;
        self.url("postgres", &name)
    }

    /// Runs a statement in a database.
    pub(crate) async fn tell(&self, database: &str, statements: &str) {
        tell(&self.url("postgres", database), statements).await;
    }

    /// Runs `pg_ctl` as the server's user.
    pub(crate) fn control(&self, arguments: &[&str]) {
        let log = self.folder.join("log");
        let mut command = command(&self.programs.join("pg_ctl"), &self.folder, self.user);
        let done =
            command.arg("-D").arg(self.folder.join("data")).arg("-l").arg(log).args(arguments).status();
        assert!(done.expect("pg_ctl").success(), "pg_ctl {arguments:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // Whatever came of it, there is nothing more to do about it here.
        let _ = self.guard.wait();
    }
}

/// The socket's name: the number says nothing, as nothing listens on a port.
pub(crate) const SOCKET: &str = ".s.PGSQL.5432";

/// How to reach a database by the socket in a folder.
pub(crate) fn url_at(folder: &Path, user: &str, database: &str) -> String {
    format!("postgres://{user}@localhost:5432/{database}?host={}", folder.display())
}

/// Runs statements behind the store's back.
pub(crate) async fn tell(url: &str, statements: &str) {
    let mut connection = connection(url).await;
    run(&mut connection, statements).await;
    connection.close().await.expect("a close");
}

pub(crate) async fn connection(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}

pub(crate) async fn run(connection: &mut PgConnection, statements: &str) {
    let statements = sqlx::AssertSqlSafe(statements);
    sqlx::raw_sql(statements).execute(connection).await.expect("the statements");
}

fn command(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}
