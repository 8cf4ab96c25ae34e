//! Digests that were seen a short while ago, so that the store need not be asked for each of them again.

use part_store::Digest;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Remembers digests for at most a given time, and at most so many of them.
///
/// What is remembered counts as there although it may have been retired meanwhile: retention leaves retired blobs
/// readable for much longer than anything is remembered here, and brings back what a run needs.
pub(super) struct Known {
    generations: Mutex<Generations>,
    half_life: Duration,
    half: usize,
}

/// What was noted lately, and what was noted in the time before that.
struct Generations {
    new: HashSet<Digest>,
    old: HashSet<Digest>,
    since: Instant,
}

impl Known {
    /// Remembers at most `most` digests for at most `how_long`.
    pub(super) fn new(how_long: Duration, most: usize) -> Known {
        let generations = Generations { new: HashSet::new(), old: HashSet::new(), since: Instant::now() };
        Known { generations: Mutex::new(generations), half_life: how_long / 2, half: most / 2 }
    }

    pub(super) fn note(&self, digests: impl IntoIterator<Item = Digest>) {
        self.note_at(Instant::now(), digests);
    }

    /// Those that are not remembered, each once.
    pub(super) fn unknown(&self, digests: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
        self.unknown_at(Instant::now(), digests)
    }

    /// Forgets everything: something that was noted is not there any more.
    pub(super) fn forget(&self) {
        let generations = &mut *self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.new.clear();
        generations.old.clear();
    }

    fn note_at(&self, now: Instant, digests: impl IntoIterator<Item = Digest>) {
        let generations = &mut *self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in digests {
            generations.turn(now, self.half_life, self.half);
            generations.new.insert(digest);
        }
    }

    fn unknown_at(&self, now: Instant, digests: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
        let generations = &mut *self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.turn(now, self.half_life, usize::MAX);
        let mut seen = HashSet::new();
        let digests = digests.into_iter();
        digests.filter(|digest| !generations.has(digest) && seen.insert(*digest)).collect()
    }
}

impl Generations {
    fn has(&self, digest: &Digest) -> bool {
        self.new.contains(digest) || self.old.contains(digest)
    }

    fn turn(&mut self, now: Instant, half_life: Duration, half: usize) {
        let age = now.saturating_duration_since(self.since);
        if age >= half_life || self.new.len() >= half {
            let lately = std::mem::take(&mut self.new);
            self.old = if age >= half_life * 2 { HashSet::new() } else { lately };
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn nothing_is_remembered_for_longer_than_told() {
        let known = Known::new(Duration::from_secs(600), 1000);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        known.note_at(start, [digest(1)]);
        assert_eq!(known.unknown_at(start, [digest(1), digest(2), digest(2)]), [digest(2)]);
        for step in 1..20 {
            let now = at(step * 100);
            let remembered = known.unknown_at(now, [digest(1)]).is_empty();
            assert!(remembered || step >= 3, "for a while");
            assert!(!remembered || step <= 6, "not for ever");
            known.note_at(now, [digest(100 + step as u32)]);
        }
        let known = Known::new(Duration::from_secs(600), 1000);
        known.note_at(start, [digest(1)]);
        assert_eq!(known.unknown_at(at(601), [digest(1)]), [digest(1)]);
    }

    #[test]
    fn it_never_holds_more_than_told() {
        let known = Known::new(Duration::from_secs(600), 1000);
        known.note((0..10_000).map(digest));
        let unknown = known.unknown((0..10_000).map(digest));
        assert!((9000..=9500).contains(&unknown.len()), "{}", unknown.len());
        assert_eq!(unknown[0], digest(0), "the oldest go first");
    }
}
