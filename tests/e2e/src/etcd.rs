//! Three members of etcd, each on a host of its own.

use crate::{Base, Host, Launch, Net, PATIENCE, Process, Programs, Trouble, wait_until};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One look at etcd takes no longer; without a quorum it would wait for ever.
const LOOK: Duration = Duration::from_secs(10);

/// A cluster.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    etcd: PathBuf,
    etcdctl: PathBuf,
    initial: String,
}

#[derive(Debug)]
struct Member {
    host: Arc<Host>,
    data: PathBuf,
    process: Process,
}

impl Etcd {
    /// Starts three members; they take a moment to agree on a leader, see [`Etcd::wait_until_healthy`].
    pub fn start(net: &mut Net, programs: &Programs, base: &Base) -> Result<Etcd, Trouble> {
        let hosts: Vec<Arc<Host>> =
            (1..=3).map(|n| net.host(&format!("etcd{n}"))).collect::<Result<_, _>>()?;
        let peer = |host: &Arc<Host>| format!("{}=http://{}:2380", host.name(), host.address());
        let initial = hosts.iter().map(peer).collect::<Vec<_>>().join(",");
        let mut members = Vec::new();
        for host in hosts {
            let data = base.folder(&format!("data/{}", host.name()))?;
            let process = host.start(member(&programs.etcd, &host, &data, &initial))?;
            members.push(Member { host, data, process });
        }
        let (etcd, etcdctl) = (programs.etcd.clone(), programs.etcdctl.clone());
        Ok(Etcd { members, etcd, etcdctl, initial })
    }

    /// Where clients find it: URLs, separated by commas.
    pub fn endpoints(&self) -> String {
        let endpoint = |member: &Member| format!("http://{}:2379", member.host.address());
        self.members.iter().map(endpoint).collect::<Vec<_>>().join(",")
    }

    /// The hosts of the members.
    pub fn hosts(&self) -> Vec<&Host> {
        self.members.iter().map(|member| member.host.as_ref()).collect()
    }

    /// kill -9 of a member, counted from 0.
    pub fn kill(&self, member: usize) -> Result<(), Trouble> {
        self.process(member)?.kill()
    }

    /// Freezes or thaws a member, counted from 0.
    pub fn signal(&self, member: usize, signal: Signal) -> Result<(), Trouble> {
        self.process(member)?.signal(signal)
    }

    /// Starts a member again that was killed, on its data.
    pub fn restart(&mut self, member: usize) -> Result<(), Trouble> {
        let (etcd, initial) = (self.etcd.clone(), self.initial.clone());
        let member = self.members.get_mut(member).ok_or_else(|| Trouble::new("no such member of etcd"))?;
        member.process = member.host.start(self::member(&etcd, &member.host, &member.data, &initial))?;
        Ok(())
    }

    /// Waits until a member, counted from 0, answers with the consent of a quorum.
    pub fn wait_until_healthy(&self, member: usize) -> Result<(), Trouble> {
        let endpoint = self.process(member)?.host().address();
        wait_until("etcd has a quorum", PATIENCE, || {
            let args = [format!("--endpoints=http://{endpoint}:2379"), "endpoint".into(), "health".into()];
            Ok((self.etcdctl(member, args)?.ended.code == Some(0)).then_some(()))
        })
    }

    /// The value of a key, read from the first member that answers; none where there is no such key.
    pub fn get(&self, key: &str) -> Result<Option<String>, Trouble> {
        for (index, member) in self.members.iter().enumerate() {
            if member.process.ended().is_some() {
                continue;
            }
            let endpoint = format!("--endpoints=http://{}:2379", member.host.address());
            let args = [endpoint, "get".into(), "--print-value-only".into(), key.into()];
            let said = self.etcdctl(index, args)?;
            if said.ended.code == Some(0) {
                return Ok(Some(said.out.trim().to_owned()).filter(|value| !value.is_empty()));
            }
        }
        Err(Trouble(format!("no member of etcd can tell {key}")))
    }

    fn etcdctl<const N: usize>(&self, member: usize, args: [String; N]) -> Result<crate::Said, Trouble> {
        let host = self.process(member)?.host();
        let launch = Launch::of(&self.etcdctl).env("ETCDCTL_API", "3");
        host.run(launch.args(["--command-timeout=3s"]).args(args), LOOK)
    }

    fn process(&self, member: usize) -> Result<&Process, Trouble> {
        let member = self.members.get(member).ok_or_else(|| Trouble::new("no such member of etcd"))?;
        Ok(&member.process)
    }
}

fn member(etcd: &PathBuf, host: &Arc<Host>, data: &std::path::Path, initial: &str) -> Launch {
    let (client, peer) =
        (format!("http://{}:2379", host.address()), format!("http://{}:2380", host.address()));
    let data = data.display().to_string();
    Launch::of(etcd).log("etcd").args([
        "--name",
        host.name(),
        "--data-dir",
        &data,
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
        "--initial-cluster",
        initial,
    ])
}
