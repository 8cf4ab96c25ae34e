//! Orders: what a worker is told about an attempt.

use crate::{AttemptId, AttemptOrder, Core, Group, Millis, Spec};
use std::sync::Arc;

impl Core {
    pub(super) fn order_of(&self, attempt: AttemptId) -> Option<AttemptOrder> {
        let run = self.state.run(attempt.run)?;
        let spec = run.spec(attempt.spec)?;
        let group = run.group_of(spec);
        let only = spec.part.as_ref().map(|part| Arc::from(part.tests.as_slice()));
        Some(AttemptOrder {
            attempt,
            project: Arc::clone(&run.project),
            group: Arc::clone(&group.label),
            spec: Arc::from(spec.whole_name()),
            recipe: Arc::clone(&group.recipe),
            expected_tests: spec.expected_tests.clone(),
            only,
            timeout: self.timeout_of(group, spec),
        })
    }

    /// A spec's time limit by its forecast, where its group wants one: never above the recipe's, never too short for
    /// what a busy machine adds.
    fn timeout_of(&self, group: &Group, spec: &Spec) -> Option<Millis> {
        let (percent, estimate) = (group.policy.timeout_percent?, spec.estimate?);
        let limit = estimate.expected().0.saturating_mul(u64::from(percent)) / 100;
        let limit = Millis(limit).max(self.config.bounds.least_timeout);
        Some(group.recipe.timeout.map_or(limit, |most| limit.min(most)))
    }
}
