//! The events of a run, as `partctl watch --output json` writes them.

use crate::{During, Trouble};
use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened, such as `attempt_assigned`.
    pub name: String,
    /// Its number in the run's ledger, from 1; none for what this client says itself.
    pub number: Option<u64>,
    /// When, by the leader's clock, Unix milliseconds; 0 for what this client says itself.
    pub at: u64,
    /// All of it.
    pub json: Value,
}

impl Event {
    /// The spec that it is about; empty where it is about none.
    pub fn spec(&self) -> &str {
        self.text("spec")
    }

    /// The attempt that it is about; 0 where it is about none.
    pub fn attempt(&self) -> u32 {
        self.json.get("attempt").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// A field that is a text; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.json.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Events in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events(pub Vec<Event>);

impl Events {
    /// Reads lines of JSON; a last line that is still being written is left out.
    pub fn parse(text: &str) -> Result<Events, Trouble> {
        let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
        let parse = |line: &str| -> Result<Event, Trouble> {
            let json: Value = serde_json::from_str(line).during(format!("reading the event {line:?}"))?;
            let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let number = json.get("number").and_then(Value::as_u64);
            let at = json.get("at").and_then(Value::as_u64).unwrap_or(0);
            Ok(Event { name: text("event"), number, at, json })
        };
        whole.lines().filter(|line| !line.trim().is_empty()).map(parse).collect::<Result<_, _>>().map(Events)
    }

    /// Those of one kind.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Event> {
        self.0.iter().filter(move |event| event.name == name)
    }

    /// How many of one kind there are.
    pub fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    /// The first of one kind after a moment, Unix milliseconds.
    pub fn first_after(&self, name: &str, moment: u64) -> Option<&Event> {
        self.0.iter().find(|event| event.name == name && event.at > moment)
    }

    /// Complains unless the numbers go 1, 2, 3 and so on to a last one that ends the run.
    pub fn must_be_whole(&self) -> Result<(), Trouble> {
        let numbers: Vec<u64> = self.0.iter().filter_map(|event| event.number).collect();
        let expected: Vec<u64> = (1..).take(numbers.len()).collect();
        if numbers != expected {
            let odd = numbers.iter().zip(&expected).find(|(found, expected)| found != expected);
            return Err(Trouble(format!(
                "the events' numbers have a gap or come twice: {odd:?} of {numbers:?}"
            )));
        }
        match self.0.iter().rev().find(|event| event.number.is_some()) {
            Some(last) if last.name == "run_finished" => Ok(()),
            last => Err(Trouble(format!("the last event does not end the run: {last:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repetitions_are_found() {
        let events = |numbers: &[u64]| {
            let lines = numbers.iter().map(|n| {
                format!(
                    "{{\"event\":\"{}\",\"number\":{n},\"at\":1}}\n",
                    if *n == 3 { "run_finished" } else { "x" }
                )
            });
            Events::parse(&lines.collect::<String>()).expect("events")
        };
        assert_eq!(events(&[1, 2, 3]).must_be_whole(), Ok(()));
        for wrong in [&[1, 3][..], &[1, 2, 2, 3], &[2, 1, 3], &[1, 2]] {
            assert!(events(wrong).must_be_whole().is_err(), "{wrong:?}");
        }
        assert_eq!(Events::parse("{\"event\":\"x\"}\n{\"eve").expect("events").0.len(), 1);
    }
}
