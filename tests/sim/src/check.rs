//! What must be true of the core's decisions after every input, seen from outside.

use crate::{Checked, Violation, ensure};
use part_core::{
    AttemptPhase, Bounds, Core, Entry, LinkState, Record, Requirements, Spec, SpecPhase, Timestamp, WorkerId,
    WorkerView,
};

/// Checks the core after an input that made these records.
pub(crate) fn after_input(core: &Core, entries: &[Entry], bounds: &Bounds, now: Timestamp) -> Checked {
    if let Some(violation) = core.audit().first() {
        return Err(Violation(format!("audit: {violation}")));
    }
    let assigned = entries.iter().any(|entry| matches!(entry.record, Record::AttemptAssigned { .. }));
    if core.is_recovering() {
        return ensure(!assigned, || "something was assigned before the workers were back".to_owned());
    }
    let waits = |spec: &Spec| matches!(spec.phase, SpecPhase::Waiting { .. });
    if !assigned && !core.state().runs().any(|run| run.specs.iter().any(waits)) {
        return Ok(());
    }
    let workers = core.workers(now);
    for entry in entries {
        if let Record::AttemptAssigned { attempt, worker, slot, .. } = &entry.record {
            let view = workers.iter().find(|view| view.worker == *worker);
            let fits = view.is_some_and(|view| {
                let needs = needs_of(core, entry.run, attempt.spec);
                may_get_work(view) && needs.is_some_and(|needs| needs.unmet(&view.capabilities).is_none())
            });
            ensure(fits, || format!("{attempt} was assigned to {worker} slot {slot}, which cannot take it"))?;
        }
    }
    no_idle_slot(core, &workers, bounds, now)
}

fn needs_of(core: &Core, run: part_core::RunId, spec: part_core::SpecIndex) -> Option<&Requirements> {
    let run = core.state().run(run)?;
    Some(&run.group_of(run.spec(spec)?).requirements)
}

pub(crate) fn takes_work(view: &WorkerView) -> bool {
    may_get_work(view) && view.cordoned.is_none()
}

/// A cordoned worker gets an attempt now and then, to show that it is well.
fn may_get_work(view: &WorkerView) -> bool {
    view.link == LinkState::Present && !view.draining && view.problem.is_none() && view.held_back_by.is_none()
}

/// Work conservation: a slot is free only when nothing that waits may run on it.
fn no_idle_slot(core: &Core, workers: &[WorkerView], bounds: &Bounds, now: Timestamp) -> Checked {
    let idle: Vec<&WorkerView> = workers
        .iter()
        .filter(|view| takes_work(view) && view.slots.iter().any(|(_, attempt)| attempt.is_none()))
        .collect();
    if idle.is_empty() {
        return Ok(());
    }
    for run in core.state().runs() {
        // A retry that keeps away from its worker may stand before others, as far as the core looks past it.
        let mut held_back = 0;
        for spec in run.specs.iter().filter(|spec| matches!(spec.phase, SpecPhase::Waiting { .. })) {
            let needs = &run.group_of(spec).requirements;
            for view in idle.iter().filter(|view| needs.unmet(&view.capabilities).is_none()) {
                if spec.is_suspect() && runs_suspect(core, view) {
                    continue;
                }
                if keeps_away(spec, &view.worker, bounds, now) {
                    held_back += 1;
                } else if held_back < bounds.lookahead {
                    let (spec, worker) = (&spec.name, &view.worker);
                    return Err(Violation(format!("{spec} waits although {worker} has a free slot for it")));
                }
            }
        }
    }
    Ok(())
}

/// True when a worker runs a spec whose attempts took a worker down: it gets no other one.
fn runs_suspect(core: &Core, view: &WorkerView) -> bool {
    let mut running = view.slots.iter().filter_map(|(_, attempt)| core.state().attempt((*attempt)?));
    running.any(|(_, spec, _)| spec.is_suspect())
}

/// True when a retry may still be waiting for another worker than this one.
fn keeps_away(spec: &Spec, worker: &WorkerId, bounds: &Bounds, now: Timestamp) -> bool {
    let tried = spec.attempts.iter().any(|attempt| attempt.worker == *worker);
    let last_end = spec.attempts.last().and_then(|attempt| match attempt.phase {
        AttemptPhase::Active => None,
        AttemptPhase::Finished { at, .. } => Some(at),
    });
    tried && last_end.is_some_and(|at| now < at + bounds.elsewhere_wait)
}
