//! Putting a mesh together, and what a test asks of it as a whole.

use super::daemon::{Common, PORT};
use super::{Client, Daemon, StandaloneWorker};
use crate::{Base, During, Etcd, Net, PATIENCE, Postgres, Programs, Project, SpecPlan, Trouble, wait_until};
use serde_json::Value;
use std::time::Duration;

/// What the mesh's keys in etcd begin with.
pub(super) const PREFIX: &str = "e2e";

/// Lines shown of each log when a test fails.
const TAIL: usize = 60;

/// What a mesh is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Daemons, called h1, h2 and so on.
    pub daemons: usize,
    /// Stand-alone workers, called w1, w2 and so on.
    pub workers: usize,
    /// Slots of each.
    pub slots: u32,
    /// How long the lease of a daemon lives.
    pub lease_ttl: Duration,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { daemons: 3, workers: 0, slots: 2, lease_ttl: Duration::from_secs(3) }
    }
}

/// Everything, running. Dropping it ends and removes all of it; while panicking, the logs are shown first.
#[derive(Debug)]
pub struct Mesh {
    /// The daemons.
    pub daemons: Vec<Daemon>,
    /// The stand-alone workers.
    pub workers: Vec<StandaloneWorker>,
    /// `partctl`, knowing all daemons.
    pub client: Client,
    /// etcd.
    pub etcd: Etcd,
    /// PostgreSQL.
    pub postgres: Postgres,
    /// The wire.
    pub net: Net,
    /// The folder of it all; removed last.
    pub base: Base,
    /// The plan that it was made by.
    pub plan: Plan,
    common: Common,
}

impl Mesh {
    /// Starts everything and waits until all workers are linked.
    pub fn start(programs: &Programs, plan: Plan) -> Result<Mesh, Trouble> {
        let base = Base::new(&programs.agent)?;
        let mut net = Net::new(programs, &base)?;
        let etcd = Etcd::start(&mut net, programs, &base)?;
        // While the members of etcd elect, PostgreSQL makes its files.
        let postgres = Postgres::start(&mut net, programs, &base)?;
        etcd.wait_until_healthy(0)?;
        let common = Common {
            partd: programs.partd.clone(),
            etcd: etcd.endpoints(),
            lease_ttl: format!("{}s", plan.lease_ttl.as_secs()),
            database: postgres.url(),
            blobs: base.folder("blobs")?,
            slots: plan.slots,
        };
        let client = Client {
            host: net.host("client")?,
            partctl: programs.partctl.clone(),
            home: base.folder("home/client")?,
            servers: Vec::new(),
        };
        let (daemons, workers) = (Vec::new(), Vec::new());
        let mut mesh = Mesh { daemons, workers, client, etcd, postgres, net, base, plan, common };
        // From here on the logs are shown when something goes wrong.
        let assembled = mesh.assemble(programs);
        assembled.map_err(|trouble| Trouble(format!("{trouble}{}", mesh.logs()))).map(|()| mesh)
    }

    fn assemble(&mut self, programs: &Programs) -> Result<(), Trouble> {
        for number in 1..=self.plan.daemons {
            self.add_daemon(&format!("h{number}"))?;
        }
        let join = self.client.servers.join(",");
        for number in 1..=self.plan.workers {
            let name = format!("w{number}");
            let (host, home) = (self.net.host(&name)?, self.base.folder(&format!("home/{name}"))?);
            let program = &programs.part_worker;
            let worker = StandaloneWorker::start(host, program, &name, &home, &join, self.plan.slots)?;
            self.workers.push(worker);
        }
        self.wait_until_complete()
    }

    /// Starts one more daemon, on a host of its own.
    pub fn add_daemon(&mut self, name: &str) -> Result<(), Trouble> {
        let (host, home) = (self.net.host(name)?, self.base.folder(&format!("home/{name}"))?);
        self.client.servers.push(format!("{}:{PORT}", host.address()));
        self.daemons.push(Daemon::start(host, name, &home, &self.common)?);
        Ok(())
    }

    /// Starts a daemon that claims a name that another one has: it is not counted among the mesh's.
    pub fn impostor(&mut self, name: &str) -> Result<Daemon, Trouble> {
        let (host, home) = (self.net.host("impostor")?, self.base.folder("home/impostor")?);
        Daemon::start(host, name, &home, &self.common)
    }

    /// Names of everything that has a worker, sorted.
    pub fn names(&self) -> Vec<&str> {
        let daemons = self.daemons.iter().map(Daemon::name);
        let mut names: Vec<&str> = daemons.chain(self.workers.iter().map(StandaloneWorker::name)).collect();
        names.sort_unstable();
        names
    }

    /// Waits until every worker is linked. While nobody leads there is no answer, and that is fine.
    pub fn wait_until_complete(&self) -> Result<(), Trouble> {
        let names = self.names();
        let mut last = String::new();
        let waited = wait_until(&format!("the workers {names:?} are linked"), PATIENCE, || {
            let daemons = self.daemons.iter().map(Daemon::process);
            let processes = daemons.chain(self.workers.iter().map(StandaloneWorker::process));
            if let Some((process, ended)) = processes.filter_map(|p| Some((p, p.ended()?))).next() {
                return Err(Trouble(format!("{} ended with {ended:?}", process.what())));
            }
            match self.client.workers("present") {
                Ok(present) if present == names => return Ok(Some(())),
                Ok(present) => last = format!("linked are {present:?}"),
                Err(trouble) => last = trouble.0,
            }
            Ok(None)
        });
        waited.map_err(|trouble| Trouble(format!("{trouble}; {last}")))
    }

    /// A new project; attempts on silent workers are lost after so long.
    pub fn project(&self, plan: SpecPlan, lost_after: Duration) -> Result<Project, Trouble> {
        Project::make(&self.base, "mesh", plan, lost_after)
    }

    /// Who leads by etcd's account: the number of a daemon, from 0; waits until there is somebody.
    pub fn leader(&self) -> Result<usize, Trouble> {
        wait_until("somebody leads", PATIENCE, || {
            let note = self.etcd.get(&format!("{PREFIX}/leader"))?;
            let note: Option<Value> = note.and_then(|note| serde_json::from_str(&note).ok());
            let name = note.as_ref().and_then(|note| note.get("name")?.as_str());
            Ok(name.and_then(|name| self.daemons.iter().position(|daemon| daemon.name() == name)))
        })
    }

    /// Waits until somebody else than this daemon leads by etcd's account.
    pub fn leader_other_than(&self, old: usize) -> Result<usize, Trouble> {
        wait_until("somebody else leads", PATIENCE, || {
            Ok(Some(self.leader()?).filter(|leader| *leader != old))
        })
    }

    /// A daemon by its number, from 0.
    pub fn daemon(&self, number: usize) -> Result<&Daemon, Trouble> {
        self.daemons.get(number).during("no such daemon")
    }

    /// A daemon by its number, from 0.
    pub fn daemon_mut(&mut self, number: usize) -> Result<&mut Daemon, Trouble> {
        self.daemons.get_mut(number).during("no such daemon")
    }

    /// How many lines with these words daemons and workers have logged.
    pub fn logged(&self, words: &str) -> usize {
        let logs = self.daemons.iter().map(Daemon::log).chain(self.workers.iter().map(StandaloneWorker::log));
        logs.map(|log| log.lines().filter(|line| line.contains(words)).count()).sum()
    }

    /// The last lines of every log.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        let folder = self.base.path().join("logs");
        let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files {
            let name = file.file_name().to_string_lossy().into_owned();
            let is_ours = name.contains(".partd") || name.contains(".part-worker");
            if !(name.ends_with(".log") && is_ours) {
                continue;
            }
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let log = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n");
            text.push_str(&format!("\n--- {name}\n{tail}"));
        }
        text
    }
}
