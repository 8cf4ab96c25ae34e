//! Every bound of connecting, in one place, with its reason.

use std::time::Duration;

/// How long one address of a host may take to accept a connection; a name may have several.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried: more are never both different and useful.
pub(crate) const ADDRESSES: usize = 4;
/// How long the other side may take for its half of the TLS handshake; a daemon gives as long.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);
/// A connection on which nothing was heard for so long is asked whether it lives, and given up after as long again.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Certificates sent by the other side that are looked at: a leaf, and an authority for each of two generations, with
/// room to spare.
pub(crate) const CHAIN: usize = 8;
/// Bytes of a file with certificates or a key. Real ones have a few thousand.
pub(crate) const FILE_BYTES: u64 = 1 << 20;
