//! Real etcd servers for a test: one or three members, gone with the test.

use crate::support::{PATIENCE, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// How the members are protected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protection {
    /// Certificate and key of the server.
    pub(crate) server: Option<(PathBuf, PathBuf)>,
    /// Clients must show a certificate of this authority.
    pub(crate) clients_of: Option<PathBuf>,
}

/// An etcd cluster. Dropping it kills it.
pub(crate) struct Etcd {
    members: Vec<Member>,
    protection: Protection,
    folder: TempDir,
}

struct Member {
    child: Child,
    client: u16,
    peer: u16,
    frozen: bool,
}

impl Etcd {
    /// One member; none where etcd is not installed and the tests may do without.
    pub(crate) async fn one() -> Option<Etcd> {
        Etcd::start(1, Protection::default()).await
    }

    /// So many members.
    pub(crate) async fn start(members: usize, protection: Protection) -> Option<Etcd> {
        if !installed() {
            return None;
        }
        // Somebody else may take a port between the choice and the start: then others are chosen.
        for _ in 0..5 {
            if let Some(etcd) = Etcd::try_start(members, protection.clone()).await {
                return Some(etcd);
            }
        }
        panic!("etcd does not start");
    }

    async fn try_start(members: usize, protection: Protection) -> Option<Etcd> {
        let folder = tempfile::tempdir().expect("a folder");
        let ports: Vec<(u16, u16)> = (0..members).map(|_| (free_port(), free_port())).collect();
        let spawn = |index: usize| spawn(folder.path(), &ports, index, &protection);
        let members = (0..members)
            .map(|index| Member {
                child: spawn(index),
                client: ports[index].0,
                peer: ports[index].1,
                frozen: false,
            })
            .collect();
        let mut etcd = Etcd { members, protection, folder };
        etcd.wait_ready().await.then_some(etcd)
    }

    /// Waits until each member has a leader; false when one has ended.
    async fn wait_ready(&mut self) -> bool {
        let mut alive = true;
        let logs: Vec<PathBuf> = (0..self.members.len()).map(|index| self.log(index)).collect();
        let members = &mut self.members;
        wait_until("etcd is ready", || {
            alive = members.iter_mut().all(|member| member.child.try_wait().expect("asked").is_none());
            let ready = logs.iter().all(|log| {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                said.contains("published local member to cluster") && said.contains("serving client traffic")
            });
            ready || !alive
        })
        .await;
        alive
    }

    fn log(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("log-{index}"))
    }

    /// Where its members are.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        let scheme = if self.protection.server.is_some() { "https" } else { "http" };
        self.members.iter().map(|member| format!("{scheme}://127.0.0.1:{}", member.client)).collect()
    }

    /// Runs etcdctl on it; gives what it says.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> String {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints={}", self.endpoints().join(",")))
            .args(arguments)
            .output()
            .expect("etcdctl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// The keys that begin so.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let said = self.ctl(&["get", "--prefix", "--keys-only", prefix]);
        said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Kills all members, then starts them again, with their data or without.
    pub(crate) async fn restart(&mut self, wipe: bool) {
        self.kill();
        self.revive(wipe).await;
    }

    pub(crate) fn kill(&mut self) {
        for member in &mut self.members {
            end(&mut member.child);
        }
    }

    pub(crate) async fn revive(&mut self, wipe: bool) {
        let ports: Vec<(u16, u16)> = self.members.iter().map(|member| (member.client, member.peer)).collect();
        for index in 0..self.members.len() {
            // The log tells when it is ready this time.
            std::fs::remove_file(self.log(index)).expect("removed");
            if wipe {
                std::fs::remove_dir_all(self.folder.path().join(format!("data-{index}"))).expect("removed");
            }
            self.members[index].child = spawn(self.folder.path(), &ports, index, &self.protection);
        }
        assert!(self.wait_ready().await, "etcd starts again on its ports");
    }

    /// Stops or continues a member, as a machine would that hangs.
    pub(crate) fn freeze(&mut self, index: usize, frozen: bool) {
        let member = &mut self.members[index];
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&member.child), signal).expect("told");
        member.frozen = frozen;
    }

    /// Kills one member for good.
    pub(crate) fn kill_one(&mut self, index: usize) {
        end(&mut self.members[index].child);
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(child: &mut Child) {
    // Already gone in some tests.
    drop(child.kill());
    drop(child.wait());
}

fn installed() -> bool {
    let found = Command::new("etcd").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    let may_skip = std::env::var("PART_TEST_SKIP_MISSING").is_ok_and(|value| value == "1");
    assert!(
        may_skip,
        "etcd is not installed: `cargo xtask setup`, or `apt-get install etcd-server etcd-client`; \
         PART_TEST_SKIP_MISSING=1 leaves these tests out"
    );
    // Where standard error is closed, there is nobody to tell.
    drop(std::io::Write::write_all(&mut std::io::stderr(), b"left out: etcd is not installed\n"));
    false
}

fn spawn(folder: &Path, ports: &[(u16, u16)], index: usize, protection: &Protection) -> Child {
    let scheme = if protection.server.is_some() { "https" } else { "http" };
    let peer = |port: u16| format!("http://127.0.0.1:{port}");
    let cluster = ports.iter().enumerate().map(|(number, (_, port))| format!("m{number}={}", peer(*port)));
    let cluster = cluster.collect::<Vec<_>>().join(",");
    let client = format!("{scheme}://127.0.0.1:{}", ports[index].0);
    let log = std::fs::File::create(folder.join(format!("log-{index}"))).expect("a log");
    let mut command = Command::new("etcd");
    command
        .arg("--name")
        .arg(format!("m{index}"))
        .arg("--data-dir")
        .arg(folder.join(format!("data-{index}")))
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args([
            "--listen-peer-urls",
            &peer(ports[index].1),
            "--initial-advertise-peer-urls",
            &peer(ports[index].1),
        ])
        .args(["--initial-cluster", &cluster, "--initial-cluster-state", "new"])
        .args(["--logger", "zap", "--log-outputs", "stderr"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    if fast_disk() {
        command.arg("--unsafe-no-fsync");
    }
    if let Some((certificate, key)) = &protection.server {
        command.arg("--cert-file").arg(certificate).arg("--key-file").arg(key);
    }
    if let Some(authority) = &protection.clients_of {
        command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(authority);
    }
    command.spawn().expect("etcd starts")
}

/// Newer versions may leave out what costs most of the time.
fn fast_disk() -> bool {
    let help = Command::new("etcd").arg("--help").output().expect("etcd says what it can");
    [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).contains("--unsafe-no-fsync"))
}

/// A port that nobody listens on, below those that outgoing connections get.
fn free_port() -> u16 {
    let begun = std::time::Instant::now();
    while begun.elapsed() < PATIENCE {
        let port = 20_000 + u16::try_from(getrandom::u32().expect("chance") % 10_000).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
