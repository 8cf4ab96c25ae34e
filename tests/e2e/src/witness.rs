//! What the specs themselves say that they did.

use crate::{During, Project, Trouble};
use std::collections::BTreeMap;

/// One attempt, as its own process saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The worker that it ran on.
    pub worker: String,
    /// When it started, Unix milliseconds; more than once would be a fault.
    pub starts: Vec<u64>,
    /// When it came to its end by itself.
    pub ends: Vec<u64>,
}

/// Every attempt that ran: by spec and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// By spec, then by attempt.
    pub specs: BTreeMap<String, BTreeMap<u32, Mark>>,
}

impl Witness {
    /// Reads what there is so far.
    pub fn read(project: &Project) -> Result<Witness, Trouble> {
        let mut witness = Witness::default();
        for (spec, _) in &project.specs {
            let file = project.witness.join(spec.trim_start_matches("specs/"));
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).during(format!("reading {}", file.display())),
            };
            for line in text.lines() {
                witness.note(spec, line).during(format!("reading {line:?} of {}", file.display()))?;
            }
        }
        Ok(witness)
    }

    fn note(&mut self, spec: &str, line: &str) -> Result<(), Trouble> {
        let words: Vec<&str> = line.split(' ').collect();
        let [attempt, worker, what, at] = words.as_slice() else {
            return Err(Trouble::new("not four words"));
        };
        let at: u64 = at.parse().during("a time")?;
        let attempt: u32 = attempt.parse().during("an attempt's number")?;
        let mark = self.specs.entry(spec.to_owned()).or_default().entry(attempt).or_default();
        mark.worker = (*worker).to_owned();
        match *what {
            "start" => mark.starts.push(at),
            "end" => mark.ends.push(at),
            other => return Err(Trouble(format!("{other:?} is neither a start nor an end"))),
        }
        Ok(())
    }

    /// How many attempts have started.
    pub fn started(&self) -> usize {
        self.marks().map(|mark| mark.starts.len()).sum()
    }

    /// How many have come to their end by themselves.
    pub fn ended(&self) -> usize {
        self.marks().map(|mark| mark.ends.len()).sum()
    }

    /// Specs that run on a worker now: started, not ended; spec and attempt.
    pub fn running_on(&self, worker: &str) -> Vec<(String, u32)> {
        let open = |mark: &Mark| mark.worker == worker && mark.ends.len() < mark.starts.len();
        let running = self.specs.iter().flat_map(|(spec, attempts)| {
            attempts.iter().filter(|(_, mark)| open(mark)).map(|(number, _)| (spec.clone(), *number))
        });
        running.collect()
    }

    /// Workers that ran something.
    pub fn workers(&self) -> std::collections::BTreeSet<String> {
        self.marks().map(|mark| mark.worker.clone()).collect()
    }

    fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.specs.values().flat_map(BTreeMap::values)
    }
}
