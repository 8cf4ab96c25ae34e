//! Why specs are where they are.

use part_core::{RunId, SpecIndex, SpecPhase};
use part_proto::v1;

/// Explains specs of a run that this core leads; none when it does not.
pub(super) fn explain(
    core: &part_core::Core,
    id: RunId,
    spec: &str,
    most: usize,
    now: part_core::Timestamp,
) -> Option<v1::ExplainResponse> {
    let run = core.state().run(id)?;
    let mut response = v1::ExplainResponse::default();
    for (index, candidate) in run.specs.iter().enumerate() {
        let undecided = !matches!(candidate.phase, SpecPhase::Decided(_));
        let wanted = if spec.is_empty() { undecided } else { candidate.name.contains(spec) };
        if !wanted {
            continue;
        }
        response.matched += 1;
        if response.explanations.len() < most
            && let Some(explained) = core.explain(id, SpecIndex(index as u32), now)
        {
            let group = run.group_of(candidate).label.as_ref().to_owned();
            response.explanations.push(v1::Explanation {
                group,
                spec: explained.name,
                facts: explained.facts,
            });
        }
    }
    Some(response)
}

/// Explains specs of a run from its ledger alone.
pub(super) fn explain_state(
    state: &part_core::State,
    id: RunId,
    spec: &str,
    most: usize,
    now: part_core::Timestamp,
) -> Option<v1::ExplainResponse> {
    let run = state.run(id)?;
    let mut response = v1::ExplainResponse::default();
    for (index, candidate) in run.specs.iter().enumerate() {
        if !candidate.name.contains(spec) {
            continue;
        }
        response.matched += 1;
        if response.explanations.len() < most {
            response.explanations.push(v1::Explanation {
                group: run.group_of(candidate).label.as_ref().to_owned(),
                spec: candidate.name.as_ref().to_owned(),
                facts: run.facts_about(SpecIndex(index as u32), now),
            });
        }
    }
    Some(response)
}
