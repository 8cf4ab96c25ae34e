//! A stream of TAP lines: levels, plans, and what becomes of a test point.

use super::{
    line::{self, Directive, Line, Point},
    yaml::{self, Diagnostics},
};
use crate::report::{
    bounds,
    collect::{Budget, Collector, result},
    error::ReportError,
    ids,
    source::Source,
    text::{clip, location, micros_of_millis, non_empty},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};

/// Reads one file.
pub(in crate::report) fn read(
    source: &Source<'_>,
    spec: &str,
    all: &mut Collector,
) -> Result<(), ReportError> {
    let mut stream =
        Stream { source, spec, levels: vec![Level::default()], bailed_out: false, budget: Budget::default() };
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.complete {
            return Err(source.cut_off("the file ends in the middle of its last line"));
        }
        let indent = line::indent(line.text);
        match Line::parse(line.text) {
            Line::Plan { count, reason } => stream.plan(indent, count, reason, line.offset)?,
            Line::Point(point) => {
                let diagnostics = match lines.peek() {
                    Some(next) if yaml::begins(next.text, indent) => {
                        lines.next();
                        Diagnostics::read(&mut lines, indent, source)?
                    }
                    _ => Diagnostics::default(),
                };
                stream.point(indent, point, diagnostics, line.offset)?;
            }
            Line::BailOut(reason) => {
                all.error(ids::titles(&["the producer bailed out", reason]));
                stream.bailed_out = true;
                break;
            }
            Line::Comment(text) => stream.comment(indent, text),
            Line::Other => {}
        }
    }
    stream.finish(all)
}

/// Spaces by which a subtest is indented more than the test that it belongs to.
const STEP: usize = 4;

struct Stream<'a> {
    source: &'a Source<'a>,
    spec: &'a str,
    /// The subtests that are open, outermost first; never empty.
    levels: Vec<Level>,
    bailed_out: bool,
    budget: Budget,
}

#[derive(Default)]
struct Level {
    plan: Option<Plan>,
    /// Test points at this very level.
    points: u64,
    /// Results at this level and below.
    results: Vec<TestResult>,
    /// Comments since the last test point.
    comments: String,
    /// The last point failed without diagnostics: comments that follow are about it.
    explains_last: bool,
}

struct Plan {
    count: u64,
    reason: Option<String>,
}

impl Stream<'_> {
    /// The level of lines with this indentation; none where such lines are no TAP.
    fn level(&mut self, indent: usize, offset: usize) -> Result<Option<usize>, ReportError> {
        if !indent.is_multiple_of(STEP) {
            return Ok(None);
        }
        let depth = indent / STEP;
        if depth >= bounds::TAP_DEPTH {
            let what = format!("subtests are nested more than {} deep", bounds::TAP_DEPTH);
            return Err(self.source.malformed(offset, what));
        }
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        Ok(Some(depth))
    }

    fn plan(
        &mut self,
        indent: usize,
        count: u64,
        reason: Option<&str>,
        offset: usize,
    ) -> Result<(), ReportError> {
        let Some(depth) = self.level(indent, offset)? else { return Ok(()) };
        if self.levels.len() > depth + 1 {
            return Err(self.source.malformed(offset, "a plan before the test that its subtests belong to"));
        }
        let level = &mut self.levels[depth];
        if level.plan.is_some() {
            return Err(self.source.malformed(offset, "a second plan"));
        }
        level.plan = Some(Plan { count, reason: reason.map(str::to_owned) });
        Ok(())
    }

    fn point(
        &mut self,
        indent: usize,
        point: Point<'_>,
        diagnostics: Diagnostics,
        offset: usize,
    ) -> Result<(), ReportError> {
        let Some(depth) = self.level(indent, offset)? else { return Ok(()) };
        if self.levels.len() > depth + 2 {
            return Err(self.source.malformed(offset, "subtests without the test that they belong to"));
        }
        let below = if self.levels.len() == depth + 2 { self.levels.pop() } else { None };
        let skipped =
            below.as_ref().and_then(|below| below.plan.as_ref()).is_some_and(|plan| plan.count == 0);
        if let Some(below) = &below {
            self.check_plan(below, offset)?;
        }
        let below = below.map(|below| below.results).unwrap_or_default();
        let level = &mut self.levels[depth];
        level.points += 1;
        let title = match point.description.as_str() {
            "" => format!("test {}", point.number.unwrap_or(level.points)),
            title => clip(title, bounds::NAME_BYTES),
        };
        let itself = self.itself(&point, &title, &below, skipped, &diagnostics);
        let level = &mut self.levels[depth];
        let comments = std::mem::take(&mut level.comments);
        for test in below {
            let id = clip(&ids::titles(&[&title, &test.id]), bounds::NAME_BYTES);
            self.budget.take_names(self.source, id.len().saturating_sub(test.id.len()))?;
            level.results.push(TestResult { id, ..test });
        }
        level.explains_last = false;
        if let Some(mut test) = itself {
            // node:test: a file that ended with a code wrote its error before.
            if diagnostics.has_exit_code {
                test.output = Some(comments);
            }
            self.budget.take(self.source, &test)?;
            level.explains_last = !point.ok && diagnostics.text.is_empty();
            level.results.push(test);
        }
        Ok(())
    }

    /// The test point's own result, if it has one besides its subtests.
    fn itself(
        &self,
        point: &Point<'_>,
        title: &str,
        below: &[TestResult],
        skipped: bool,
        diagnostics: &Diagnostics,
    ) -> Option<TestResult> {
        let outcome = match point.directive {
            Some(Directive::Skip | Directive::Todo) => TestOutcome::Skipped,
            None if skipped => TestOutcome::Skipped,
            None if point.ok => TestOutcome::Passed,
            None => failed_or_timed_out(&[&diagnostics.failure_type, &diagnostics.message]),
        };
        let failed = matches!(outcome, TestOutcome::Failed | TestOutcome::TimedOut);
        if !below.is_empty() {
            let below_failed =
                below.iter().any(|test| matches!(test.outcome, TestOutcome::Failed | TestOutcome::TimedOut));
            let because_of_them = match diagnostics.failure_type.as_str() {
                "" => below_failed,
                kind => below_failed && kind == "subtestsFailed",
            };
            if !failed || because_of_them {
                return None;
            }
        } else if diagnostics.is_suite && outcome == TestOutcome::Passed {
            // A suite without tests is no test.
            return None;
        }
        // The name follows when the id is whole.
        let mut test = result(title.to_owned(), String::new(), outcome);
        test.duration_micros = diagnostics.millis.and_then(micros_of_millis);
        test.location = diagnostics.location.as_deref().and_then(|place| self.place(place));
        if failed {
            test.message = non_empty(&diagnostics.message).map(str::to_owned);
            test.detail = Some(diagnostics.text.clone());
        } else if outcome == TestOutcome::Skipped {
            let reason = point.reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
            let todo = || (point.directive == Some(Directive::Todo)).then(|| "todo".to_owned());
            test.message = reason.or_else(todo);
        }
        Some(test)
    }

    /// `file:line:column` as `file:line`.
    fn place(&self, text: &str) -> Option<String> {
        let mut parts = text.rsplitn(3, ':');
        match (parts.next(), parts.next().and_then(|line| line.parse().ok()), parts.next()) {
            (Some(_), Some(line), Some(file)) => location(self.spec, file, Some(line)),
            _ => location(self.spec, text, None),
        }
    }

    fn comment(&mut self, indent: usize, text: &str) {
        // Those of a subtest are indented like it; anything else belongs where we are.
        let depth = if indent.is_multiple_of(STEP) { indent / STEP } else { 0 };
        let Some(level) = self.levels.get_mut(depth) else { return };
        if text.starts_with("Subtest") {
            return;
        }
        let explained = if level.explains_last { level.results.last_mut() } else { None };
        let all = match explained {
            Some(test) => test.detail.get_or_insert_default(),
            None => &mut level.comments,
        };
        // What is cut later need not be gathered first.
        if all.len() < 2 * bounds::DETAIL_BYTES {
            all.push_str(text);
            all.push('\n');
        }
    }

    /// Subtests need no plan: the test that they belong to has come, so they are complete.
    fn check_plan(&self, level: &Level, offset: usize) -> Result<(), ReportError> {
        match &level.plan {
            Some(plan) if plan.count > level.points => {
                let what = format!("planned {} subtests, got {}", plan.count, level.points);
                Err(self.source.malformed(offset, what))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn finish(mut self, all: &mut Collector) -> Result<(), ReportError> {
        let mut open = self.levels.split_off(1);
        let Some(top) = self.levels.pop() else { return Ok(()) };
        if !self.bailed_out {
            if !open.is_empty() {
                return Err(self
                    .source
                    .cut_off("the file ends before the test that its last subtests belong to"));
            }
            let Some(plan) = &top.plan else { return Err(self.source.cut_off("there is no plan")) };
            if plan.count > top.points {
                return Err(self.source.cut_off(format!("planned {} tests, got {}", plan.count, top.points)));
            }
        }
        let mut results = top.results;
        for level in &mut open {
            results.append(&mut level.results);
        }
        for test in results {
            let name = test.id.clone();
            all.test(self.source, TestResult { name, ..test })?;
        }
        if let Some(plan) = top.plan {
            if top.points > plan.count {
                all.error(format!("planned {} tests, got {}", plan.count, top.points));
            }
            if plan.count == 0 {
                let reason = plan.reason.unwrap_or_default();
                all.note(ids::titles(&["the plan is to run no tests", &reason]));
            }
        }
        Ok(())
    }
}
