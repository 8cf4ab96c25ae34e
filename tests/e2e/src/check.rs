//! What must hold after every scenario, whatever was killed and cut.

use crate::{Client, Events, PATIENCE, Project, Trouble, Witness, wait_until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the scenario leads one to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing that had started was lost, and nothing ran twice: what was killed kills no spec. An order that was
    /// on its way to a worker that died may be lost.
    NoRerun,
    /// Specs may have been lost with their hosts, and run again.
    Reruns,
}

/// The figures of a run that was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Specs of the run.
    pub specs: usize,
    /// Attempts that really started.
    pub started: usize,
    /// Of these, beyond the first of each spec.
    pub rerun: usize,
    /// Attempts that were declared lost.
    pub lost: usize,
    /// Of these, such as had started.
    pub lost_running: usize,
    /// Late reports about those, kept as evidence.
    pub superseded: usize,
    /// Events in the ledger.
    pub events: usize,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Account { specs, started, rerun, lost, lost_running, superseded, events } = self;
        write!(
            f,
            "{specs} specs decided once, {started} attempts started, {rerun} re-run, {lost} lost ({lost_running} of them \
             while running), {superseded} superseded, {events} events"
        )
    }
}

/// An attempt, as the store tells it.
#[derive(Clone, Debug)]
struct Attempt {
    worker: String,
    verdict: Option<String>,
    exit_code: Option<i64>,
}

type Attempts = BTreeMap<(String, u32), Attempt>;

/// Checks a finished run against its witness: all complaints at once.
pub fn check(client: &Client, project: &Project, run: &str, expected: Expected) -> Result<Account, Trouble> {
    let shown = client.show(run)?;
    let events = client.all_events(run)?;
    let witness = Witness::read(project)?;
    let attempts = attempts_of(&shown);
    let mut complaints = Vec::new();
    complaints.extend(events.must_be_whole().err().map(|trouble| trouble.0));
    complaints.extend(verdicts(project, &shown, &events));
    complaints.extend(ledger(&events, &attempts));
    complaints.extend(deeds(&witness, &attempts));
    let lost: Vec<&(String, u32)> = attempts
        .iter()
        .filter(|(_, attempt)| attempt.verdict.as_deref() == Some("lost"))
        .map(|(key, _)| key)
        .collect();
    let has_started = |(spec, number): &&&(String, u32)| {
        witness.specs.get(spec).is_some_and(|marks| marks.contains_key(number))
    };
    let account = Account {
        specs: project.specs.len(),
        started: witness.started(),
        rerun: witness.started().saturating_sub(project.specs.len()),
        lost: lost.len(),
        lost_running: lost.iter().filter(has_started).count(),
        superseded: events.count("attempt_superseded"),
        events: events.0.len(),
    };
    match expected {
        Expected::NoRerun if account.rerun > 0 || account.lost_running > 0 => {
            complaints.push(format!("nothing had to be run again, but: {account}"));
        }
        Expected::NoRerun | Expected::Reruns => {}
    }
    // The last process may still be on its way out when the run's end is committed.
    let quiet = wait_until("every process of every spec is gone", PATIENCE, || {
        Ok(project.alive().is_empty().then_some(()))
    });
    complaints.extend(quiet.err().map(|trouble| format!("{trouble}: {:?}", project.alive())));
    match complaints.as_slice() {
        [] => Ok(account),
        complaints => Err(Trouble(format!("run {run} is not as it must be:\n- {}", complaints.join("\n- ")))),
    }
}

fn attempts_of(shown: &[Value]) -> Attempts {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut attempts = Attempts::new();
    for spec in shown.iter().filter(|line| line.get("event").is_some_and(|event| event == "spec")) {
        let name = text(spec, "spec").unwrap_or_default();
        for attempt in spec.get("attempts").and_then(Value::as_array).into_iter().flatten() {
            let number = attempt.get("attempt").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
            let told = Attempt {
                worker: text(attempt, "worker").unwrap_or_default(),
                verdict: text(attempt, "verdict"),
                exit_code: attempt.get("exit_code").and_then(Value::as_i64),
            };
            attempts.insert((name.clone(), number.unwrap_or(0)), told);
        }
    }
    attempts
}

/// Every spec has exactly one final verdict, the right one, in the picture and in the ledger.
fn verdicts(project: &Project, shown: &[Value], events: &Events) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = shown.iter().filter(|line| line.get("event").is_some_and(|event| event == "spec"));
    let shown: BTreeMap<&str, Option<&str>> = lines
        .filter_map(|line| Some((line.get("spec")?.as_str()?, line.get("verdict").and_then(Value::as_str))))
        .collect();
    for (spec, code) in &project.specs {
        let expected = if *code == 0 { "passed" } else { "failed" };
        // A spec that passed after its host was lost is not flaky: it did not fail.
        let picture = shown.get(spec.as_str()).copied().flatten();
        if picture != Some(expected) {
            complaints.push(format!("{spec} is shown as {picture:?}, not {expected}"));
        }
        let decided: Vec<&str> =
            events.named("spec_decided").filter(|e| e.spec() == spec).map(|e| e.text("verdict")).collect();
        if decided != [expected] {
            complaints
                .push(format!("{spec} was decided as {decided:?} in the ledger, not once as {expected}"));
        }
    }
    if shown.len() != project.specs.len() {
        complaints.push(format!("{} specs are shown instead of {}", shown.len(), project.specs.len()));
    }
    complaints
}

/// The ledger tells each attempt's story once and in order.
fn ledger(events: &Events, attempts: &Attempts) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut assigned = BTreeSet::new();
    let mut finished = BTreeMap::new();
    for event in &events.0 {
        let key = (event.spec().to_owned(), event.attempt());
        match event.name.as_str() {
            "attempt_assigned" => {
                let earlier = key.1.checked_sub(1).filter(|number| *number > 0).map(|n| (key.0.clone(), n));
                if earlier.is_some_and(|earlier| !finished.contains_key(&earlier)) {
                    complaints.push(format!("{key:?} was assigned before the attempt before it had ended"));
                }
                if !assigned.insert(key.clone()) {
                    complaints.push(format!("{key:?} was assigned twice"));
                }
            }
            "attempt_finished" => {
                if !assigned.contains(&key) {
                    complaints.push(format!("{key:?} finished without having been assigned"));
                }
                if finished.insert(key.clone(), event.text("verdict").to_owned()).is_some() {
                    complaints.push(format!("{key:?} finished twice"));
                }
            }
            // Other kinds have no order of their own.
            _ => {}
        }
    }
    for (key, attempt) in attempts {
        let told = finished.get(key);
        if told != attempt.verdict.as_ref() {
            complaints
                .push(format!("{key:?} is shown as {:?}, but the ledger says {told:?}", attempt.verdict));
        }
    }
    complaints
}

/// What the store says is what the processes did.
fn deeds(witness: &Witness, attempts: &Attempts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (spec, marks) in &witness.specs {
        let mut earlier_end = None;
        for (number, mark) in marks {
            let key = (spec.clone(), *number);
            let Some(attempt) = attempts.get(&key) else {
                complaints.push(format!("{key:?} ran on {} but is not in the store", mark.worker));
                continue;
            };
            if mark.starts.len() != 1 || mark.ends.len() > 1 {
                complaints.push(format!("{key:?} did not run exactly once: {mark:?}"));
            }
            if mark.worker != attempt.worker {
                complaints.push(format!("{key:?} ran on {}, not on {}", mark.worker, attempt.worker));
            }
            let (start, end) = (mark.starts.first().copied(), mark.ends.first().copied());
            if earlier_end.is_some_and(|end| start.is_some_and(|start| start < end)) {
                complaints.push(format!("{key:?} began while the attempt before it still ran"));
            }
            // Whatever was declared lost may well go on somewhere for a while.
            let is_lost = attempt.verdict.as_deref() == Some("lost");
            earlier_end = end.filter(|_| !is_lost);
            let is_end_needed = matches!(attempt.verdict.as_deref(), Some("passed" | "failed"));
            if is_end_needed && end.is_none() {
                complaints.push(format!("{key:?} is {:?}, but never came to its end", attempt.verdict));
            }
        }
    }
    for (key, attempt) in attempts {
        let (verdict, code) = (attempt.verdict.as_deref(), attempt.exit_code);
        let is_consistent = match verdict {
            Some("passed") => code == Some(0),
            Some("failed") => code.is_some_and(|code| code != 0),
            _ => true,
        };
        if !is_consistent {
            complaints.push(format!("{key:?} is {verdict:?} with exit code {code:?}"));
        }
        let ran = witness.specs.get(&key.0).is_some_and(|marks| marks.contains_key(&key.1));
        if matches!(verdict, Some("passed" | "failed")) && !ran {
            complaints.push(format!("{key:?} is {verdict:?}, but no process of it ever started"));
        }
    }
    complaints
}
