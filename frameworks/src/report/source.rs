//! One report file as text, and the way back from a place in that text to the byte in the file.

use super::{
    bounds,
    error::{Place, ReportError},
    parse::ReportFile,
};
use std::{borrow::Cow, path::Path};

/// A report file, decoded. Bytes that are not valid in the file's encoding become U+FFFD: a test that prints
/// garbage must not make its whole report unreadable.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    bytes: &'a [u8],
    encoding: Encoding,
    text: Cow<'a, str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8 { mark: usize },
    Utf16 { mark: usize, big_endian: bool },
    Windows1252,
}

impl<'a> Source<'a> {
    /// Decodes `file`. UTF-8, UTF-16 (with its byte order mark or recognisable by its first character) and, for
    /// XML that declares it, the Western single-byte encodings.
    pub(super) fn read(file: &ReportFile<'a>) -> Result<Self, ReportError> {
        let ReportFile { path, bytes } = *file;
        let encoding = Encoding::of(bytes);
        let text = encoding.decode(bytes);
        if text.trim().is_empty() {
            return Err(ReportError::Empty { path: path.to_owned() });
        }
        Ok(Source { path, bytes, encoding, text })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What to tell about replaced bytes, if there were any.
    pub(super) fn remark(&self) -> Option<String> {
        let Encoding::Utf8 { mark } = self.encoding else { return None };
        let valid = std::str::from_utf8(&self.bytes[mark..]).err()?.valid_up_to();
        Some(format!("{} is not valid UTF-8 from byte {} on", self.path.display(), mark + valid))
    }

    /// An error at `offset` bytes into [`Source::text`].
    pub(super) fn malformed(&self, offset: usize, what: impl AsRef<str>) -> ReportError {
        ReportError::malformed(self.path, self.place(offset), what)
    }

    /// An error at the end of the file, for what is missing there.
    pub(super) fn cut_off(&self, what: impl AsRef<str>) -> ReportError {
        self.malformed(self.text.len(), what)
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            offset: self.encoding.original(self.bytes, before) as u64,
            line: before.matches('\n').count() as u64 + 1,
            column: before[line_start..].chars().count() as u64 + 1,
        }
    }

    /// Lines of the text with their offsets, without terminators; and whether the last one had its terminator.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut offset = 0;
        self.text.split_inclusive('\n').map(move |line| {
            let start = offset;
            offset += line.len();
            let text = line.strip_suffix('\n');
            let complete = text.is_some();
            let text = text.unwrap_or(line);
            Line { offset: start, text: text.strip_suffix('\r').unwrap_or(text), complete }
        })
    }
}

/// A line of a line-oriented report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) offset: usize,
    pub(super) text: &'a str,
    /// Ends in a line feed; only the last line of a file can lack it, and then it may have been cut off.
    pub(super) complete: bool,
}

impl Encoding {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Encoding::Utf8 { mark: 3 },
            [0xff, 0xfe, ..] => Encoding::Utf16 { mark: 2, big_endian: false },
            [0xfe, 0xff, ..] => Encoding::Utf16 { mark: 2, big_endian: true },
            [b'<' | b'{' | b'[', 0, ..] => Encoding::Utf16 { mark: 0, big_endian: false },
            [0, b'<' | b'{' | b'[', ..] => Encoding::Utf16 { mark: 0, big_endian: true },
            _ if declares_single_bytes(bytes) => Encoding::Windows1252,
            _ => Encoding::Utf8 { mark: 0 },
        }
    }

    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Encoding::Utf8 { mark } => String::from_utf8_lossy(&bytes[mark..]),
            Encoding::Utf16 { mark, big_endian } => {
                let units = bytes[mark..].chunks(2).map(|pair| match *pair {
                    [a, b] if big_endian => u16::from_be_bytes([a, b]),
                    [a, b] => u16::from_le_bytes([a, b]),
                    // Half a unit at the end: a lone surrogate, which decodes to U+FFFD.
                    _ => 0xd800,
                });
                char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
            }
            Encoding::Windows1252 => bytes.iter().map(|&byte| windows_1252(byte)).collect(),
        }
    }

    /// Bytes of the file that stand for the beginning `before` of the decoded text.
    fn original(self, bytes: &[u8], before: &str) -> usize {
        match self {
            Encoding::Utf8 { mark } => {
                let mut decoded = 0;
                let mut original = mark;
                for chunk in bytes[mark..].utf8_chunks() {
                    let valid = chunk.valid().len();
                    if decoded + valid >= before.len() {
                        return original + (before.len() - decoded);
                    }
                    decoded += valid;
                    original += valid;
                    if !chunk.invalid().is_empty() {
                        decoded += char::REPLACEMENT_CHARACTER.len_utf8();
                        original += chunk.invalid().len();
                    }
                }
                original
            }
            Encoding::Utf16 { mark, .. } => (mark + 2 * before.encode_utf16().count()).min(bytes.len()),
            Encoding::Windows1252 => before.chars().count(),
        }
    }
}

/// True for XML that is not UTF-8 and says that it is in Latin-1 or the Windows code page that contains it.
fn declares_single_bytes(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"<?xml") || std::str::from_utf8(bytes).is_ok() {
        return false;
    }
    let declaration = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    let declaration = declaration.split("?>").next().unwrap_or_default();
    ["iso-8859-1", "windows-1252", "latin1", "us-ascii"].iter().any(|name| declaration.contains(name))
}

fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Checks the size of all files together, before anything is decoded.
pub(super) fn check_size(files: &[ReportFile<'_>]) -> Result<(), ReportError> {
    let mut total = 0;
    for file in files {
        total += file.bytes.len() as u64;
        if total > bounds::REPORT_BYTES {
            return Err(ReportError::too_large(file.path, "its bytes", bounds::REPORT_BYTES));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Source<'_> {
        Source::read(&ReportFile { path: Path::new("r.xml"), bytes }).unwrap_or_else(|e| unreachable!("{e}"))
    }

    #[test]
    fn encodings() {
        let utf16le = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let utf16be = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        let text = "<käse ☕ 🧀/>";
        for (bytes, offset) in [
            (text.as_bytes().to_vec(), 6),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), 9),
            ([b"\xff\xfe", &*utf16le(text)].concat(), 12),
            ([b"\xfe\xff", &*utf16be(text)].concat(), 12),
            (utf16le(text), 10),
            (utf16be(text), 10),
        ] {
            let source = read(&bytes);
            assert_eq!(source.text(), text);
            assert_eq!(source.place("<käse".len()), Place { offset, line: 1, column: 6 });
            assert_eq!(source.place(usize::MAX).offset, bytes.len() as u64);
        }
    }

    #[test]
    fn declared_single_bytes() {
        let bytes = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a>k\xe4se \x80</a>";
        let source = read(bytes);
        assert!(source.text().ends_with("<a>käse €</a>"));
        assert_eq!(source.place(source.text().find("se").unwrap_or_default()).offset, 49);
        assert_eq!(source.remark(), None);
    }

    #[test]
    fn garbage_is_replaced_and_places_stay_right() {
        let bytes = b"{\"a\":\"\xff\xfe\",\n\"b\":}";
        let source = read(bytes);
        let at = source.text().rfind('}').unwrap_or_default();
        assert_eq!(source.place(at), Place { offset: 15, line: 2, column: 5 });
        assert_eq!(source.remark().as_deref(), Some("r.xml is not valid UTF-8 from byte 6 on"));
    }

    #[test]
    fn lines_know_whether_they_ended() {
        let source = read(b"a\r\n\nb");
        let lines: Vec<_> = source.lines().map(|l| (l.offset, l.text, l.complete)).collect();
        assert_eq!(lines, [(0, "a", true), (3, "", true), (4, "b", false)]);
    }
}
