//! Tells a run as it goes.

use super::human::{self, Commands, Tail};
use super::json::{self, Line};
use crate::out::{Format, Out};
use crate::text::{clean, count};
use crate::view::{Conclusion, Notice, RunView};
use part_core::{AttemptVerdict, CancelReason, Timestamp};
use part_proto::v1;

/// Silence in milliseconds after which a log gets a sign of life.
const HEARTBEAT: u64 = 30_000;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Failures and the summary.
    Quiet,
    /// Every spec that ends.
    #[default]
    Normal,
    /// Every attempt that starts, too.
    Verbose,
}

/// A failure that is to be told once the end of its attempt's output is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Place of the spec.
    pub(crate) spec: usize,
    /// Number of the attempt.
    pub(crate) attempt: u32,
}

/// Tells a run as it goes.
pub(crate) struct Reporter {
    verbosity: Verbosity,
    commands: Commands,
    /// Draw a live area.
    live: bool,
    /// When something was last written for people; none before the first tick.
    last_sign: Option<Timestamp>,
    /// The last line on stdout is empty.
    blank: bool,
    /// This client asked for a cancel.
    cancelling: bool,
    /// Why nothing runs, where that is known.
    idle: Option<String>,
}

impl Reporter {
    /// `live` asks for the live area; it is only drawn on a terminal and for people.
    pub(crate) fn new(out: &Out, verbosity: Verbosity, commands: Commands, live: bool) -> Self {
        let live = live && out.talk_palette().terminal() && out.format() == Format::Human;
        Reporter { verbosity, commands, live, last_sign: None, blank: false, cancelling: false, idle: None }
    }

    /// True when only failures and the summary are told.
    pub(crate) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// True when a live area is drawn.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// An event came, which `view` has not folded yet.
    pub(crate) fn event(&mut self, out: &mut Out, view: &RunView, event: &v1::Event) {
        match out.format() {
            Format::Human => {}
            Format::Json => out.json(&json::ledger_line(view, event)),
        }
    }

    /// Something worth telling happened. A failure is told later, by [`Reporter::ended`], with its output.
    pub(crate) fn notice(&mut self, out: &mut Out, view: &RunView, notice: Notice) -> Option<Wanted> {
        if out.format() == Format::Json {
            return None;
        }
        let palette = out.palette();
        match notice {
            Notice::Sealed if self.verbosity == Verbosity::Quiet => {}
            Notice::Sealed => {
                let header = human::header(view, out.talk_palette());
                self.talk(out, &header);
            }
            Notice::Assigned { spec, attempt } => {
                let spec = &view.specs[spec];
                let attempt = spec.attempt(attempt)?;
                match self.verbosity {
                    Verbosity::Verbose => self.data(out, &human::started(view, spec, attempt, palette)),
                    Verbosity::Normal if attempt.number > 1 => {
                        self.data(out, &human::retried(view, spec, attempt, palette));
                    }
                    Verbosity::Normal | Verbosity::Quiet => {}
                }
            }
            Notice::Ended { spec, attempt } => {
                let ended = view.specs[spec].attempt(attempt)?;
                if ended.dismissed {
                    if self.verbosity == Verbosity::Verbose {
                        self.data(out, &human::beaten(view, &view.specs[spec], ended, palette));
                    }
                    return None;
                }
                let finish = ended.finish()?;
                match finish.verdict {
                    AttemptVerdict::Passed | AttemptVerdict::Cancelled | AttemptVerdict::Lost => {
                        self.ended(out, view, Wanted { spec, attempt }, &Tail::Empty);
                    }
                    AttemptVerdict::Failed
                    | AttemptVerdict::TimedOut
                    | AttemptVerdict::Crashed
                    | AttemptVerdict::SetupFailed
                    | AttemptVerdict::Invalid(_) => return Some(Wanted { spec, attempt }),
                }
            }
            Notice::Superseded { spec, attempt } => {
                let spec = &view.specs[spec];
                let attempt = spec.attempt(attempt)?;
                self.data(out, &human::superseded(view, spec, attempt, palette));
            }
            Notice::Cancelled => {
                let why = match &view.cancelled {
                    // Who did it knows it.
                    Some(CancelReason::Requested { .. }) if self.cancelling => return None,
                    Some(CancelReason::Requested { by }) => format!("{by} stops the run"),
                    Some(CancelReason::MaxFailures { failures }) => {
                        format!("the run is being stopped after {}", count(*failures, "failed spec"))
                    }
                    Some(CancelReason::GroupsMissing { missing }) => {
                        format!("the run ends: {missing} did not come")
                    }
                    Some(CancelReason::Abandoned { detail }) => format!("the run is given up: {detail}"),
                    None => return None,
                };
                self.note(out, &why);
            }
            Notice::UnknownKind => {
                self.note(
                    out,
                    "the daemon tells of things that this partctl does not know; a newer one would show them",
                );
            }
            Notice::Decided { .. } | Notice::Finished => {}
        }
        None
    }

    /// Tells an attempt's end, for a failure in full.
    pub(crate) fn ended(&mut self, out: &mut Out, view: &RunView, wanted: Wanted, tail: &Tail) {
        let spec = &view.specs[wanted.spec];
        let Some(attempt) = spec.attempt(wanted.attempt) else { return };
        let passed = attempt.finish().is_some_and(|finish| finish.verdict == AttemptVerdict::Passed);
        if passed && self.verbosity == Verbosity::Quiet {
            return;
        }
        let palette = out.palette();
        let line = human::ended(view, spec, attempt, palette);
        let failure = human::failure(view, spec, attempt, tail, palette, &self.commands);
        self.data(out, &format!("{line}{failure}"));
    }

    /// Something worth knowing that is no event.
    pub(crate) fn note(&mut self, out: &mut Out, text: &str) {
        match out.format() {
            Format::Json => out.json(&Line::new("note", json::NoteLine { text: text.to_owned() })),
            Format::Human => {
                let palette = out.talk_palette();
                let text = format!("{} {}\n", palette.note("note:"), clean::block(text, palette.into()));
                self.talk(out, &text);
            }
        }
    }

    /// This client stops the run: it is told by whom already.
    pub(crate) fn cancelling(&mut self) {
        self.cancelling = true;
    }

    /// Time passed: draws the live area, or gives a sign of life. `leader_now` is the leader's time, `now` ours;
    /// `lost` while the connection is.
    pub(crate) fn tick(
        &mut self,
        out: &mut Out,
        view: &RunView,
        leader_now: Timestamp,
        now: Timestamp,
        lost: bool,
    ) {
        if out.format() == Format::Json || !view.sealed || view.finished.is_some() {
            return;
        }
        if self.live {
            let (rows, columns) = out.size();
            let palette = out.talk_palette();
            let mut lines = human::live_lines(view, leader_now, lost, (rows, columns), palette);
            if let Some(why) = &self.idle {
                lines.push(format!("  {}", palette.warn(&clean::line(why, palette.into()))));
            }
            return out.draw(&lines);
        }
        match self.last_sign {
            None => self.last_sign = Some(now),
            Some(last) if now.since(last).0 >= HEARTBEAT => {
                let text = human::heartbeat(view, leader_now, lost, self.idle.as_deref(), out.talk_palette());
                self.talk(out, &text);
                self.last_sign = Some(now);
            }
            Some(_) => {}
        }
    }

    /// Why nothing runs, where that is known; none when something does.
    pub(crate) fn idle(&mut self, out: &mut Out, why: Option<String>) {
        // Its figures change from look to look; that it is so is told once.
        if let (None, Some(why)) = (&self.idle, &why) {
            self.note(out, &format!("nothing is running: {why}"));
        }
        self.idle = why;
    }

    /// Tells the end.
    pub(crate) fn conclude(&mut self, out: &mut Out, view: &RunView, conclusion: &Conclusion) {
        out.hide_live();
        match out.format() {
            Format::Json => out.json(&Line::new("result", json::ResultLine::new(view, conclusion))),
            Format::Human => {
                let text = human::summary(view, conclusion, out.palette(), &self.commands);
                let gap = if self.blank { "" } else { "\n" };
                out.data(&format!("{gap}{text}"));
            }
        }
    }

    fn data(&mut self, out: &mut Out, text: &str) {
        // The next tick begins to count anew.
        self.last_sign = None;
        self.blank = text.ends_with("\n\n");
        out.data(text);
    }

    fn talk(&mut self, out: &mut Out, text: &str) {
        out.talk(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Capture;
    use crate::testing::{BEGIN, Script};
    use crate::text::Palette;
    use crate::view::Keep;

    fn script() -> Script {
        Script::new().group("g", 1, &[("a.js", Some(90_000)), ("b.js", None)]).sealed().start(0, 1, 0)
    }

    /// A reporter that was told the script.
    fn told(verbosity: Verbosity, palette: Palette, script: Script) -> (Reporter, Out, Capture, RunView) {
        let capture = Capture::default();
        let mut out = capture.out(Format::Human, palette);
        let mut reporter = Reporter::new(&out, verbosity, Commands::default(), true);
        let mut view = RunView::new(Keep::Failures);
        for event in script.events() {
            if let Some(notice) = view.apply(event).expect("the script makes sense")
                && let Some(wanted) = reporter.notice(&mut out, &view, notice)
            {
                reporter.ended(&mut out, &view, wanted, &Tail::Empty);
            }
        }
        (reporter, out, capture, view)
    }

    #[test]
    fn a_log_gets_a_sign_of_life_after_silence_only() {
        let (mut reporter, mut out, capture, view) = told(Verbosity::Normal, Palette::PLAIN, script());
        drop(capture.stderr());
        let mut tick = |seconds: u64| {
            let now = Timestamp(BEGIN + 1000 * seconds);
            reporter.tick(&mut out, &view, now, now, false);
            capture.stderr()
        };
        assert_eq!([tick(1), tick(2), tick(30)], ["", "", ""]);
        assert!(tick(31).starts_with("… 0 %: 0/2 done, 2 left, at least 59s left"));
        assert_eq!([tick(32), tick(60)], ["", ""]);
        assert!(tick(61).contains("running: a.js for 1m01s"));
    }

    #[test]
    fn a_terminal_gets_a_live_area_and_no_sign_of_life() {
        let terminal = Palette::new(false, true);
        let (mut reporter, mut out, capture, view) = told(Verbosity::Normal, terminal, script());
        drop(capture.stderr());
        for seconds in [1, 40, 80] {
            let now = Timestamp(BEGIN + 1000 * seconds);
            reporter.tick(&mut out, &view, now, now, false);
        }
        let drawn = capture.stderr();
        assert!(
            drawn.contains("slot 0") && drawn.contains("\u{1b}[1A") && !drawn.contains(" %: "),
            "{drawn:?}"
        );
    }

    #[test]
    fn verbosity_decides_what_is_told() {
        let whole = || script().fail(0, 1).start(0, 2, 0).pass(0, 2);
        let words = [("RETRY", "FLAKY", "FAIL", "START"); 3];
        let expected = [(false, false, true, false), (true, true, true, false), (false, true, true, true)];
        let levels = [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose];
        for ((words, told_words), level) in words.into_iter().zip(expected).zip(levels) {
            let (_, _, capture, _) = told(level, Palette::PLAIN, whole());
            let text = capture.stdout();
            let found = (
                text.contains(words.0),
                text.contains(words.1),
                text.contains(words.2),
                text.contains(words.3),
            );
            assert_eq!(found, told_words, "{level:?}\n{text}");
            assert_eq!(capture.stderr().is_empty(), level == Verbosity::Quiet);
        }
    }
}
