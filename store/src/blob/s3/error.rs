//! What an error of the server or the network means.

use crate::Cause;
use crate::blob::{BlobError, Digest};
use object_store::client::HttpError;
use std::error::Error as _;
use thiserror::Error;

/// The bucket, as people know it: `bucket NAME at ENDPOINT`.
#[derive(Clone, Debug)]
pub(super) struct Place(pub(super) String);

/// A cause with what to do about it.
#[derive(Debug, Error)]
#[error("{remedy}")]
struct Hint {
    remedy: &'static str,
    source: object_store::Error,
}

const NO_BUCKET: &str = "there is no such bucket: make it, or name another one";
const REFUSED: &str = "the server refuses the credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do \
                       in the bucket (list, get, put, delete)";
const ELSEWHERE: &str = "the bucket is in another region or place: check AWS_REGION and AWS_ENDPOINT_URL";
const WRONG: &str =
    "the server refuses the request: check that AWS_ENDPOINT_URL names an S3-compatible server";

/// What the text of an error tells. The server's codes come first: statuses are shared by several of them, and the
/// library keeps the types of its own errors to itself.
const SIGNS: &[(&str, Meaning)] = &[
    ("NoSuchBucket", Meaning::Lasting(NO_BUCKET)),
    ("SignatureDoesNotMatch", Meaning::Lasting(REFUSED)),
    ("InvalidAccessKeyId", Meaning::Lasting(REFUSED)),
    ("AccessDenied", Meaning::Lasting(REFUSED)),
    ("PermanentRedirect", Meaning::Lasting(ELSEWHERE)),
    ("AuthorizationHeaderMalformed", Meaning::Lasting(ELSEWHERE)),
    ("redirect without LOCATION", Meaning::Lasting(ELSEWHERE)),
    ("QuotaExceeded", Meaning::Full),
    ("StorageFull", Meaning::Full),
    ("status code: 507", Meaning::Full),
    ("status code: 401", Meaning::Lasting(REFUSED)),
    ("status code: 403", Meaning::Lasting(REFUSED)),
    // Slow down, and a request that took too long to come.
    ("status code: 429", Meaning::Passing),
    ("status code: 408", Meaning::Passing),
    ("status code: 3", Meaning::Lasting(ELSEWHERE)),
    ("status code: 4", Meaning::Lasting(WRONG)),
    // Of the network's troubles, this one does not pass.
    ("invalid peer certificate", Meaning::Lasting("the server's certificate is not trusted here")),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Full,
    Passing,
    Lasting(&'static str),
}

/// What an error means when one blob was asked for.
pub(super) fn of_blob(
    doing: &'static str,
    place: &Place,
    digest: Digest,
    error: object_store::Error,
) -> BlobError {
    match is_missing(&error) {
        true => BlobError::NotFound { digest, place: place.0.clone() },
        false => of(doing, place, error),
    }
}

/// True when there is no such object in a bucket that is there. Of a question for the head alone, the answer for a
/// missing bucket looks the same.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && !chain(error).contains("NoSuchBucket")
}

/// What an error means.
pub(super) fn of(doing: &'static str, place: &Place, error: object_store::Error) -> BlobError {
    let (place, meaning) = (place.0.clone(), meaning(&error));
    match meaning {
        Meaning::Full => BlobError::Full { doing, place, source: error.into() },
        Meaning::Passing => BlobError::Unavailable { doing, place, source: error.into() },
        Meaning::Lasting(remedy) => {
            let source: Cause = Box::new(Hint { remedy, source: error });
            BlobError::Inaccessible { doing, place, source }
        }
    }
}

fn meaning(error: &object_store::Error) -> Meaning {
    let text = chain(error);
    if let Some((_, meaning)) = SIGNS.iter().find(|(sign, _)| text.contains(sign)) {
        return *meaning;
    }
    if is_of_the_network(error) {
        return Meaning::Passing;
    }
    // What the server answers is a sign above or its own trouble (5xx); these are the library's.
    if matches!(error, object_store::Error::NotFound { .. }) {
        return Meaning::Lasting(NO_BUCKET);
    }
    let refused = matches!(
        error,
        object_store::Error::InvalidPath { .. }
            | object_store::Error::NotSupported { .. }
            | object_store::Error::NotImplemented { .. }
            | object_store::Error::UnknownConfigurationKey { .. }
    );
    if refused { Meaning::Lasting(WRONG) } else { Meaning::Passing }
}

fn is_of_the_network(error: &object_store::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<HttpError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &'static str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn errors_are_told_apart_by_what_helps() {
        let table = [
            (
                "Server returned non-2xx status code: 404 Not Found: <Code>NoSuchBucket</Code>",
                Meaning::Lasting(NO_BUCKET),
            ),
            (
                "Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>",
                Meaning::Lasting(REFUSED),
            ),
            ("Server returned non-2xx status code: 401 Unauthorized: ", Meaning::Lasting(REFUSED)),
            (
                "Server returned non-2xx status code: 400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>",
                Meaning::Lasting(ELSEWHERE),
            ),
            ("Received redirect without LOCATION, this normally", Meaning::Lasting(ELSEWHERE)),
            ("Server returned non-2xx status code: 400 Bad Request: who are you?", Meaning::Lasting(WRONG)),
            (
                "Server returned non-2xx status code: 507 Insufficient Storage: <Code>XMinioStorageFull</Code>",
                Meaning::Full,
            ),
            (
                "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>",
                Meaning::Passing,
            ),
            ("Server returned non-2xx status code: 429 Too Many Requests: ", Meaning::Passing),
            ("connection refused", Meaning::Passing),
        ];
        for (text, expected) in table {
            assert_eq!(meaning(&generic(text)), expected, "{text}");
        }
    }
}
