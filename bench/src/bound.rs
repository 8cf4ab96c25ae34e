//! What no schedule can beat where workers differ in what they can do.

use crate::Suite;
use part_core::rehearse::VirtualWorker;
use part_core::{Millis, Requirements};

/// The least makespan that any schedule could reach: for every set of classes, their work shared among all slots that can
/// do any of them; and for every class, its longest spec on the fastest worker that can do it.
pub fn bound(suite: &Suite, classes: &[Requirements], workers: &[VirtualWorker]) -> Millis {
    let able = |class: usize, worker: &VirtualWorker| {
        classes.get(class).is_none_or(|requirements| requirements.unmet(&worker.capabilities).is_none())
    };
    let count = classes.len().max(1);
    let mut work = vec![0.0; count];
    let mut bound: f64 = 0.0;
    for job in &suite.jobs {
        let class = job.class.min(count - 1);
        work[class] += job.takes.0 as f64;
        let speeds = workers.iter().filter(|worker| able(class, worker)).map(|worker| worker.speed);
        bound = bound.max(job.takes.0 as f64 / speeds.fold(f64::MIN_POSITIVE, f64::max));
    }
    for set in 1u32..1 << count {
        let in_set = |class: &usize| set >> class & 1 == 1;
        let needed: f64 = (0..count).filter(in_set).map(|class| work[class]).sum();
        let can = |worker: &&VirtualWorker| (0..count).filter(in_set).any(|class| able(class, worker));
        let there: f64 =
            workers.iter().filter(can).map(|worker| f64::from(worker.slots) * worker.speed).sum();
        if needed > 0.0 {
            bound = bound.max(needed / there.max(f64::MIN_POSITIVE));
        }
    }
    Millis(bound.floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Job, mesh};

    #[test]
    fn the_scarcest_set_decides() {
        let job = |class: usize, seconds: u64| Job { class, ..Job::new("a spec", Millis(seconds * 1000)) };
        let suite = Suite { name: "mix".to_owned(), jobs: vec![job(0, 2), job(0, 2), job(1, 3), job(1, 3)] };
        let classes = ["label.any", "label.rare"].map(|label| mesh::requirements(&[label]).expect("a label"));
        let worker = |facts: &[&str], speed: f64| VirtualWorker {
            capabilities: mesh::capabilities(facts),
            speed,
            ..VirtualWorker::new(format!("{facts:?}"), 1)
        };
        let (plain, gifted) = (worker(&["label.any"], 1.0), worker(&["label.any", "label.rare"], 1.0));
        // Six seconds of rare work on one slot, ten on both.
        assert_eq!(bound(&suite, &classes, &[plain.clone(), gifted]), Millis(6000));
        let fast = worker(&["label.any", "label.rare"], 4.0);
        assert_eq!(bound(&suite, &classes, &[plain, fast]), Millis(2000));
    }
}
