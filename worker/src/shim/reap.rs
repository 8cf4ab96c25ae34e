//! Collecting ended children with what they used.

use std::io;

use nix::libc;

use super::protocol::{MainEnd, Usage};
use super::raw;

/// A child that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) pid: i32,
    pub(crate) end: MainEnd,
    pub(crate) usage: Usage,
}

/// What there was to collect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Collected {
    /// This child.
    One(Ended),
    /// Nothing yet, but there are children.
    Nothing,
    /// There are no children. To a subreaper that means: no descendants either.
    Alone,
}

/// Collects one ended child, without waiting.
pub(crate) fn collect() -> io::Result<Collected> {
    let (pid, status, usage) = match raw::wait4() {
        Ok(ended) => ended,
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(Collected::Alone),
        Err(error) => return Err(error),
    };
    if pid == 0 {
        return Ok(Collected::Nothing);
    }
    let end = if libc::WIFSIGNALED(status) {
        MainEnd::Signaled { signal: libc::WTERMSIG(status) }
    } else {
        MainEnd::Exited { code: libc::WEXITSTATUS(status) }
    };
    Ok(Collected::One(Ended { pid, end, usage: to_usage(&usage) }))
}

fn to_usage(usage: &libc::rusage) -> Usage {
    // Linux counts resident memory in KiB, macOS in bytes.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    Usage {
        user_ms: to_ms(usage.ru_utime),
        system_ms: to_ms(usage.ru_stime),
        max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(unit),
    }
}

fn to_ms(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(micros / 1000)
}

impl Usage {
    /// Adds what one more process used.
    pub(crate) fn add(&mut self, other: Usage) {
        self.user_ms = self.user_ms.saturating_add(other.user_ms);
        self.system_ms = self.system_ms.saturating_add(other.system_ms);
        self.max_rss_bytes = self.max_rss_bytes.max(other.max_rss_bytes);
    }
}
