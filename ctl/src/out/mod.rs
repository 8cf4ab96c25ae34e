//! The two streams that `partctl` writes to: data on stdout, talk on stderr, and the live area below both.
//!
//! Everything that is printed goes through [`Out`]; nothing else in the crate touches the standard streams, but for
//! the diagnostic log that `-vv` asks for, during which nothing is drawn.

mod live;
mod streams;

pub(crate) use live::LiveArea;
pub(crate) use streams::{Format, Out, When};

#[cfg(test)]
pub(crate) use streams::Capture;
