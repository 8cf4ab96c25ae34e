//! Asking why nothing runs, while nothing does.

use crate::mesh::Clients;
use crate::view::RunView;
use futures::future::BoxFuture;
use part_proto::v1::{ExplainRequest, Explanation};
use std::time::Duration;
use tokio::time::Instant;

/// How long nothing runs before the leader is asked why: between two specs it is less.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two such questions.
const AGAIN: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Workers whose reasons are named.
const WORKERS: usize = 3;

/// The question why nothing runs.
#[derive(Default)]
pub(super) struct Idle {
    /// When it is to be asked.
    due: Option<Instant>,
    answer: Option<BoxFuture<'static, Option<String>>>,
}

impl Idle {
    /// Asks when it is time to. False when something runs, or nothing is left to.
    pub(super) fn look(&mut self, view: &RunView, leader: &Clients, run: &str) -> bool {
        let idle = view.sealed && view.finished.is_none() && view.running.is_empty() && view.left() > 0;
        if !idle {
            *self = Idle::default();
            return false;
        }
        let now = Instant::now();
        let due = *self.due.get_or_insert(now + PATIENCE);
        if now >= due && self.answer.is_none() {
            self.due = Some(now + AGAIN);
            let (mut client, run) = (leader.runs(), run.to_owned());
            self.answer = Some(Box::pin(async move {
                let asked = client.explain(ExplainRequest { run, spec: String::new(), limit: 1 });
                // Without an answer there is nothing to say: a lost connection is told elsewhere.
                let answer = tokio::time::timeout(ANSWER, asked).await.ok()?.ok()?;
                answer.into_inner().explanations.first().and_then(words)
            }));
        }
        true
    }

    /// Why nothing runs; never returns where nothing was asked.
    pub(super) async fn answer(&mut self) -> Option<String> {
        let Some(answer) = &mut self.answer else { return std::future::pending().await };
        let why = answer.await;
        self.answer = None;
        why
    }
}

/// The decisive fact, and what keeps the workers from it.
fn words(explanation: &Explanation) -> Option<String> {
    let (first, others) = explanation.facts.split_first()?;
    let known = |fact: &str| fact.split_once(": ").is_some_and(|(_, why)| first.contains(why));
    let workers = others.iter().filter(|fact| fact.starts_with("worker ") && !known(fact)).take(WORKERS);
    Some(std::iter::once(first).chain(workers).map(String::as_str).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decisive_fact_and_the_workers_reasons_are_told() {
        let told = |facts: &[&str]| {
            let facts = facts.iter().map(|fact| (*fact).to_owned()).collect();
            words(&Explanation { facts, ..Explanation::default() })
        };
        assert_eq!(told(&[]), None);
        let facts =
            ["none of 1 can take it", "waiting for 9.0s", "worker w cannot take it: its disk is full"];
        assert_eq!(
            told(&facts).as_deref(),
            Some("none of 1 can take it; worker w cannot take it: its disk is full")
        );
        let twice = ["no worker: w: its disk is full", "worker w cannot take it: its disk is full"];
        assert_eq!(told(&twice).as_deref(), Some("no worker: w: its disk is full"));
        let many: Vec<String> = (0..9).map(|n| format!("worker {n}")).collect();
        let many: Vec<&str> = std::iter::once("x").chain(many.iter().map(String::as_str)).collect();
        assert_eq!(told(&many).as_deref(), Some("x; worker 0; worker 1; worker 2"));
    }
}
