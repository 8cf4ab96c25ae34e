//! Refused calls in the log: each is worth a line, a flood of them is not.

use crate::bounds;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Writes refused calls into the log, only so many in a while.
#[derive(Default)]
pub(crate) struct Denials {
    window: Mutex<Option<Window>>,
}

struct Window {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// This one; and how many were left out before it.
    Write {
        left_out: u64,
    },
    Nothing,
}

impl Denials {
    /// Tells of one.
    pub(crate) fn tell(&self, address: Option<IpAddr>, path: &str, peer: &str, why: &str) {
        let address = address.map_or_else(|| "this host".to_owned(), |address| address.to_string());
        match self.count(Instant::now()) {
            Line::Write { left_out: 0 } => tracing::warn!(address, path, peer, why, "a call was refused"),
            Line::Write { left_out } => {
                tracing::warn!(
                    address,
                    path,
                    peer,
                    why,
                    left_out,
                    "a call was refused, and others before it"
                );
            }
            Line::Nothing => {}
        }
    }

    fn count(&self, now: Instant) -> Line {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (fresh, left_out) = match &*window {
            Some(window) if now.duration_since(window.since) < bounds::DENIALS_WINDOW => (false, 0),
            Some(window) => (true, window.left_out),
            None => (true, 0),
        };
        if fresh {
            *window = Some(Window { since: now, written: 1, left_out: 0 });
            return Line::Write { left_out };
        }
        let Some(window) = &mut *window else { return Line::Nothing };
        if window.written < bounds::DENIALS_WRITTEN {
            window.written += 1;
            return Line::Write { left_out: 0 };
        }
        window.left_out += 1;
        Line::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_instead_of_written() {
        let (denials, start) = (Denials::default(), Instant::now());
        for _ in 0..bounds::DENIALS_WRITTEN {
            assert_eq!(denials.count(start), Line::Write { left_out: 0 });
        }
        assert_eq!(denials.count(start), Line::Nothing);
        assert_eq!(denials.count(start), Line::Nothing);
        let later = start + bounds::DENIALS_WINDOW;
        assert_eq!(denials.count(later), Line::Write { left_out: 2 });
        assert_eq!(denials.count(later), Line::Write { left_out: 0 });
    }
}
