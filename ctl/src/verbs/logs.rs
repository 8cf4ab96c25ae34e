//! `partctl logs`.

use crate::app::App;
use crate::cli::LogsArgs;
use crate::clock;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::follow::read_ledger;
use crate::mesh::{BlobError, Clients, Mesh, Role, fetch, find_run};
use crate::out::{Format, Out};
use crate::render::json::{Line, LogLine};
use crate::text::{Screen, base64, bytes, clean};
use crate::view::{AttemptView, Keep, RunView, SpecView};

/// Prints what specs wrote.
pub(super) async fn run(app: &mut App, args: LogsArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let printed = print(app, mesh.clients(), &args).await;
    mesh.close(false).await;
    printed
}

async fn print(app: &mut App, clients: &Clients, args: &LogsArgs) -> Result<Exit, CliError> {
    let info = find_run(clients, &args.run, clock::now()).await?;
    if let (true, Some(spec)) = (args.follow, &args.spec) {
        super::live_logs::follow(&mut app.out, clients, &info, spec).await?;
        return Ok(Exit::Passed);
    }
    let view = read_ledger(clients, &info, Keep::Everything).await?;
    let specs = wanted(&view, args.spec.as_deref())?;
    let single = specs.len() == 1;
    let mut notes = Vec::new();
    for spec in specs {
        let attempt = match pick(spec, args.attempt) {
            Ok(attempt) => attempt,
            Err(why) if single => return Err(CliError::usage(why)),
            Err(why) => {
                notes.push(why);
                continue;
            }
        };
        let head = Head { view: &view, spec, attempt, shown: !single };
        write(&mut app.out, clients, &head).await?;
        if app.out.reader_gone() {
            break;
        }
    }
    notes.iter().for_each(|note| app.note(note));
    Ok(Exit::Passed)
}

/// The specs that are meant: the one with this name, else those that contain it.
pub(super) fn wanted<'v>(view: &'v RunView, text: Option<&str>) -> Result<Vec<&'v SpecView>, CliError> {
    let Some(text) = text else { return Ok(view.specs.iter().collect()) };
    let exact: Vec<&SpecView> = view.specs.iter().filter(|spec| spec.name == text).collect();
    let specs = match exact.is_empty() {
        true => view.specs.iter().filter(|spec| spec.name.contains(text)).collect(),
        false => exact,
    };
    if specs.is_empty() {
        return Err(CliError::usage(format!("no spec of run {} has {text:?} in its name", view.short())));
    }
    Ok(specs)
}

/// The attempt that is meant, or why there is none with output.
fn pick(spec: &SpecView, number: Option<u32>) -> Result<&AttemptView, String> {
    let name = &spec.name;
    match number {
        Some(number) => match spec.attempt(number) {
            Some(attempt) if attempt.ended.is_some() => Ok(attempt),
            Some(_) => Err(format!("attempt {number} of {name} is still running; --follow shows its output")),
            None => Err(format!("{name} has no attempt {number}, but {}", spec.attempts.len())),
        },
        None => spec.last_ended().ok_or_else(|| match (&spec.carried, spec.active()) {
            (Some((from, _)), _) => format!("{name} did not run here: it is carried forward from {from}"),
            (None, Some(_)) => format!("{name} is still running; --follow shows its output"),
            (None, None) => format!("{name} did not run"),
        }),
    }
}

/// What is printed, and whether a line names it.
pub(super) struct Head<'v> {
    pub(super) view: &'v RunView,
    pub(super) spec: &'v SpecView,
    pub(super) attempt: &'v AttemptView,
    pub(super) shown: bool,
}

async fn write(out: &mut Out, clients: &Clients, head: &Head<'_>) -> Result<(), CliError> {
    let Some(output) = head.attempt.finish().map(|finish| finish.output.clone()) else { return Ok(()) };
    if head.shown && out.format() == Format::Human {
        let name = clean::line(&head.spec.name, out.palette().into());
        let size = bytes(output.total_bytes);
        out.data(&format!("==> {name}  attempt {}  {size} <==\n", head.attempt.number));
    }
    let mut pieces = Pieces::new(out, head);
    if let Some(text) = &output.inline {
        pieces.take(text.as_bytes());
    } else if let Some(digest) = &output.blob {
        let fetched = fetch(clients, digest, |data| Ok(pieces.take(data))).await;
        fetched.map_err(|error| unreadable(&head.spec.name, error))?;
    }
    pieces.end();
    Ok(())
}

pub(super) fn unreadable(spec: &str, error: BlobError) -> CliError {
    CliError::new(Kind::Mesh, format!("cannot read the output of {spec}")).because(error)
}

/// Bytes on their way out: as they are, unless they go to a terminal (cleaned) or into JSON (coded).
pub(super) struct Pieces<'p> {
    out: &'p mut Out,
    head: &'p Head<'p>,
    /// Bytes that wait for the rest of their line.
    rest: Vec<u8>,
}

/// A line longer than this is passed on in parts.
const LINE_BYTES: usize = 1 << 20;

impl<'p> Pieces<'p> {
    pub(super) fn new(out: &'p mut Out, head: &'p Head<'p>) -> Pieces<'p> {
        Pieces { out, head, rest: Vec::new() }
    }

    /// Passes on the beginning of a line, too: more may come only much later.
    pub(super) fn flush(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.pass(&rest);
    }

    /// False when nobody reads any more.
    pub(super) fn take(&mut self, data: &[u8]) -> bool {
        let raw = self.out.format() == Format::Human && !self.out.palette().terminal();
        if raw {
            self.out.data_bytes(data);
            return !self.out.reader_gone();
        }
        self.rest.extend_from_slice(data);
        let whole = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() > LINE_BYTES => self.rest.len(),
            None => 0,
        };
        let rest = self.rest.split_off(whole);
        let lines = std::mem::replace(&mut self.rest, rest);
        self.pass(&lines);
        !self.out.reader_gone()
    }

    pub(super) fn end(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.pass(&rest);
        if self.out.format() == Format::Human
            && self.head.shown
            && rest.last().is_some_and(|byte| *byte != b'\n')
        {
            self.out.data("\n");
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.out.format() {
            Format::Human => {
                let screen = Screen::from(self.out.palette());
                self.out.data(&clean::block(&String::from_utf8_lossy(bytes), screen));
            }
            Format::Json => {
                let (encoding, data) = match std::str::from_utf8(bytes) {
                    Ok(text) => ("utf-8", text.to_owned()),
                    Err(_) => ("base64", base64(bytes)),
                };
                let line = LogLine {
                    run: &self.head.view.run,
                    group: &self.head.view.group_of(self.head.spec).label,
                    spec: &self.head.spec.name,
                    attempt: self.head.attempt.number,
                    encoding,
                    data,
                };
                self.out.json(&Line::new("log", line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Capture;
    use crate::testing::{Script, Scripted, finish, output};
    use crate::text::Palette;
    use part_core::{AttemptVerdict, Output};

    fn view() -> (RunView, Vec<u8>) {
        let mut bytes = b"one\ntwo \xff\x1b[2J\n".to_vec();
        bytes.extend(vec![b'x'; 3000]);
        let blob = blake3::hash(&bytes).to_hex().to_string();
        let mut first = finish(AttemptVerdict::Failed, 10);
        first.output = output("inline\n");
        let mut second = finish(AttemptVerdict::Passed, 10);
        second.output =
            Output { total_bytes: bytes.len() as u64, dropped_bytes: 0, inline: None, blob: Some(blob) };
        let script = Script::new()
            .group("g", 1, &[("a.js", None), ("dir/a.js", None), ("b.js", None)])
            .carried("h", &["old.js"])
            .sealed()
            .start(0, 1, 0)
            .end(0, 1, first, Vec::new())
            .start(0, 2, 0)
            .end(0, 2, second, Vec::new())
            .start(1, 1, 0);
        let mut view = RunView::new(Keep::Everything);
        for event in script.events() {
            view.apply(event).expect("the script makes sense");
        }
        (view, bytes)
    }

    #[test]
    fn an_exact_name_wins_over_parts_of_names() {
        let (view, _) = view();
        let names = |text| {
            let specs = wanted(&view, text).map_err(|error| error.to_string())?;
            Ok::<_, String>(specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(names(Some("a.js")), Ok(vec!["a.js".to_owned()]));
        assert_eq!(names(Some(".js")).map(|names| names.len()), Ok(4));
        assert_eq!(names(None).map(|names| names.len()), Ok(4));
        assert!(names(Some("zzz")).is_err());
    }

    #[test]
    fn an_attempt_without_output_says_why() {
        let (view, _) = view();
        let picked = |spec: usize, number| pick(&view.specs[spec], number).map(|attempt| attempt.number);
        assert_eq!(picked(0, None), Ok(2));
        assert_eq!(picked(0, Some(1)), Ok(1));
        let why = [
            (0, Some(3), "has no attempt 3"),
            (1, None, "still running"),
            (1, Some(1), "still running"),
            (2, None, "did not run"),
            (3, None, "carried forward"),
        ];
        for (spec, number, said) in why {
            let error = picked(spec, number).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }

    #[tokio::test]
    async fn bytes_stay_bytes_unless_they_go_to_a_terminal() {
        let (view, bytes) = view();
        let (_server, mesh) = Scripted::start(Vec::new(), vec![bytes.clone()], Vec::new()).await;
        let spec = &view.specs[0];
        let attempt = spec.last_ended().expect("it ended");
        let head = Head { view: &view, spec, attempt, shown: false };
        let mut written = Vec::new();
        for (format, palette) in [
            (Format::Human, Palette::PLAIN),
            (Format::Human, Palette::new(false, true)),
            (Format::Json, Palette::PLAIN),
        ] {
            let capture = Capture::default();
            let mut out = capture.out(format, palette);
            write(&mut out, mesh.clients(), &head).await.expect("it is there");
            written.push(capture.stdout_bytes());
        }
        assert_eq!(written[0], bytes);
        let terminal = String::from_utf8_lossy(&written[1]).into_owned();
        assert!(terminal.starts_with("one\ntwo \u{fffd}␛[2J\nxxx"), "{terminal}");
        let lines: Vec<serde_json::Value> = written[2]
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        assert_eq!(lines.len(), 2, "whole lines, then the rest");
        assert_eq!((&lines[0]["encoding"], &lines[1]["encoding"]), (&"base64".into(), &"utf-8".into()));
    }
}
