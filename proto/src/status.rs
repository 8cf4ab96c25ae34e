//! The one table from refusals to gRPC statuses, and back to words for people.

use crate::WireError;
use part_core::{IdParseError, Refusal};
use tonic::{Code, Status};

/// What a server answers to a refused request.
pub fn of_refusal(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::Invalid(_) | Refusal::BadId(_) => Code::InvalidArgument,
        Refusal::NoWorker { .. } => Code::FailedPrecondition,
        Refusal::OtherContent { .. } | Refusal::LabelTaken { .. } => Code::AlreadyExists,
        Refusal::Complete { .. } | Refusal::OtherPolicy { .. } => Code::FailedPrecondition,
        Refusal::Full { .. } => Code::ResourceExhausted,
        Refusal::NotRunning { .. } => Code::NotFound,
    };
    Status::new(code, refusal.to_string())
}

/// What a server answers to a message that cannot be understood.
pub fn of_wire_error(error: &WireError) -> Status {
    Status::new(Code::InvalidArgument, error.to_string())
}

/// What a server answers to text that is no run id.
pub fn of_bad_id(error: &IdParseError) -> Status {
    Status::new(Code::InvalidArgument, error.to_string())
}

/// Nothing by that name.
pub fn not_found(what: impl Into<String>) -> Status {
    Status::new(Code::NotFound, what)
}

/// The request makes no sense in the state that things are in.
pub fn wrong_state(what: impl Into<String>) -> Status {
    Status::new(Code::FailedPrecondition, what)
}

/// Too much of something.
pub fn exhausted(what: impl Into<String>) -> Status {
    Status::new(Code::ResourceExhausted, what)
}

/// The daemon cannot answer now; trying again later can help.
pub fn unavailable(what: impl Into<String>) -> Status {
    Status::new(Code::Unavailable, what)
}

/// The daemon's store or disk failed.
pub fn broken(what: impl Into<String>) -> Status {
    Status::new(Code::Internal, what)
}

/// Stored bytes are not what they were.
pub fn data_loss(what: impl Into<String>) -> Status {
    Status::new(Code::DataLoss, what)
}

/// Nobody knows who asks; the words say what is missing and how to get it.
pub fn unauthenticated(what: impl Into<String>) -> Status {
    Status::new(Code::Unauthenticated, what)
}

/// Who asks is known, and may not.
pub fn denied(what: impl Into<String>) -> Status {
    Status::new(Code::PermissionDenied, what)
}

/// Somebody else has that name.
pub fn taken(what: impl Into<String>) -> Status {
    Status::new(Code::AlreadyExists, what)
}

/// The request itself makes no sense.
pub fn invalid(what: impl Into<String>) -> Status {
    Status::new(Code::InvalidArgument, what)
}
