//! Why an attempt was given to its slot, in words.

use crate::{AttemptId, Rule, Run, SpecIndex, Turn, Why};

impl Run {
    /// Why an attempt was given to its slot, before others and there; none where its ledger does not say.
    pub fn why(&self, index: SpecIndex, number: u32) -> Option<String> {
        let attempt = self.spec(index)?.attempt(number)?;
        let mut said = attempt.why?.sentence(self);
        if let Some(first) = attempt.batch {
            let first = self.spec(first).map_or("", |spec| spec.name.as_ref());
            said.push_str(&format!("; it shares a process with {first}"));
        }
        Some(said)
    }
}

impl Why {
    /// In a sentence. What the slot ran before is named where it is of this run.
    fn sentence(&self, run: &Run) -> String {
        let others = self.waiting.saturating_sub(1);
        let rule = match self.rule {
            Rule::Again => "its attempt before was lost, so it went first".to_owned(),
            Rule::FailedLast => "it failed in the run before, so it went first".to_owned(),
            Rule::Unknown => {
                "nothing is known about it and it might be the longest, so it went first".to_owned()
            }
            Rule::Longest if others == 0 => "it was the last that waited".to_owned(),
            Rule::Longest => format!("it was the longest of {} that waited", self.waiting),
            Rule::Retry => "it is tried again after everything else".to_owned(),
            Rule::Batch => "it is short and followed the one that was chosen".to_owned(),
            Rule::Backup => "its other attempt runs far beyond its forecast".to_owned(),
        };
        let turn = match self.turn {
            Turn::Alone => String::new(),
            Turn::Scarce => "; few slots can run it, so it went before what others can".to_owned(),
            Turn::Priority => "; its run has a higher priority than others that wait".to_owned(),
            Turn::Share => "; its project had less than its share of slot time".to_owned(),
            Turn::Shortest => "; its run has least left of its project's, or waited longest".to_owned(),
            Turn::Guaranteed => "; it was the guaranteed turn of those that were served least".to_owned(),
        };
        let place = match self.candidates {
            0 | 1 => "; that was the only worker with a slot free for it".to_owned(),
            many => format!("; that was the least busy of {many} workers with a slot free for it"),
        };
        let after = self.after.map_or_else(String::new, |before| format!(", after {}", named(run, before)));
        format!("{rule}{turn}{place}{after}")
    }
}

fn named(run: &Run, attempt: AttemptId) -> String {
    if attempt.run != run.id {
        return format!("a spec of run {}", attempt.run.short());
    }
    run.spec(attempt.spec).map_or_else(|| attempt.to_string(), |spec| spec.name.as_ref().to_owned())
}
