//! Submissions: from a stream of chunks to one value, and back.

use super::error::{WireError, required};
use super::ids::{submission_id_from_wire, submission_id_to_wire};
use super::recipe::{recipe_from_wire, recipe_to_wire};
use super::rules::{
    group_policy_from_wire, group_rules_to_wire, joining_from_wire, joining_to_wire, locks_from_wire,
    locks_to_wire, run_policy_from_wire, run_rules_to_wire,
};
use super::runs::{source_from_wire, source_to_wire};
use super::workspace::{workspace_from_wire, workspace_to_wire};
use crate::v1::{self, submit_request::Part};
use part_core::{Bounds, GroupSubmission, Requirement, Requirements, SpecSubmission, Submission};

/// Bytes of names and tests in one submission: a million specs with long paths, or 100,000 with fifty tests each.
const SUBMISSION_BYTES: usize = 512 * 1024 * 1024;
/// Bytes of one chunk of specs, well under a message.
const CHUNK_TARGET: usize = 128 * 1024;

/// Puts a submission together, message by message, within bounds.
#[derive(Debug, Default)]
pub struct SubmissionAssembler {
    submission: Option<Submission>,
    specs: usize,
    bytes: usize,
}

impl SubmissionAssembler {
    /// Takes the next message of the stream.
    pub fn push(&mut self, message: v1::SubmitRequest) -> Result<(), WireError> {
        match required("part", message.part)? {
            Part::Header(header) if self.submission.is_none() => {
                self.submission = Some(header_from_wire(header)?);
                Ok(())
            }
            Part::Header(_) => Err(WireError::OutOfOrder { what: "a second header" }),
            Part::Group(group) => self.group(group),
            Part::Specs(chunk) => self.specs(chunk),
        }
    }

    /// The whole submission; an error when not even its header came.
    pub fn finish(self) -> Result<Submission, WireError> {
        required("header", self.submission)
    }

    fn group(&mut self, wire: v1::GroupHeader) -> Result<(), WireError> {
        let submission =
            self.submission.as_mut().ok_or(WireError::OutOfOrder { what: "a group before the header" })?;
        let limit = Bounds::DEFAULT.groups_per_run;
        if submission.groups.len() >= limit {
            return Err(WireError::TooMuch { what: "groups in one submission", limit });
        }
        let mut requirements = Vec::new();
        for text in &wire.requirements {
            let requirement: Requirement =
                text.parse().map_err(|error| WireError::wrong("group.requirements", error))?;
            requirements.push(requirement);
        }
        submission.groups.push(GroupSubmission {
            label: wire.label,
            suite: wire.suite,
            requirements: Requirements::new(requirements),
            policy: group_policy_from_wire(wire.retries, wire.rules)?,
            overhead: None,
            recipe: recipe_from_wire(required("group.recipe", wire.recipe)?)?,
            specs: Vec::new(),
        });
        Ok(())
    }

    fn specs(&mut self, chunk: v1::SpecChunk) -> Result<(), WireError> {
        let limit = Bounds::DEFAULT.specs_per_run;
        self.specs += chunk.specs.len();
        self.bytes += chunk.specs.iter().map(spec_bytes).sum::<usize>();
        if self.specs > limit {
            return Err(WireError::TooMuch { what: "specs in one submission", limit });
        }
        if self.bytes > SUBMISSION_BYTES {
            return Err(WireError::TooMuch {
                what: "bytes of names in one submission",
                limit: SUBMISSION_BYTES,
            });
        }
        let group = self
            .submission
            .as_mut()
            .and_then(|submission| submission.groups.last_mut())
            .ok_or(WireError::OutOfOrder { what: "specs before any group" })?;
        group.specs.extend(chunk.specs.into_iter().map(|spec| SpecSubmission {
            name: spec.name,
            size_bytes: spec.size_bytes,
            expected_tests: spec.expected_tests.map(|tests| tests.ids),
            collection: text(spec.collection),
            serial: spec.serial,
            assembly: text(spec.assembly),
            locks: locks_from_wire(spec.locks),
            quarantined: spec.quarantined,
            whole: spec.whole,
            ..SpecSubmission::default()
        }));
        Ok(())
    }
}

fn header_from_wire(wire: v1::SubmissionHeader) -> Result<Submission, WireError> {
    Ok(Submission {
        id: submission_id_from_wire(&wire.submission_id)?,
        project: wire.project,
        build: wire.build,
        source: source_from_wire(wire.source)?,
        workspace: workspace_from_wire(wire.workspace_in_place, wire.shipped)?,
        policy: run_policy_from_wire(wire.max_failures, wire.lost_after_ms, wire.worker_kills, wire.rules),
        joining: joining_from_wire(wire.joining, wire.attempt)?,
        run_all: wire.run_all,
        past: Vec::new(),
        content: None,
        groups: Vec::new(),
    })
}

fn text(wire: String) -> Option<String> {
    (!wire.is_empty()).then_some(wire)
}

fn spec_bytes(spec: &v1::SubmittedSpec) -> usize {
    let tests = spec.expected_tests.as_ref().map_or(0, |tests| tests.ids.iter().map(String::len).sum());
    let locks: usize = spec.locks.iter().map(|lock| lock.name.len() + 8).sum();
    spec.name.len() + spec.collection.len() + spec.assembly.len() + locks + tests
}

/// A submission as the messages of its stream. History and carried passes are the daemon's and do not travel.
pub fn submission_to_wire(submission: &Submission) -> Vec<v1::SubmitRequest> {
    let (workspace_in_place, shipped) = workspace_to_wire(&submission.workspace);
    let (joining, attempt) = joining_to_wire(submission.joining);
    let mut messages = vec![message(Part::Header(v1::SubmissionHeader {
        submission_id: submission_id_to_wire(submission.id),
        project: submission.project.clone(),
        build: submission.build.clone(),
        source: Some(source_to_wire(&submission.source)),
        workspace_in_place,
        max_failures: submission.policy.max_failures,
        lost_after_ms: submission.policy.lost_after.map(|limit| limit.0),
        worker_kills: submission.policy.worker_kills,
        shipped,
        joining: joining.into(),
        attempt,
        rules: Some(run_rules_to_wire(&submission.policy)),
        run_all: submission.run_all,
    }))];
    for group in &submission.groups {
        messages.push(message(Part::Group(v1::GroupHeader {
            label: group.label.clone(),
            suite: group.suite.clone(),
            requirements: group.requirements.iter().map(ToString::to_string).collect(),
            retries: group.policy.retries,
            recipe: Some(recipe_to_wire(&group.recipe)),
            rules: Some(group_rules_to_wire(&group.policy)),
        })));
        chunks(&group.specs, &mut messages);
    }
    messages
}

fn chunks(specs: &[SpecSubmission], messages: &mut Vec<v1::SubmitRequest>) {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for spec in specs {
        let wire = v1::SubmittedSpec {
            name: spec.name.clone(),
            size_bytes: spec.size_bytes,
            expected_tests: spec.expected_tests.clone().map(|ids| v1::TestList { ids }),
            collection: spec.collection.clone().unwrap_or_default(),
            serial: spec.serial,
            assembly: spec.assembly.clone().unwrap_or_default(),
            locks: locks_to_wire(&spec.locks),
            quarantined: spec.quarantined,
            whole: spec.whole,
        };
        let size = spec_bytes(&wire);
        if bytes + size > CHUNK_TARGET && !chunk.is_empty() {
            messages.push(message(Part::Specs(v1::SpecChunk { specs: std::mem::take(&mut chunk) })));
            bytes = 0;
        }
        bytes += size + 16;
        chunk.push(wire);
    }
    if !chunk.is_empty() {
        messages.push(message(Part::Specs(v1::SpecChunk { specs: chunk })));
    }
}

fn message(part: Part) -> v1::SubmitRequest {
    v1::SubmitRequest { part: Some(part) }
}
