//! What etcd's and the transport's errors mean. They come as texts more often than as types, so texts are looked at.

use super::trouble::{Kind, Trouble};
use etcd_client::Error;
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

impl Trouble {
    /// A call was not answered in time.
    pub(super) fn slow(endpoint: &Arc<str>, patience: Duration) -> Trouble {
        Trouble::new(Kind::Connection, endpoint, format!("answers slower than {patience:?}"))
    }

    /// A call failed.
    pub(super) fn of(error: &Error, endpoint: &Arc<str>) -> Trouble {
        match error {
            Error::GRpcStatus(status) => by_status(status.code(), &words(status.message(), status), endpoint),
            Error::TransportError(error) => connection(&words(&error.to_string(), error), endpoint),
            Error::LeaseKeepAliveError(why) if why.contains(LEASE_NOT_FOUND) => {
                Trouble::new(Kind::LeaseGone, endpoint, "does not know the lease any more")
            }
            Error::InvalidUri(why) => {
                let what = format!("is no address that could be called ({why})");
                Trouble::new(Kind::Endpoint, endpoint, what)
                    .with_remedy("write http://HOST:PORT in cluster.etcd")
            }
            other @ (Error::LeaseKeepAliveError(_)
            | Error::InvalidArgs(_)
            | Error::IoError(_)
            | Error::WatchError(_)
            | Error::Utf8Error(_)
            | Error::ElectError(_)
            | Error::InvalidMetadataValue(_)
            | Error::EndpointError(_)
            | Error::EndpointsNotManaged
            | Error::Internal(_)) => connection(&other.to_string(), endpoint),
        }
    }

    /// etcd gave a reason in words, with the code in them.
    pub(super) fn said(endpoint: &Arc<str>, what: &str, reason: &str) -> Trouble {
        if reason.contains("permission denied") {
            return by_status(Code::PermissionDenied, reason, endpoint);
        }
        Trouble::new(Kind::Connection, endpoint, format!("{what} ({reason})"))
    }
}

const LEASE_NOT_FOUND: &str = "lease not found";

fn by_status(code: Code, words: &str, endpoint: &Arc<str>) -> Trouble {
    let trouble = |kind, what: &str| Trouble::new(kind, endpoint, what);
    let has = |text| words.contains(text);
    match code {
        Code::NotFound if has(LEASE_NOT_FOUND) => {
            trouble(Kind::LeaseGone, "does not know the lease any more")
        }
        Code::InvalidArgument if has("authentication failed") => {
            trouble(Kind::Final, "refuses this user name or password")
                .with_remedy("check cluster.user and the file cluster.password-file")
        }
        Code::InvalidArgument if has("user name is empty") => {
            trouble(Kind::Final, "asks for a user name and a password")
                .with_remedy("set cluster.user and cluster.password-file")
        }
        Code::FailedPrecondition if has("authentication is not enabled") => {
            trouble(Kind::Final, "knows no users, because its authentication is not switched on")
                .with_remedy("remove cluster.user from the configuration, or run `etcdctl auth enable`")
        }
        Code::PermissionDenied => {
            trouble(Kind::Final, "does not let this user read and write the keys of the mesh").with_remedy(
                "as its administrator, run `etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX/` with \
                 the value of cluster.prefix",
            )
        }
        Code::Unauthenticated | Code::InvalidArgument if has("auth") => {
            Trouble::new(Kind::Connection, endpoint, format!("wants us to authenticate again ({words})"))
        }
        Code::ResourceExhausted if has("space exceeded") => {
            trouble(Kind::Passing, "takes no more writes: its space is used up")
                .with_remedy("compact and defragment it, then run `etcdctl alarm disarm`")
        }
        Code::Unavailable if has("no leader") => {
            trouble(Kind::Connection, "has no leader: too few of its members are up")
        }
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => connection(words, endpoint),
        Code::Unimplemented => {
            trouble(Kind::Endpoint, "is something else: it does not know etcd's calls").with_remedy(CHECK_ENDPOINT)
        }
        Code::Ok
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss
        | Code::Unauthenticated => {
            Trouble::new(Kind::Passing, endpoint, format!("refuses what was asked ({words})"))
        }
    }
}

const CHECK_ENDPOINT: &str = "check cluster.etcd (--etcd), and that etcd runs there";

/// A failure of the connection, of which there are only words.
fn connection(words: &str, endpoint: &Arc<str>) -> Trouble {
    let has = |text| words.contains(text);
    if has("invalid peer certificate") {
        let what = format!("has a certificate that this host does not trust ({words})");
        return Trouble::new(Kind::Endpoint, endpoint, what).with_remedy(
            "name its authority in cluster.ca, and call it in cluster.etcd as its certificate does",
        );
    }
    if has("received fatal alert") {
        let what = format!("refuses this host's certificate, or wants one ({words})");
        return Trouble::new(Kind::Endpoint, endpoint, what).with_remedy("set cluster.cert and cluster.key");
    }
    if has("received corrupt message") || has("InvalidContentType") {
        let what = "does not speak TLS";
        return Trouble::new(Kind::Endpoint, endpoint, what).with_remedy("write http:// in cluster.etcd");
    }
    let trouble = Trouble::new(Kind::Connection, endpoint, format!("cannot be reached ({words})"));
    match has("refused") || has("lookup") {
        true => trouble.with_remedy(CHECK_ENDPOINT),
        false => trouble,
    }
}

/// A message with those of its causes that say more.
fn words(message: &str, error: &dyn std::error::Error) -> String {
    let mut words = message.to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) && !more.starts_with("code: ") {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Kind, Trouble};
    use etcd_client::Error;
    use std::sync::Arc;
    use tonic::{Code, Status};

    #[test]
    fn each_failure_has_its_meaning_and_remedy() {
        let rows = [
            (Code::NotFound, "etcdserver: requested lease not found", Kind::LeaseGone, "lease"),
            (
                Code::InvalidArgument,
                "etcdserver: authentication failed, invalid user ID or password",
                Kind::Final,
                "password",
            ),
            (Code::InvalidArgument, "etcdserver: user name is empty", Kind::Final, "cluster.user"),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old", Kind::Connection, "again"),
            (
                Code::FailedPrecondition,
                "etcdserver: authentication is not enabled",
                Kind::Final,
                "auth enable",
            ),
            (Code::PermissionDenied, "etcdserver: permission denied", Kind::Final, "grant-permission"),
            (Code::Unauthenticated, "etcdserver: invalid auth token", Kind::Connection, "again"),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", Kind::Passing, "disarm"),
            (Code::Unavailable, "etcdserver: no leader", Kind::Connection, "members"),
            (
                Code::Unavailable,
                "tcp connect error: Connection refused (os error 111)",
                Kind::Connection,
                "--etcd",
            ),
            (Code::Unavailable, "invalid peer certificate: UnknownIssuer", Kind::Endpoint, "cluster.ca"),
            (Code::Unknown, "received fatal alert: CertificateRequired", Kind::Endpoint, "cluster.cert"),
            (
                Code::Unavailable,
                "received corrupt message of type InvalidContentType",
                Kind::Endpoint,
                "http://",
            ),
            (Code::Unimplemented, "", Kind::Endpoint, "something else"),
            (
                Code::OutOfRange,
                "etcdserver: mvcc: required revision has been compacted",
                Kind::Passing,
                "compacted",
            ),
        ];
        let endpoint = Arc::from("http://h:1");
        for (code, message, kind, says) in rows {
            let trouble = Trouble::of(&Error::GRpcStatus(Status::new(code, message)), &endpoint);
            assert_eq!(trouble.kind, kind, "{message}");
            let text = trouble.to_string();
            assert!(text.starts_with("etcd at http://h:1 ") && text.contains(says), "{text}");
        }
    }
}
