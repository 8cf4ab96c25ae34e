//! Which run of its build a submit becomes part of, as far as the client decides it.

use super::identity::{Identity, Origin};
use part_core::{Joining, Millis, Submission};

/// What decides whether others may join, besides the build's identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Company {
    /// The mesh is in this process: nobody else can reach it.
    pub(crate) alone: bool,
    /// Other groups are to be waited for: a flag says so.
    pub(crate) waits: bool,
}

/// Which run of its build it becomes part of. A build id that was made up joins nothing, unless others are waited for.
pub(crate) fn joining(identity: &Identity, company: Company) -> Joining {
    if company.alone || !(identity.is_known() || company.waits) {
        return Joining::Never;
    }
    identity.attempt.map_or(Joining::Current, |attempt| Joining::Attempt(attempt.number))
}

/// Says in a submission which run it joins. One that nobody joins waits for nobody.
pub(crate) fn join(submission: &mut Submission, identity: &Identity, company: Company) {
    submission.joining = joining(identity, company);
    if submission.joining == Joining::Never {
        submission.policy.completion_delay = Millis::ZERO;
        submission.policy.expect = None;
    }
}

/// The line about the build that comes first: id, where that came from, attempt, and whether a run was joined.
#[derive(Clone, Debug)]
pub(crate) struct BuildLine<'a> {
    /// The build.
    pub(crate) identity: &'a Identity,
    /// Which run it was to become part of.
    pub(crate) joining: Joining,
    /// The attempt, by the leader; 0 where it does not count them.
    pub(crate) attempt: u32,
    /// The run that was joined, as people see it; none where it is new.
    pub(crate) joined: Option<String>,
}

impl BuildLine<'_> {
    /// The line, without its end. Ids are not cleaned for a terminal.
    pub(crate) fn text(&self) -> String {
        let build = &self.identity.build;
        let mut text = format!("build {build} ({})", self.identity.origin.words());
        if self.attempt > 0 {
            let asked = self.identity.attempt.filter(|asked| asked.number == self.attempt);
            let by = asked.map(|asked| format!(" ({})", asked.by)).unwrap_or_default();
            text.push_str(&format!(", attempt {}{by}", self.attempt));
        }
        text.push_str(&match (&self.joined, self.joining) {
            (Some(run), _) => format!(", joins run {run}"),
            (None, Joining::Never) => String::new(),
            (None, Joining::Current | Joining::Attempt(_)) => ", a new run".to_owned(),
        });
        text
    }

    /// How others come in, where the id was made up.
    pub(crate) fn hint(&self) -> Option<String> {
        let build = &self.identity.build;
        match (&self.identity.origin, self.joining) {
            (Origin::Asked(_) | Origin::Ci { .. }, _) => None,
            (Origin::MadeUp, Joining::Current | Joining::Attempt(_)) => {
                Some(format!("others join with --ci-build-id {build}"))
            }
            (Origin::MadeUp, Joining::Never) => Some(
                "nobody joins this run; for several submits in one run give all of them the same --ci-build-id ID"
                    .to_owned(),
            ),
        }
    }
}
