//! What is kept for how long: finished runs by age and size, and blobs for as long as something refers to them.
//!
//! Only the leader's process does it, and nothing breaks where two do for a moment: every step can be repeated. A blob
//! goes in three steps, with days between the first and the last: it is put, and safe for a day whatever refers to it;
//! then, when nothing does, it is *retired*, which leaves it readable; and a day later it is deleted, unless something
//! refers to it by then, which brings it back. So a run that is just being opened never loses a file to a pass that
//! began before, although nothing is locked, and although clients talk to any daemon.

mod live;
mod report;
mod runs;
mod sweep;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use report::{RetentionReport, RetentionSummary};
pub(crate) use task::Retention;
