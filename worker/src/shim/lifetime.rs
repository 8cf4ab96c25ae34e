//! When a shim leaves. Pure: time comes in as an argument.

use std::time::Instant;

use super::bounds;
use super::protocol::Mode;

/// What a shim has lived through, as far as it decides about its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    mode: Mode,
    started: Instant,
    had_controller: bool,
    /// Since when there is neither work nor controller.
    quiet_since: Instant,
    leaving: bool,
}

/// What a shim is at, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// An attempt runs.
    pub(crate) working: bool,
    /// A controller is connected.
    pub(crate) controlled: bool,
    /// A record exists nowhere but here.
    pub(crate) keeps_record: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    On,
    Until(Instant),
    Over,
}

impl Lifetime {
    pub(crate) fn new(mode: Mode, now: Instant) -> Lifetime {
        Lifetime { mode, started: now, had_controller: false, quiet_since: now, leaving: false }
    }

    pub(crate) fn controller_came(&mut self) {
        self.had_controller = true;
    }

    /// The controller went; says whether that ends the work too.
    pub(crate) fn controller_went(&mut self, now: Instant) -> bool {
        self.quiet_since = now;
        self.leaving |= self.mode == Mode::Tied;
        self.leaving
    }

    pub(crate) fn work_ended(&mut self, now: Instant) {
        self.quiet_since = now;
    }

    pub(crate) fn leave(&mut self) {
        self.leaving = true;
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub(crate) fn stay(&self, situation: Situation, now: Instant) -> Stay {
        if situation.working {
            return Stay::On;
        }
        if self.leaving {
            return Stay::Over;
        }
        if situation.controlled {
            return Stay::On;
        }
        let end = match self.mode {
            Mode::Tied if self.had_controller => return Stay::Over,
            Mode::Tied => self.started + bounds::FIRST_CONTROLLER_LIMIT,
            Mode::Detached if situation.keeps_record => self.quiet_since + bounds::UNSAVED_LIMIT,
            Mode::Detached => self.quiet_since + bounds::IDLE_LIMIT,
        };
        if now >= end { Stay::Over } else { Stay::Until(end) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const IDLE: Situation = Situation { working: false, controlled: false, keeps_record: false };

    #[test]
    fn a_tied_shim_waits_ten_seconds_for_its_owner_and_then_lives_with_it() {
        let start = Instant::now();
        let mut life = Lifetime::new(Mode::Tied, start);
        let limit = start + Duration::from_secs(10);
        assert_eq!(life.stay(IDLE, start), Stay::Until(limit));
        assert_eq!(life.stay(IDLE, limit), Stay::Over);
        life.controller_came();
        assert_eq!(life.stay(Situation { controlled: true, ..IDLE }, limit), Stay::On);
        assert!(life.controller_went(limit));
        assert_eq!(life.stay(Situation { working: true, ..IDLE }, limit), Stay::On, "ends its tree first");
        assert_eq!(life.stay(IDLE, limit), Stay::Over);
    }

    #[test]
    fn a_detached_shim_outlives_its_owner() {
        let start = Instant::now();
        let mut life = Lifetime::new(Mode::Detached, start);
        life.controller_came();
        let later = start + Duration::from_secs(1000);
        assert!(!life.controller_went(later));
        let idle_end = later + Duration::from_secs(600);
        assert_eq!(life.stay(IDLE, later), Stay::Until(idle_end));
        assert_eq!(life.stay(IDLE, idle_end), Stay::Over);
        let keeping = Situation { keeps_record: true, ..IDLE };
        assert_eq!(life.stay(keeping, idle_end), Stay::Until(later + Duration::from_secs(86400)));
        life.work_ended(idle_end);
        assert_eq!(life.stay(IDLE, idle_end), Stay::Until(idle_end + Duration::from_secs(600)));
    }

    #[test]
    fn told_to_leave_it_finishes_first() {
        let start = Instant::now();
        let mut life = Lifetime::new(Mode::Detached, start);
        life.leave();
        let working = Situation { working: true, controlled: true, keeps_record: true };
        assert_eq!(life.stay(working, start), Stay::On);
        assert_eq!(life.stay(Situation { working: false, ..working }, start), Stay::Over);
    }
}
