//! Identifiers.

use super::error::{WireError, required};
use crate::v1;
use part_core::{AttemptId, RunId, SpecIndex, SubmissionId};

/// A run's full id.
pub fn run_id_from_wire(text: &str) -> Result<RunId, WireError> {
    text.parse().map_err(|error: part_core::IdParseError| WireError::wrong("run", error))
}

/// A submission's 16 bytes.
pub fn submission_id_from_wire(bytes: &[u8]) -> Result<SubmissionId, WireError> {
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| {
        WireError::wrong("submission_id", format!("it has {} bytes instead of 16", bytes.len()))
    })?;
    Ok(SubmissionId(u128::from_be_bytes(bytes)))
}

/// A submission's 16 bytes.
pub fn submission_id_to_wire(id: SubmissionId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

/// An attempt's name.
pub fn attempt_to_wire(id: AttemptId) -> v1::AttemptRef {
    v1::AttemptRef { run: id.run.to_string(), spec: id.spec.0, number: id.number }
}

/// An attempt's name.
pub fn attempt_from_wire(wire: Option<&v1::AttemptRef>) -> Result<AttemptId, WireError> {
    let wire = required("attempt", wire)?;
    if wire.number == 0 {
        return Err(WireError::wrong("attempt.number", "attempts are numbered from 1"));
    }
    Ok(AttemptId { run: run_id_from_wire(&wire.run)?, spec: SpecIndex(wire.spec), number: wire.number })
}
