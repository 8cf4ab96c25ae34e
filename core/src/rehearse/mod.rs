//! Rehearsals: the real [`Core`](crate::Core), with workers that only pretend, in a time that only counts.
//!
//! A [`Rehearsal`] is given virtual workers, submissions with the moment at which they come, and a function that says
//! how long each attempt really takes. [`Rehearsal::play`] then lets the core decide everything that it decides in a
//! mesh, moves a virtual clock from one event to the next, and hands back what ran where and when. The same rehearsal
//! always gives the same result. Forecasts, benchmarks and tests use it, so what they say is what the mesh would do.
//!
//! Deliberately not here: faults of the network, of the store, or of the leader; those are played by the simulation of
//! the whole mesh.
//!
//! ```
//! use part_core::rehearse::{Act, Rehearsal, VirtualWorker};
//! # use part_core::{GroupPolicy, GroupSubmission, Joining, Millis, Recipe, Requirements, RunPolicy, Source};
//! # use part_core::{SpecSubmission, Submission, SubmissionId, Timestamp, Workspace};
//! # let spec = |name: &str| SpecSubmission { name: name.to_owned(), ..SpecSubmission::default() };
//! # let recipe = Recipe::of_command(vec!["true".to_owned()]);
//! # let group = GroupSubmission { label: "all".to_owned(), suite: "all".to_owned(), requirements: Requirements::default(),
//! #     policy: GroupPolicy::default(), recipe, overhead: None, specs: vec![spec("a"), spec("b"), spec("c")] };
//! # let submission = Submission { id: SubmissionId(1), project: "shop".to_owned(), build: "1".to_owned(),
//! #     joining: Joining::Never, past: Vec::new(), run_all: false, source: Source::default(),
//! #     workspace: Workspace::InPlace("/srv/shop".to_owned()), policy: RunPolicy::default(), content: None,
//! #     groups: vec![group] };
//! let mut rehearsal = Rehearsal::new();
//! rehearsal.worker(VirtualWorker::new("left", 1)).worker(VirtualWorker::new("right", 1));
//! rehearsal.submit(Timestamp(0), submission);
//! let played = rehearsal.play(|_attempt| Act::passes(Millis(1000))).expect("three specs run on two slots");
//! assert_eq!(played.makespan(), Millis(2000));
//! ```
//!
//! Start reading at [`Rehearsal`]; the clock is in `play.rs`, the pretended machines in `host.rs`.

mod host;
mod outcome;
mod play;
mod scene;
#[cfg(test)]
mod tests;

pub use outcome::{Placement, Rehearsed, RehearsedRun};
pub use scene::{Act, Begun, Leaving, Rehearsal, RehearsalError, VirtualWorker};
