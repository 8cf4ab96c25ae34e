//! What a seed stands for: the hosts, the suites, and which kinds of trouble come how often.

use crate::Rng;
use crate::suite::{self, ClientPlan, Kind, LIMIT, Natures};
use part_core::{Bounds, Capabilities, Millis, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is decided before the story begins.
pub(crate) struct Plan {
    pub(crate) bounds: Bounds,
    pub(crate) hosts: Vec<HostPlan>,
    pub(crate) clients: Vec<ClientPlan>,
    /// What each spec really does.
    pub(crate) natures: Natures,
    /// The kinds of faults that this story has; none in a story without faults.
    pub(crate) faults: BTreeSet<Fault>,
    /// Mean time between faults.
    pub(crate) fault_every: Millis,
    /// No fault comes after this.
    pub(crate) faults_end: Timestamp,
    /// By when every run must have ended and everything be at rest.
    pub(crate) deadline: Timestamp,
    /// Longest time that most messages take.
    pub(crate) delay: Millis,
    /// Messages of a thousand that are lost.
    pub(crate) loss: u64,
    /// Messages of a hundred that take ten times as long.
    pub(crate) spikes: u64,
    /// A leader that recorded nothing for so long asks whether its term still stands.
    pub(crate) term_look: Millis,
    /// True when pings find out that a link's other end does not answer.
    pub(crate) pings: bool,
    /// Time to live of leases.
    pub(crate) ttl: Millis,
    /// How fast etcd's clock runs, true being a million.
    pub(crate) etcd_rate: u64,
}

/// One host.
pub(crate) struct HostPlan {
    pub(crate) name: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) slots: u32,
    pub(crate) joins: Timestamp,
    /// False for a stand-alone worker.
    pub(crate) daemon: bool,
    /// How fast its clock runs, true being a million.
    pub(crate) rate: u64,
    /// Its wall time when the story begins.
    pub(crate) wall: u64,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A host's process dies; its shims live on.
    ProcessDies,
    /// The leader's process dies.
    LeaderDies,
    /// A machine goes down with all its processes; sometimes its disk is lost.
    HostDies,
    /// A process is stopped for a while.
    ProcessFreezes,
    /// The leader is stopped for a while, often for longer than its lease.
    LeaderFreezes,
    /// Two places cannot reach each other.
    Parted,
    /// One place cannot reach another.
    PartedOneWay,
    /// A host is cut off from everybody.
    CutOff,
    /// The leader is cut off from etcd, the store, or the workers only.
    LeaderCut,
    /// A link is reset, with what is on its way.
    LinkBreaks,
    /// A worker opens another link while the old one still carries data.
    LinkDoubles,
    /// Etcd has no quorum.
    EtcdAway,
    /// Etcd answers slowly.
    EtcdSlow,
    /// Etcd revokes a healthy lease.
    EtcdRevokes,
    /// Etcd loses everything.
    EtcdWiped,
    /// A daemon's watch of etcd dies without a word.
    WatchDies,
    /// The store does not answer.
    StoreAway,
    /// The store takes its time, and does what it was asked for after the caller has gone.
    StoreSlow,
    /// The store says that it cannot now.
    StoreFails,
    /// The store records, and its answers are lost.
    StoreMute,
    /// A wall clock is set.
    ClockJumps,
    /// A worker takes no new work, or does again.
    Drains,
    /// A worker can run nothing, or can again.
    Sickens,
    /// An operator holds a worker back, or lets it go.
    HeldBack,
    /// A run is given up.
    Abandons,
    /// Somebody loses patience: a client asks elsewhere.
    ClientLeaves,
    /// A worker loses its link or its life, and the next one goes to a daemon that takes itself for the leader.
    Misled,
    /// The core panics: what the leader took in this turn is gone, and it rebuilds itself from the store.
    CorePanics,
}

impl Fault {
    const ALL: [Fault; 28] = [
        Fault::ProcessDies,
        Fault::LeaderDies,
        Fault::HostDies,
        Fault::ProcessFreezes,
        Fault::LeaderFreezes,
        Fault::Parted,
        Fault::PartedOneWay,
        Fault::CutOff,
        Fault::LeaderCut,
        Fault::LinkBreaks,
        Fault::LinkDoubles,
        Fault::EtcdAway,
        Fault::EtcdSlow,
        Fault::EtcdRevokes,
        Fault::EtcdWiped,
        Fault::WatchDies,
        Fault::StoreAway,
        Fault::StoreSlow,
        Fault::StoreFails,
        Fault::StoreMute,
        Fault::ClockJumps,
        Fault::Drains,
        Fault::Sickens,
        Fault::HeldBack,
        Fault::Abandons,
        Fault::ClientLeaves,
        Fault::Misled,
        Fault::CorePanics,
    ];
}

/// Kinds of faults that bring out the worst in each other.
const STORMS: [&[Fault]; 11] = [
    &[Fault::LeaderFreezes, Fault::LeaderCut, Fault::EtcdRevokes, Fault::Misled, Fault::ProcessDies],
    &[Fault::LeaderCut, Fault::Misled, Fault::LinkBreaks, Fault::LeaderFreezes],
    &[Fault::LeaderCut, Fault::Misled],
    &[
        Fault::StoreAway,
        Fault::StoreSlow,
        Fault::StoreFails,
        Fault::StoreMute,
        Fault::LeaderDies,
        Fault::LeaderCut,
    ],
    &[Fault::LinkBreaks, Fault::LinkDoubles, Fault::ProcessFreezes, Fault::Parted, Fault::PartedOneWay],
    &[Fault::ProcessDies, Fault::LeaderDies, Fault::HostDies, Fault::LinkBreaks],
    &[Fault::ProcessFreezes],
    &[Fault::EtcdAway, Fault::EtcdSlow, Fault::EtcdRevokes, Fault::EtcdWiped, Fault::WatchDies],
    &[Fault::CorePanics, Fault::LinkDoubles, Fault::LinkBreaks, Fault::Drains],
    &[Fault::CorePanics],
    &[Fault::StoreMute, Fault::LinkDoubles, Fault::LeaderFreezes, Fault::ClientLeaves, Fault::Misled],
];

const KINDS_OF_WORKERS: [&[(&str, &str)]; 5] = [
    &[("os", "linux"), ("browser.chromium", "131.0.2"), ("label.gpu", "")],
    &[("os", "linux")],
    &[("os", "linux"), ("browser.chromium", "118.0")],
    &[("os", "macos"), ("browser.safari", "17.4")],
    &[],
];

/// Wall time at the world's beginning where clocks are right.
const WALL: u64 = 2_000_000_000;
/// A day in milliseconds: clocks are off by up to that.
pub(crate) const DAY: u64 = 86_400_000;

impl Plan {
    pub(crate) fn from_seed(rng: &mut Rng) -> Plan {
        let (faults, calm) = faults(rng);
        let faulty = !faults.is_empty();
        let mut natures = BTreeMap::new();
        let count = rng.between(1, 3);
        let clients: Vec<ClientPlan> =
            (0..count).map(|number| suite::client(number, faulty, &mut natures, rng)).collect();
        let mut plan = Plan {
            bounds: bounds(rng),
            hosts: hosts(rng),
            clients,
            natures,
            faults,
            fault_every: Millis(rng.between(calm / 10, calm)),
            faults_end: Timestamp(if faulty { rng.between(20_000, 150_000) } else { 0 }),
            deadline: Timestamp(0),
            delay: Millis(rng.between(1, 300)),
            loss: if faulty && rng.chance(50) { rng.below(30) } else { 0 },
            ttl: Millis::seconds(10),
            spikes: if rng.chance(50) { 2 } else { 15 },
            term_look: Millis(if rng.chance(40) { 2_000 } else { rng.between(2_000, 15_000) }),
            pings: rng.chance(70),
            etcd_rate: rate(rng),
        };
        plan.deadline = plan.faults_end + plan.longest_rest();
        plan
    }

    /// What one slot alone would need for everything, with every retry and every loss, plus everybody's patience.
    fn longest_rest(&self) -> Millis {
        let mut total = 300_000;
        for client in &self.clients {
            total += client.comes.0;
            for group in &client.submission.groups {
                for spec in &group.specs {
                    let nature = self.natures.get(&spec.name);
                    let time = nature.map_or(LIMIT, |nature| match nature.kind {
                        Kind::Hangs => LIMIT,
                        Kind::Solid | Kind::Flaky(_) | Kind::Broken | Kind::KillsHost | Kind::RunsNoTests => {
                            Millis(nature.typical.0 * 5 / 4).min(LIMIT)
                        }
                    });
                    let tries = u64::from(group.policy.retries + self.bounds.lost_attempts + 1);
                    let waits = u64::from(group.policy.retries) * self.bounds.elsewhere_wait.0;
                    // A machine that is killed by a spec takes a while to come back, and may be the leader's.
                    let recovers = match nature.map(|nature| nature.kind) {
                        Some(Kind::KillsHost) => 150_000 * tries,
                        Some(_) | None => 0,
                    };
                    total += tries * (time.0 + 20 * self.delay.0) + waits + recovers;
                }
            }
        }
        Millis(total)
    }
}

/// Few kinds at a time bring out what many at once would hide. With them the longest mean time between two.
fn faults(rng: &mut Rng) -> (BTreeSet<Fault>, u64) {
    let percent = match rng.below(100) {
        0..4 => return (BTreeSet::new(), 15_000),
        4..50 => {
            let storm = rng.pick(&STORMS).copied().unwrap_or_default();
            return (storm.iter().copied().collect(), 8_000);
        }
        50..70 => 100,
        70..85 => 50,
        85..95 => 20,
        _ => 8,
    };
    let mut faults: BTreeSet<Fault> = Fault::ALL.into_iter().filter(|_| rng.chance(percent)).collect();
    if let (true, Some(fault)) = (faults.is_empty(), rng.pick(&Fault::ALL)) {
        faults.insert(*fault);
    }
    (faults, 15_000)
}

fn bounds(rng: &mut Rng) -> Bounds {
    if rng.chance(70) {
        return Bounds::DEFAULT;
    }
    Bounds {
        open_runs: rng.between(1, 2) as usize,
        specs_per_record: rng.between(1, 4) as usize,
        lost_attempts: rng.between(1, 4) as u32,
        // Not below the number of workers: the core also looks past only so many idle ones of a kind.
        lookahead: rng.between(9, 16) as usize,
        slots_per_worker: rng.between(1, 4) as usize,
        recovery_window: Millis(rng.between(1_000, 40_000)),
        elsewhere_wait: Millis(rng.between(0, 40_000)),
        ..Bounds::DEFAULT
    }
}

/// A clock that is up to five in a hundred too fast or too slow; most are right.
fn rate(rng: &mut Rng) -> u64 {
    if rng.chance(70) { 1_000_000 } else { rng.between(950_000, 1_050_000) }
}

fn capabilities(kind: &[(&str, &str)]) -> Capabilities {
    Capabilities(kind.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

/// The first host can run nearly everything and the second the rest, so that every run can end. At least five have a
/// daemon; up to two more are stand-alone workers.
fn hosts(rng: &mut Rng) -> Vec<HostPlan> {
    let daemons = rng.between(5, 6);
    let count = daemons + rng.below(3);
    let mut hosts = Vec::new();
    for number in 0..count {
        let kind = match number {
            0 => KINDS_OF_WORKERS[0],
            1 => KINDS_OF_WORKERS[3],
            _ => rng.pick(&KINDS_OF_WORKERS).copied().unwrap_or_default(),
        };
        hosts.push(HostPlan {
            name: format!("h{number}"),
            capabilities: capabilities(kind),
            slots: rng.between(1, 3) as u32,
            joins: Timestamp(if rng.chance(70) { rng.below(2_000) } else { rng.below(60_000) }),
            daemon: number < daemons,
            rate: rate(rng),
            wall: if rng.chance(70) { WALL } else { WALL - DAY + rng.below(2 * DAY) },
        });
    }
    hosts
}
