//! The programs that a test needs, and what to do where one is missing.

use crate::{During, Trouble};
use std::path::{Path, PathBuf};

/// Setting this to 1 passes over tests that cannot run here, instead of failing them.
const SKIP: &str = "PART_TEST_SKIP_MISSING";

/// Where Debian and its relatives keep the server programs of PostgreSQL, one folder per version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// What keeps these tests from running here, with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// True where tests that cannot run are passed over.
pub fn is_skipping() -> bool {
    std::env::var(SKIP).is_ok_and(|value| value == "1")
}

/// Every program, found.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `partd` of this build.
    pub partd: PathBuf,
    /// `partctl` of this build.
    pub partctl: PathBuf,
    /// `part-worker` of this build.
    pub part_worker: PathBuf,
    /// The agent of a host.
    pub agent: PathBuf,
    /// etcd.
    pub etcd: PathBuf,
    /// etcd's client.
    pub etcdctl: PathBuf,
    /// Folder with `initdb`, `postgres` and the clients of PostgreSQL.
    pub postgres: PathBuf,
}

impl Programs {
    /// Finds all of them.
    pub fn find() -> Result<Programs, Missing> {
        if !nix::unistd::geteuid().is_root() {
            return Err(missing("hosts in namespaces can only be made by root: run these tests as root"));
        }
        for program in ["ip", "nft", "nsenter"] {
            on_path(program).ok_or_else(|| {
                missing(&format!("there is no `{program}`: apt-get install iproute2 nftables util-linux"))
            })?;
        }
        let etcd = "there is no etcd: apt-get install etcd-server etcd-client";
        Ok(Programs {
            partd: built("partd")?,
            partctl: built("partctl")?,
            part_worker: built("part-worker")?,
            agent: built("part-e2e-host")?,
            etcd: on_path("etcd").ok_or_else(|| missing(etcd))?,
            etcdctl: on_path("etcdctl").ok_or_else(|| missing(etcd))?,
            postgres: newest_postgres()
                .ok_or_else(|| missing("there is no PostgreSQL server: apt-get install postgresql"))?,
        })
    }
}

fn missing(text: &str) -> Missing {
    Missing(format!("{text} (or set {SKIP}=1 to pass over what needs it)"))
}

/// A program of the build that this test belongs to: two folders up from `target/debug/deps/TEST`.
fn built(name: &str) -> Result<PathBuf, Missing> {
    let find = || -> Result<PathBuf, Trouble> {
        let test = std::env::current_exe().during("finding this test")?;
        let folder = test.parent().and_then(Path::parent).during("this test has no folder")?;
        let program = folder.join(name);
        match program.is_file() {
            true => Ok(program),
            false => Err(Trouble(format!("{} is not built: cargo build --workspace", program.display()))),
        }
    };
    find().map_err(|trouble| missing(&trouble.0))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn newest_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRES).into_iter().flatten().flatten().map(|entry| entry.path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter(|path| path.join("bin/initdb").is_file()).max_by_key(number);
    newest.map(|path| path.join("bin")).or_else(|| on_path("initdb")?.parent().map(Path::to_owned))
}
