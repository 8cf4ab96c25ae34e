//! The wire between hosts, and its cuts.

use crate::{Base, During, Host, Programs, Trouble};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// Hosts on one wire. Dropping it ends everything on them.
#[derive(Debug)]
pub struct Net {
    hosts: Vec<Arc<Host>>,
    /// Where packets are dropped: from, to.
    cuts: Mutex<BTreeSet<(Ipv4Addr, Ipv4Addr)>>,
    wire: Host,
    agent: PathBuf,
    logs: PathBuf,
}

impl Net {
    /// A wire without hosts.
    pub fn new(programs: &Programs, base: &Base) -> Result<Net, Trouble> {
        let logs = base.folder("logs")?;
        let wire = Host::make(&programs.agent, "wire", Ipv4Addr::UNSPECIFIED, &logs)?;
        must(wire.in_network("ip").args(["link", "add", "wire", "type", "bridge"]))?;
        must(wire.in_network("ip").args(["link", "set", "wire", "up"]))?;
        let cuts = Mutex::new(BTreeSet::new());
        Ok(Net { hosts: Vec::new(), cuts, wire, agent: programs.agent.clone(), logs })
    }

    /// A new host on the wire.
    pub fn host(&mut self, name: &str) -> Result<Arc<Host>, Trouble> {
        let number = u8::try_from(self.hosts.len() + 1).during("too many hosts for one wire")?;
        let address = Ipv4Addr::new(10, 77, 0, number);
        let host = Arc::new(Host::make(&self.agent, name, address, &self.logs)?);
        let (plug, owner) = (format!("host{number}"), host.network().to_string());
        must(
            self.wire
                .in_network("ip")
                .args(["link", "add", &plug, "type", "veth"])
                .args(["peer", "name", "eth0", "netns", &owner]),
        )?;
        must(self.wire.in_network("ip").args(["link", "set", &plug, "master", "wire", "up"]))?;
        must(host.in_network("ip").args(["address", "add", &format!("{address}/16"), "dev", "eth0"]))?;
        must(host.in_network("ip").args(["link", "set", "eth0", "up"]))?;
        must(host.in_network("ip").args(["link", "set", "lo", "up"]))?;
        self.hosts.push(Arc::clone(&host));
        Ok(host)
    }

    /// Cuts both ways between any host of the one and any of the other group.
    pub fn cut(&self, one: &[&Host], other: &[&Host]) -> Result<(), Trouble> {
        self.cut_one_way(one, other)?;
        self.cut_one_way(other, one)
    }

    /// Drops what any host of the first group sends to any of the second; the other way goes on.
    pub fn cut_one_way(&self, from: &[&Host], to: &[&Host]) -> Result<(), Trouble> {
        self.change(|cuts| {
            for from in from {
                cuts.extend(to.iter().map(|to| (from.address(), to.address())));
            }
        })
    }

    /// Heals every cut.
    pub fn heal(&self) -> Result<(), Trouble> {
        self.change(BTreeSet::clear)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<(Ipv4Addr, Ipv4Addr)>)) -> Result<(), Trouble> {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = cuts.clone();
        change(&mut cuts);
        let touched: BTreeSet<Ipv4Addr> = before.symmetric_difference(&cuts).map(|(_, to)| *to).collect();
        for host in self.hosts.iter().filter(|host| touched.contains(&host.address())) {
            let from = cuts.iter().filter(|(_, to)| *to == host.address()).map(|(from, _)| *from);
            drop_from(host, from)?;
        }
        Ok(())
    }
}

/// Has a host drop what comes from these addresses and nothing else, in one step.
fn drop_from(host: &Host, addresses: impl Iterator<Item = Ipv4Addr>) -> Result<(), Trouble> {
    // Made before it is deleted, because what is not there cannot be.
    let mut rules = "table inet cuts {}\ndelete table inet cuts\ntable inet cuts {\n".to_owned();
    rules.push_str("  chain arriving {\n    type filter hook input priority 0; policy accept;\n");
    rules.extend(addresses.map(|address| format!("    ip saddr {address} drop\n")));
    rules.push_str("  }\n}\n");
    let doing = format!("changing the cuts of {}", host.name());
    let mut nft = host
        .in_network("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .during(&doing)?;
    nft.stdin.take().during(&doing)?.write_all(rules.as_bytes()).during(&doing)?;
    let output = nft.wait_with_output().during(&doing)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Trouble(format!("{doing}: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

fn must(command: &mut Command) -> Result<(), Trouble> {
    let output = command.output().during(format!("running {command:?}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Trouble(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}
