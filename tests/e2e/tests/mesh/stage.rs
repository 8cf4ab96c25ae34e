//! What every scenario has: a mesh, a run on it, and an account at the end.

use part_e2e::{
    Account, Events, Expected, Mesh, PATIENCE, Plan, Programs, Project, SpecPlan, Trouble, Watching, Witness,
    check, is_skipping, wait_until,
};
use std::time::{Duration, Instant};

/// Longer than any run takes, also one whose mesh was away for a while.
const RUN: Duration = Duration::from_secs(120);

/// Silence after which attempts are lost, where nothing is to be lost: longer than any scenario.
pub(crate) const NEVER_LOST: Duration = Duration::from_secs(300);

/// Plays a scenario on a mesh of its own, unless this machine cannot. It gives its figures in words.
#[track_caller]
pub(crate) fn play(name: &str, plan: Plan, scenario: impl FnOnce(&mut Mesh) -> Result<String, Trouble>) {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(missing) if is_skipping() => return eprintln!("passed over: {missing}"),
        Err(missing) => panic!("{missing}"),
    };
    let begun = Instant::now();
    let played = Mesh::start(&programs, plan).and_then(|mut mesh| {
        let assembled = begun.elapsed();
        let figures = scenario(&mut mesh).map_err(|trouble| Trouble(format!("{trouble}{}", mesh.logs())))?;
        Ok((assembled, figures))
    });
    match played {
        Ok((assembled, figures)) => {
            let (assembled, all) = (assembled.as_secs_f64(), begun.elapsed().as_secs_f64());
            eprintln!("e2e {name}: {figures} [{all:.1} s, of which {assembled:.1} s until the mesh stood]");
        }
        Err(trouble) => panic!("{name}: {trouble}"),
    }
}

/// A run that is under way and watched from its first event on.
pub(crate) struct Playing {
    pub(crate) project: Project,
    pub(crate) run: String,
    pub(crate) watching: Watching,
}

impl Playing {
    /// Submits specs and watches.
    pub(crate) fn begin(mesh: &Mesh, plan: SpecPlan, lost_after: Duration) -> Result<Playing, Trouble> {
        let project = mesh.project(plan, lost_after)?;
        let run = mesh.client.submit(&project)?;
        let watching = mesh.client.watch(&run)?;
        Ok(Playing { project, run, watching })
    }

    /// Waits until so many specs have come to their end, by their own account.
    pub(crate) fn until_ended(&self, count: usize) -> Result<(), Trouble> {
        wait_until(&format!("{count} specs have ended"), PATIENCE, || {
            Ok((self.witness()?.ended() >= count).then_some(()))
        })
    }

    /// Waits until a worker runs something; gives the specs and attempts.
    pub(crate) fn until_busy(&self, worker: &str) -> Result<Vec<(String, u32)>, Trouble> {
        wait_until(&format!("{worker} is busy"), PATIENCE, || {
            Ok(Some(self.witness()?.running_on(worker)).filter(|running| !running.is_empty()))
        })
    }

    /// Complains if the run is over already: then the scenario has shown nothing.
    pub(crate) fn must_go_on(&self) -> Result<(), Trouble> {
        match self.watching.events()?.count("run_finished") {
            0 => Ok(()),
            _ => Err(Trouble::new("the run was over before the scenario was: it needs more specs")),
        }
    }

    pub(crate) fn witness(&self) -> Result<Witness, Trouble> {
        Witness::read(&self.project)
    }

    /// Waits for the end of the run, and draws up the account. The watch that was there all along must have seen
    /// every event once, in order.
    pub(crate) fn finish(&self, mesh: &Mesh, expected: Expected) -> Result<(Account, Events), Trouble> {
        let events = self.watching.wait(RUN)?;
        let seen =
            events.must_be_whole().map_err(|trouble| Trouble(format!("the watch that was on: {trouble}")));
        let account = check(&mesh.client, &self.project, &self.run, expected)?;
        seen.map(|()| (account, events))
    }
}

/// Seconds, for people.
pub(crate) fn seconds(millis: u64) -> String {
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

/// Why a leader stepped down, by its log.
pub(crate) fn stepping_down(log: &str) -> Option<&str> {
    let is_one = |line: &&str| line.contains("stepping down") || line.contains("leaving it to another");
    let line = log.lines().find(is_one)?;
    line.split_once(": ").map(|(_, words)| words)
}
