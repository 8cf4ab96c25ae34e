//! The run as it is folded and told.

use super::pump::Pumped;
use crate::error::CliError;
use crate::out::Out;
use crate::render::human::Tail;
use crate::render::{Reporter, Wanted};
use crate::text::count;
use crate::view::{LeaderClock, Notice, Own, RunView};
use part_core::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// The view with everything that is needed to tell it.
pub(super) struct Telling<'t> {
    view: RunView,
    leader_clock: LeaderClock,
    now: fn() -> Timestamp,
    live_after: u64,
    own: Option<Own>,
    /// Groups that are told already.
    groups: usize,
    out: &'t mut Out,
    reporter: &'t mut Reporter,
    drawn: Option<Instant>,
    /// No events come now.
    lost: bool,
}

/// What an item of the pump led to.
pub(super) enum Taken {
    /// Nothing more to do.
    Nothing,
    /// A failure that needs the end of its output.
    Wanted(Wanted),
    /// There will be no more; if set, this is wrong.
    End(Option<CliError>),
}

impl<'t> Telling<'t> {
    pub(super) fn new(
        view: RunView,
        now: fn() -> Timestamp,
        live_after: u64,
        own: Option<Own>,
        out: &'t mut Out,
        reporter: &'t mut Reporter,
    ) -> Self {
        Telling {
            view,
            leader_clock: LeaderClock::default(),
            now,
            live_after,
            own,
            groups: 0,
            out,
            reporter,
            drawn: None,
            lost: false,
        }
    }

    /// The run so far.
    pub(super) fn view(&self) -> &RunView {
        &self.view
    }

    /// The groups of this client, where it has some.
    pub(super) fn own(&self) -> Option<&Own> {
        self.own.as_ref()
    }

    /// Folds and tells what the pump delivered.
    pub(super) fn take(&mut self, item: Option<Pumped>, until: Option<u64>) -> Taken {
        let event = match item {
            Some(Pumped::Event(event)) => *event,
            Some(Pumped::Lost { why }) => {
                self.lost = true;
                self.say(&format!("the connection was lost ({why}); connecting again"));
                return Taken::Nothing;
            }
            Some(Pumped::Restored) => {
                self.lost = false;
                self.say("connected again; nothing was missed");
                return Taken::Nothing;
            }
            Some(Pumped::Ended) => return Taken::End(None),
            Some(Pumped::Gone(error)) => return Taken::End(Some(*error)),
            None => return Taken::End(Some(CliError::mesh("the events of the run stopped coming"))),
        };
        let live = event.number > self.live_after;
        self.leader_clock.observe(Timestamp(event.at), (self.now)(), live);
        self.reporter.event(self.out, &self.view, &event);
        if let Some(own) = &mut self.own {
            own.observe(&event);
        }
        let notice = match self.view.apply(event) {
            Ok(notice) => notice,
            Err(error) => {
                let error = CliError::mesh("the run cannot be followed").because(error);
                return Taken::End(Some(error));
            }
        };
        let wanted = notice.and_then(|notice| self.notice(notice));
        if until.is_some_and(|until| self.view.cursor >= until) {
            // A failure that still wants its output is told without it: an abandoned run has no later chance.
            if let Some(wanted) = wanted {
                self.failure(wanted, &Tail::Empty);
            }
            return Taken::End(None);
        }
        wanted.map_or(Taken::Nothing, Taken::Wanted)
    }

    /// Tells what is this client's to tell: nothing about single specs of others.
    fn notice(&mut self, notice: Notice) -> Option<Wanted> {
        match notice {
            Notice::Sealed => return self.sealed(),
            Notice::Assigned { spec, .. }
            | Notice::Ended { spec, .. }
            | Notice::Superseded { spec, .. }
            | Notice::Decided { spec } => {
                if self.own.as_ref().is_some_and(|own| !own.has_spec(spec as u32)) {
                    return None;
                }
            }
            Notice::Cancelled | Notice::Finished | Notice::UnknownKind => {}
        }
        self.reporter.notice(self.out, &self.view, notice)
    }

    /// Tells the run when its groups are known, once, and what joined it later.
    fn sealed(&mut self) -> Option<Wanted> {
        let before = std::mem::replace(&mut self.groups, self.view.groups.len());
        if self.own.as_ref().is_some_and(|own| !own.is_in()) {
            // The own groups are about to join a run that others opened.
            self.groups = 0;
            return None;
        }
        if before == 0 {
            return self.reporter.notice(self.out, &self.view, Notice::Sealed);
        }
        let joined: Vec<String> = self.view.groups[before.min(self.view.groups.len())..]
            .iter()
            .map(|group| format!("group {} with {}", group.label, count(group.specs, "spec")))
            .collect();
        if !joined.is_empty() && !self.reporter.is_quiet() {
            self.say(&format!("{} joined the run", joined.join(", ")));
        }
        None
    }

    /// Tells a failure in full.
    pub(super) fn failure(&mut self, wanted: Wanted, tail: &Tail) {
        self.reporter.ended(self.out, &self.view, wanted, tail);
        self.view.forget_output(wanted.spec, wanted.attempt);
    }

    /// This client stops the run.
    pub(super) fn cancelling(&mut self) {
        self.reporter.cancelling();
    }

    /// Tells something that is no event.
    pub(super) fn say(&mut self, text: &str) {
        self.reporter.note(self.out, text);
    }

    /// Says why nothing runs: once, and from then on as long as it is so.
    pub(super) fn idle(&mut self, why: Option<String>) {
        self.reporter.idle(self.out, why);
    }

    /// Draws the live area when it is time to, or when something was written over it.
    pub(super) fn frame(&mut self, every: Duration) {
        let now = Instant::now();
        let due = self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= every);
        if due || (self.reporter.is_live() && !self.out.is_live_drawn()) {
            let time = (self.now)();
            self.reporter.tick(self.out, &self.view, self.leader_clock.at(time), time, self.lost);
            self.drawn = Some(now);
        }
    }

    /// Ends the telling.
    pub(super) fn end(self) -> (RunView, Option<Own>) {
        self.out.hide_live();
        (self.view, self.own)
    }
}
