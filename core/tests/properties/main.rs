//! Properties of the core over arbitrary histories: whatever happens, in whatever order.
#![expect(clippy::expect_used, reason = "a property that does not hold must fail the test")]

mod play;
mod shapes;

use part_core::{Config, Core, Effect, Entry, Pending, Record, SpecPhase, State, Term};
use play::{Play, Step, steps};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The unfinished runs of a fold: what a leader keeps in memory.
fn unfinished(state: &State) -> Vec<&part_core::Run> {
    state.runs().filter(|run| run.finished.is_none()).collect()
}

fn assert_sound(core: &Core, folded: &State) {
    assert_eq!(core.audit(), Vec::new());
    assert_eq!(core.state().runs().collect::<Vec<_>>(), unfinished(folded));
    let all = || core.state().runs().flat_map(|run| &run.submissions).map(|submission| submission.id);
    assert_eq!(all().collect::<BTreeSet<_>>().len(), all().count(), "a submission is in two open runs");
}

/// Plays all steps, each batch committed by itself.
fn play_all(steps: &[Step]) -> (Vec<Entry>, Vec<Effect>) {
    let mut play = Play::new();
    let mut effects = Vec::new();
    for step in steps {
        let pending = play.step(step);
        play.commit(pending.entries());
        effects.extend(pending.confirm());
    }
    (play.ledger, effects)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn folding_all_records_gives_the_live_state(steps in steps()) {
        let mut play = Play::new();
        let mut folded = State::default();
        for step in &steps {
            let pending = play.step(step);
            for entry in pending.entries() {
                folded.apply(entry).expect("each record fits the ones before");
            }
            play.commit(pending.entries());
            drop(pending.confirm());
            assert_sound(&play.core, &folded);
        }
        let refolded = State::fold(&play.ledger).expect("the whole ledger fits");
        prop_assert_eq!(refolded, folded);
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(steps in steps()) {
        prop_assert_eq!(play_all(&steps), play_all(&steps));
    }

    #[test]
    fn no_verdict_is_recorded_twice(steps in steps()) {
        let (ledger, _) = play_all(&steps);
        let mut state = State::default();
        let mut decided = BTreeSet::new();
        let mut finished = BTreeSet::new();
        for entry in &ledger {
            state.apply(entry).expect("each record fits the ones before");
            let run = state.run(entry.run).expect("the run of an entry is there");
            if let Record::SubmissionDropped = entry.record {
                continue;
            }
            if let Record::SpecDecided { spec, .. } = entry.record {
                prop_assert!(decided.insert((entry.run, spec)), "spec {spec:?} was decided twice");
            }
            if let Record::RunCancelled { .. } = entry.record {
                for (index, spec) in run.specs.iter().enumerate() {
                    if let SpecPhase::Decided(_) = spec.phase {
                        decided.insert((entry.run, part_core::SpecIndex(index as u32)));
                    }
                }
            }
            if let Record::RunFinished { .. } = entry.record {
                prop_assert!(finished.insert(entry.run), "a run finished twice");
                prop_assert!(run.specs.iter().all(|spec| matches!(spec.phase, SpecPhase::Decided(_))));
            } else if finished.contains(&entry.run) {
                let evidence = matches!(entry.record, Record::AttemptSuperseded { .. });
                prop_assert!(evidence, "a record follows the end of its run");
            }
        }
    }

    #[test]
    fn no_spec_takes_more_workers_down_than_it_may(steps in steps()) {
        let state = State::fold(&play_all(&steps).0).expect("the whole ledger fits");
        for run in state.runs() {
            let allowed = run.policy.worker_kills.unwrap_or(part_core::Bounds::DEFAULT.worker_kills);
            for spec in &run.specs {
                prop_assert!(spec.kills() <= allowed, "{} took {} workers down", spec.name, spec.kills());
                let given_up = matches!(spec.phase, SpecPhase::Decided(_)) || run.cancelled.is_some();
                prop_assert!(spec.kills() < allowed || given_up, "{} goes on after {}", spec.name, spec.kills());
            }
        }
    }

    #[test]
    fn batches_can_be_joined_freely(steps in steps(), sizes in prop::collection::vec(1usize..6, 1..20)) {
        let (ledger, effects) = play_all(&steps);
        let mut play = Play::new();
        let (mut joined, mut batch, mut left) = (Vec::new(), Pending::default(), sizes.iter().cycle());
        let mut room = 0;
        for step in &steps {
            if room == 0 || matches!(step, Step::Restart) {
                // A restart folds what was committed, so everything before it must be.
                play.commit(batch.entries());
                joined.extend(std::mem::take(&mut batch).confirm());
                room = *left.next().expect("an endless cycle");
            }
            let pending = play.step(step);
            batch.append(pending);
            room -= 1;
        }
        play.commit(batch.entries());
        joined.extend(batch.confirm());
        prop_assert_eq!((play.ledger, joined), (ledger, effects));
    }

    #[test]
    fn a_ledger_that_ends_anywhere_can_be_taken_over(steps in steps(), cut: prop::sample::Index) {
        let (ledger, _) = play_all(&steps);
        let prefix = &ledger[..if ledger.is_empty() { 0 } else { cut.index(ledger.len() + 1) }];
        let mut folded = State::fold(prefix).expect("a prefix fits");
        let config = Config { term: Term(99), ..Config::default() };
        let (core, pending) = Core::new(config, folded.clone(), play::LATE);
        for entry in pending.entries() {
            folded.apply(entry).expect("what a new leader records fits");
        }
        assert_sound(&core, &folded);
        prop_assert!(core.state().runs().all(|run| run.sealed));
    }

    #[test]
    fn records_survive_being_stored(steps in steps()) {
        for entry in play_all(&steps).0 {
            let stored = serde_json::to_string(&entry).expect("a record can be stored");
            let read: Entry = serde_json::from_str(&stored).expect("a stored record can be read");
            prop_assert_eq!(read, entry);
        }
    }
}
