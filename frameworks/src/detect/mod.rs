//! Which frameworks a folder uses, for `partctl init`: a proposal that a person looks at.
//!
//! Packages in folders below are found as well. Where a folder and one below it both prove the same framework by a
//! configuration file, the outer one stands for both; where the outer one only depends on it, the inner ones count.

mod claims;
mod detection;
mod evidence;
mod tree;

pub use detection::{DetectError, Detected, Detection, detect};
