//! A PostgreSQL server on a host of its own.

use crate::{Base, During, Host, Launch, Net, PATIENCE, Process, Programs, Trouble, wait_until};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `nobody`: PostgreSQL does not run as root, and this user is everywhere.
const USER: u32 = 65534;

/// The database, and the user who may do everything in it.
const NAME: &str = "part";

/// One call of a client of PostgreSQL takes no longer.
const CALL: Duration = Duration::from_secs(30);

/// A server with an empty database.
#[derive(Debug)]
pub struct Postgres {
    host: Arc<Host>,
    bin: PathBuf,
    data: PathBuf,
    process: Process,
}

impl Postgres {
    /// Makes a database and starts its server.
    pub fn start(net: &mut Net, programs: &Programs, base: &Base) -> Result<Postgres, Trouble> {
        let host = net.host("postgres")?;
        let (bin, data) = (programs.postgres.clone(), base.folder("data/postgres")?);
        std::os::unix::fs::chown(&data, Some(USER), Some(USER)).during("giving PostgreSQL its folder")?;
        let make = Launch::of(bin.join("initdb")).user(USER).args(["-U", NAME, "--auth=trust", "-N"]).args([
            "-E",
            "UTF8",
            "--locale=C",
            "-D",
            &data.display().to_string(),
        ]);
        host.run(make, PATIENCE)?.expect("initdb", 0)?;
        let rules = data.join("pg_hba.conf");
        std::fs::write(&rules, "host all all 0.0.0.0/0 trust\n").during("letting everybody in")?;
        let process = host.start(server(&bin, &host, &data))?;
        let postgres = Postgres { host, bin, data, process };
        postgres.wait_until_ready()?;
        postgres.client("createdb", [NAME])?;
        Ok(postgres)
    }

    /// Where daemons find it.
    pub fn url(&self) -> String {
        format!("postgres://{NAME}@{}:5432/{NAME}", self.host.address())
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// kill -9 of everything on its host; the data stays.
    pub fn kill(&self) -> Result<(), Trouble> {
        self.host.kill_all()
    }

    /// Freezes or thaws all its processes.
    pub fn signal(&self, signal: Signal) -> Result<(), Trouble> {
        self.host.signal_all(signal)
    }

    /// Starts it again on its data.
    pub fn restart(&mut self) -> Result<(), Trouble> {
        self.process = self.host.start(server(&self.bin, &self.host, &self.data))?;
        self.wait_until_ready()
    }

    /// What an SQL query gives, unaligned, one row per line.
    pub fn query(&self, sql: &str) -> Result<String, Trouble> {
        self.client("psql", ["-d", NAME, "-A", "-t", "-c", sql])
    }

    fn wait_until_ready(&self) -> Result<(), Trouble> {
        wait_until("PostgreSQL answers", PATIENCE, || {
            if let Some(ended) = self.process.ended() {
                return Err(Trouble(format!("PostgreSQL ended with {ended:?}")));
            }
            let address = self.host.address().to_string();
            let ask = Launch::of(self.bin.join("pg_isready")).args(["-q", "-h", &address]);
            Ok((self.host.run(ask, CALL)?.ended.code == Some(0)).then_some(()))
        })
    }

    fn client<const N: usize>(&self, program: &str, args: [&str; N]) -> Result<String, Trouble> {
        let address = self.host.address().to_string();
        let launch = Launch::of(self.bin.join(program)).args(["-h", &address, "-U", NAME]).args(args);
        Ok(self.host.run(launch, CALL)?.expect(program, 0)?.out)
    }
}

fn server(bin: &std::path::Path, host: &Host, data: &std::path::Path) -> Launch {
    let (address, data) = (host.address().to_string(), data.display().to_string());
    let settings = ["-c", "unix_socket_directories=", "-c", "log_min_messages=warning"];
    Launch::of(bin.join("postgres")).user(USER).args(["-D", &data, "-h", &address]).args(settings)
}
