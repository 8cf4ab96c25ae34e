//! gRPC statuses to errors for people; `part_proto::status` makes them.

use crate::error::{CliError, Kind};
use tonic::{Code, Status};

/// An error for a refused or broken call. `doing` completes "cannot …".
pub(crate) fn from_status(doing: &str, at: &str, status: &Status) -> CliError {
    let kind = kind(status.code());
    let said = match status.message() {
        "" => status.code().description().to_owned(),
        said => said.to_owned(),
    };
    let error = CliError::new(kind, format!("cannot {doing}: {said}"));
    match status.code() {
        Code::Unavailable => {
            error.because(Unanswered(at.to_owned())).hint(format!("is partd running at {at}?"))
        }
        Code::Unauthenticated | Code::PermissionDenied => error.hint("a token with the right role is needed"),
        Code::Unimplemented => {
            error.hint("the daemon is older than this partctl: bring both to the same version")
        }
        Code::DataLoss => error.hint("partctl doctor checks the daemon's store"),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal => error,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0} does not answer")]
struct Unanswered(String);

fn kind(code: Code) -> Kind {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::OutOfRange
        | Code::PermissionDenied
        | Code::Unauthenticated => Kind::Usage,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Kind::Mesh,
    }
}

/// True for trouble that may pass, so that connecting again makes sense.
pub(crate) fn is_passing(code: Code) -> bool {
    match code {
        Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_kinds_and_an_absent_daemon_is_said() {
        let table = [
            (Code::InvalidArgument, 2),
            (Code::NotFound, 2),
            (Code::PermissionDenied, 2),
            (Code::FailedPrecondition, 3),
            (Code::ResourceExhausted, 3),
            (Code::Unavailable, 3),
            (Code::Internal, 3),
        ];
        for (code, exit) in table {
            let error = from_status("list runs", "localhost:7000", &Status::new(code, "so"));
            assert_eq!(error.kind().exit().code(), exit, "{code:?}");
            assert_eq!(error.to_string(), "cannot list runs: so");
        }
        let absent = from_status("list runs", "localhost:7000", &Status::unavailable("tcp connect error"));
        assert_eq!(absent.hints(), ["is partd running at localhost:7000?"]);
    }
}
