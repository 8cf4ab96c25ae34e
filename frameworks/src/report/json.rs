//! JSON reports: whole documents and lines. `serde_json` bounds the nesting (128) by itself.

use super::{
    bounds,
    collect::Collector,
    error::ReportError,
    source::{Line, Source},
};
use serde::de::DeserializeOwned;

/// Reads a report that is one JSON object.
///
/// Where the report comes over standard output, the program's own output may stand before it: then the object is
/// looked for at the beginning of later lines. It must reach to the end, so a report that is cut off is not
/// mistaken for one of its own parts.
pub(super) fn document<T: DeserializeOwned>(
    source: &Source<'_>,
    all: &mut Collector,
) -> Result<T, ReportError> {
    let text = source.text();
    let indented = text.len() - text.trim_start().len();
    let starts = text.match_indices('{').map(|(at, _)| at);
    let starts = starts.filter(|&at| at == indented || text[..at].ends_with('\n')).take(bounds::JSON_STARTS);
    let mut first_error = None;
    for at in starts {
        let mut reader = serde_json::Deserializer::from_str(&text[at..]);
        let error = match T::deserialize(&mut reader) {
            Ok(document) => {
                // Two reports in one file: there is no telling which one counts.
                reader.end().map_err(|error| malformed(source, at, &error))?;
                if at > indented {
                    all.note(format!("{}: skipped {at} bytes before the report", source.path.display()));
                }
                return Ok(document);
            }
            Err(error) => error,
        };
        // What reaches to the end of the file without ending is the report, and it is cut off.
        let is_cut_off = error.is_eof();
        let error = malformed(source, at, &error);
        if is_cut_off {
            return Err(error);
        }
        first_error.get_or_insert(error);
    }
    Err(first_error.unwrap_or_else(|| source.malformed(indented, "JSON: no object begins here")))
}

/// Reads one line of a report that is JSON lines.
pub(super) fn line<T: DeserializeOwned>(source: &Source<'_>, line: Line<'_>) -> Result<T, ReportError> {
    if !line.complete {
        return Err(source.cut_off("the file ends in the middle of its last line"));
    }
    serde_json::from_str(line.text).map_err(|error| malformed(source, line.offset, &error))
}

fn malformed(source: &Source<'_>, start: usize, error: &serde_json::Error) -> ReportError {
    let text = &source.text()[start..];
    let line_start = match error.line().checked_sub(2) {
        None => 0,
        Some(n) => text.match_indices('\n').nth(n).map_or(text.len(), |(at, _)| at + 1),
    };
    // serde_json counts bytes from 1 and points at the last byte it has read.
    let offset = if error.is_eof() { text.len() } else { line_start + error.column().saturating_sub(1) };
    let what = error.to_string();
    // We say the place ourselves, in terms of the file.
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    source.malformed(start + offset.min(text.len()), format!("JSON: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse::ReportFile;
    use std::path::Path;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Report {
        tests: Vec<u32>,
    }

    fn read(text: &str) -> Result<(Vec<u32>, usize), String> {
        let source = Source::read(&ReportFile { path: Path::new("r.json"), bytes: text.as_bytes() });
        let source = source.map_err(|e| e.to_string())?;
        let mut all = Collector::new(&["s".to_owned()]);
        let report: Report = document(&source, &mut all).map_err(|e| e.to_string())?;
        Ok((report.tests, all.finish().specs[0].notes.len()))
    }

    #[test]
    fn documents() {
        assert_eq!(read("{\"tests\":[1]}"), Ok((vec![1], 0)));
        assert_eq!(read("\n  {\"tests\":\n[1]}\n\n"), Ok((vec![1], 0)));
        assert_eq!(read("noise\n{\"a\":1}\n{\"tests\":[2]}\n"), Ok((vec![2], 1)));
        assert_eq!(read("{oops\n{\"tests\":[2]}"), Ok((vec![2], 1)));
    }

    #[test]
    fn malformed_documents() {
        for (text, expected) in [
            ("{\"tests\":[1", "byte 11 (line 1, column 12): JSON: EOF while parsing a list"),
            ("{\"tests\":\n[1,x]}", "byte 13 (line 2, column 4): JSON: expected value"),
            ("noise\n{\"tests\":[", "byte 16 (line 2, column 11): JSON: EOF while parsing a list"),
            ("noise", "byte 0 (line 1, column 1): JSON: no object"),
            ("{\"tests\":[1]} more", "byte 14 (line 1, column 15): JSON: trailing characters"),
            ("{}", "JSON: missing field `tests`"),
            ("[1]", "JSON: no object"),
        ] {
            let error = read(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{text}: {error}");
        }
        // Neither what we read nor what we pass over can exhaust the stack.
        for deep in
            [format!("{{\"tests\":{}", "[".repeat(100_000)), format!("{{\"x\":{}", "[".repeat(100_000))]
        {
            assert!(read(&deep).is_err());
        }
    }

    #[test]
    fn lines() {
        let text = "{\"tests\":[1]}\n{\"tests\":[x]}\n{\"tests\":[1]}";
        let source = Source::read(&ReportFile { path: Path::new("r.json"), bytes: text.as_bytes() });
        let source = source.unwrap_or_else(|e| unreachable!("{e}"));
        let read: Vec<_> =
            source.lines().map(|l| line::<Report>(&source, l).map_err(|e| e.to_string())).collect();
        assert!(read[0].is_ok());
        assert!(read[1].as_ref().is_err_and(|e| e.contains("byte 24 (line 2, column 11)")), "{read:?}");
        assert!(read[2].as_ref().is_err_and(|e| e.contains("byte 41 (line 3, column 14): the file ends in")));
    }
}
