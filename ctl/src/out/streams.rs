//! The streams themselves.

use super::LiveArea;
use crate::env;
use crate::error::{CliError, Kind};
use crate::text::Palette;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// What goes to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object per line; docs/json-events.md describes them.
    Json,
}

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    /// On terminals, and as NO_COLOR and CLICOLOR_FORCE say.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The size of a terminal.
type Size = fn() -> (usize, usize);

/// Where everything is written.
pub(crate) struct Out {
    stdout: Sink,
    stderr: Sink,
    format: Format,
    live: LiveArea,
    size: Size,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    palette: Palette,
    /// The reader went away: what is written from now on is dropped.
    gone: bool,
    /// The first error that was not the reader's.
    failed: Option<io::Error>,
}

impl Out {
    /// The process's own streams.
    pub(crate) fn standard(format: Format, when: When) -> Self {
        let palette = |terminal: bool| Palette::new(shows_colour(when, terminal), terminal);
        Out {
            stdout: Sink::new(io::stdout(), palette(io::stdout().is_terminal())),
            stderr: Sink::new(io::stderr(), palette(io::stderr().is_terminal())),
            format,
            live: LiveArea::default(),
            size: || {
                let (rows, columns) = console::Term::stderr().size();
                (usize::from(rows), usize::from(columns))
            },
        }
    }

    /// What goes to stdout.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Colours of stdout.
    pub(crate) fn palette(&self) -> Palette {
        self.stdout.palette
    }

    /// Colours of stderr.
    pub(crate) fn talk_palette(&self) -> Palette {
        self.stderr.palette
    }

    /// True when stdout's reader went away, so that producing more is pointless.
    pub(crate) fn reader_gone(&self) -> bool {
        self.stdout.gone
    }

    /// Rows and columns of the terminal behind stderr.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.size)()
    }

    /// Writes text that was asked for. The caller ends it with a line end.
    pub(crate) fn data(&mut self, text: &str) {
        self.data_bytes(text.as_bytes());
    }

    /// Writes bytes that were asked for, as they are.
    pub(crate) fn data_bytes(&mut self, bytes: &[u8]) {
        self.hide_live();
        self.stdout.write(bytes);
    }

    /// Writes one JSON object as a line of its own.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) {
        match serde_json::to_vec(value) {
            Ok(mut line) => {
                line.push(b'\n');
                self.data_bytes(&line);
            }
            Err(error) => {
                self.stdout.failed.get_or_insert_with(|| io::Error::other(error));
            }
        }
    }

    /// Writes talk: progress, notes, errors.
    pub(crate) fn talk(&mut self, text: &str) {
        self.hide_live();
        self.stderr.write(text.as_bytes());
    }

    /// Draws the live area anew.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        // What stands above must be on the screen before the area is drawn below it.
        self.stdout.flush();
        let frame = self.live.draw(lines, self.size().1);
        self.stderr.write(frame.as_bytes());
        self.stderr.flush();
    }

    /// True when the live area is on the screen.
    pub(crate) fn is_live_drawn(&self) -> bool {
        self.live.is_drawn()
    }

    /// Removes the live area until it is drawn again.
    pub(crate) fn hide_live(&mut self) {
        if self.live.is_drawn() {
            let text = self.live.erase(self.size().1);
            self.stderr.write(text.as_bytes());
            self.stderr.flush();
        }
    }

    /// Writes what is still buffered.
    pub(crate) fn flush(&mut self) {
        self.stdout.flush();
        self.stderr.flush();
    }

    /// Ends the output; says so when stdout took not all that was written, unless its reader went away.
    pub(crate) fn finish(&mut self) -> Result<(), CliError> {
        self.hide_live();
        self.flush();
        match self.stdout.failed.take() {
            Some(error) => Err(CliError::new(Kind::Local, "cannot write to stdout").because(error)),
            None => Ok(()),
        }
    }
}

impl Sink {
    fn new(writer: impl Write + Send + 'static, palette: Palette) -> Self {
        Sink { writer: Box::new(writer), palette, gone: false, failed: None }
    }

    fn write(&mut self, bytes: &[u8]) {
        if !self.gone {
            let result = self.writer.write_all(bytes);
            self.note(result);
        }
    }

    fn flush(&mut self) {
        if !self.gone {
            let result = self.writer.flush();
            self.note(result);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        let Err(error) = result else { return };
        self.gone = true;
        if error.kind() != ErrorKind::BrokenPipe {
            self.failed.get_or_insert(error);
        }
    }
}

fn shows_colour(when: When, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => colour_by_environment(
            env::get(env::NO_COLOR),
            env::get(env::CLICOLOR_FORCE),
            env::get(env::TERM),
            terminal,
        ),
    }
}

fn colour_by_environment(
    no: Option<String>,
    force: Option<String>,
    term: Option<String>,
    terminal: bool,
) -> bool {
    if no.is_some() {
        return false;
    }
    let forced = force.is_some_and(|value| value != "0");
    forced || (terminal && term.as_deref() != Some("dumb"))
}

#[cfg(test)]
pub(crate) use capture::Capture;

#[cfg(test)]
mod capture {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// What was written to an [`Out`] made for a test.
    #[derive(Clone, Default)]
    pub(crate) struct Capture {
        stdout: Arc<Mutex<Vec<u8>>>,
        stderr: Arc<Mutex<Vec<u8>>>,
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while it writes").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Capture {
        /// An output of 24 rows and 80 columns that is kept.
        pub(crate) fn out(&self, format: Format, palette: Palette) -> Out {
            Out {
                stdout: Sink::new(Shared(self.stdout.clone()), palette),
                stderr: Sink::new(Shared(self.stderr.clone()), palette),
                format,
                live: LiveArea::default(),
                size: || (24, 80),
            }
        }

        /// What went to stdout, and empties it.
        pub(crate) fn stdout(&self) -> String {
            take(&self.stdout)
        }

        /// What went to stderr, and empties it.
        pub(crate) fn stderr(&self) -> String {
            take(&self.stderr)
        }

        /// What went to stderr so far.
        pub(crate) fn stderr_so_far(&self) -> String {
            let bytes = self.stderr.lock().expect("no test panics while it writes").clone();
            String::from_utf8(bytes).expect("text was written")
        }

        /// What went to stdout, as bytes, and empties it.
        pub(crate) fn stdout_bytes(&self) -> Vec<u8> {
            std::mem::take(&mut *self.stdout.lock().expect("no test panics while it writes"))
        }
    }

    fn take(bytes: &Mutex<Vec<u8>>) -> String {
        let bytes = std::mem::take(&mut *bytes.lock().expect("no test panics while it writes"));
        String::from_utf8(bytes).expect("text was written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error_but_a_full_disk_is() {
        for (kind, fine) in [(ErrorKind::BrokenPipe, true), (ErrorKind::StorageFull, false)] {
            let mut out = Capture::default().out(Format::Human, Palette::PLAIN);
            out.stdout = Sink::new(Broken(kind), Palette::PLAIN);
            out.data("text\n");
            out.data("more\n");
            assert!(out.reader_gone());
            assert_eq!(out.finish().is_ok(), fine, "{kind:?}");
        }
    }

    #[test]
    fn text_appears_above_the_live_area() {
        let capture = Capture::default();
        let mut out = capture.out(Format::Human, Palette::new(false, true));
        out.draw(&["bar".to_owned()]);
        out.data("PASS\n");
        out.draw(&["bar 2".to_owned()]);
        assert!(out.finish().is_ok());
        assert_eq!(capture.stdout(), "PASS\n");
        assert_eq!(capture.stderr(), "bar\u{1b}[K\u{1b}[J\r\u{1b}[Jbar 2\u{1b}[K\u{1b}[J\r\u{1b}[J");
    }

    #[test]
    fn the_environment_decides_about_colour() {
        let some = |text: &str| Some(text.to_owned());
        let table = [
            (None, None, None, true, true),
            (None, None, None, false, false),
            (None, some("1"), None, false, true),
            (None, some("0"), None, false, false),
            (some("1"), some("1"), None, true, false),
            (None, None, some("dumb"), true, false),
        ];
        for (no, force, term, terminal, colour) in table {
            let case = format!("{no:?} {force:?} {term:?} {terminal}");
            assert_eq!(colour_by_environment(no, force, term, terminal), colour, "{case}");
        }
    }
}
