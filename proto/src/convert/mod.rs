//! Conversions. To the wire they cannot fail; from the wire they name the field that is wrong.

mod error;
mod events;
mod finish;
mod ids;
mod link;
mod recipe;
mod rules;
mod runs;
mod submission;
mod workspace;

pub use error::WireError;
pub use events::{cancel_reason_from_wire, event_to_wire, spec_verdict_from_wire};
pub use finish::{
    attempt_verdict_from_wire, attempt_verdict_to_wire, finish_from_wire, finish_to_wire, test_from_wire,
    test_to_wire,
};
pub use ids::{
    attempt_from_wire, attempt_to_wire, run_id_from_wire, submission_id_from_wire, submission_id_to_wire,
};
pub use link::{
    LeaderSays, WorkerSays, command_from_wire, command_to_wire, drain_to_wire, health_to_wire,
    heartbeat_to_wire, introduction_to_wire, leader_heartbeat_to_wire, output_order_to_wire, report_to_wire,
    worker_message_from_wire,
};
pub use recipe::{recipe_from_wire, recipe_to_wire};
pub use runs::{
    run_verdict_from_wire, run_verdict_to_wire, source_from_wire, source_to_wire, summary_from_wire,
    summary_to_wire, what_if_from_wire, what_if_to_wire, worker_to_wire,
};
pub use submission::{SubmissionAssembler, submission_to_wire};
