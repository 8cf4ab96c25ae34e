//! JSON as .NET's readers take it: comments and commas before a closing bracket are no mistake.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// An object's members in the order of the file, also those that occur twice.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Members(pub(super) Vec<(String, Value)>);

/// A file's object, and what a strict reader would have refused.
#[derive(Debug, PartialEq)]
pub(super) struct Relaxed {
    /// The object.
    pub(super) members: Members,
    /// It has comments or trailing commas.
    pub(super) loose: bool,
}

/// Reads the object that `text` is.
///
/// # Errors
/// What is wrong with it, with line and column.
pub(super) fn read(text: &str) -> Result<Relaxed, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let strict = strict(text);
    let members = serde_json::from_str(&strict).map_err(|error| error.to_string())?;
    Ok(Relaxed { members, loose: strict != text })
}

/// `text` with comments and trailing commas replaced by spaces, so that places stay the same.
fn strict(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    // The last comma, while nothing but blanks and comments has followed it.
    let mut comma = None;
    // The last character that was no blank: a comma is one too many only behind a value.
    let mut last = b'{';
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match (byte, text.as_bytes().get(at + 1)) {
            (b'"', _) => {
                comma = None;
                last = b'"';
                at = string_end(text.as_bytes(), at);
            }
            (b'/', Some(b'/')) => at = blank(&mut bytes, at, text[at..].find(['\r', '\n'])),
            (b'/', Some(b'*')) => {
                at = blank(&mut bytes, at, text[at + 2..].find("*/").map(|end| end + 4));
            }
            (b',', _) => {
                comma = Some(at).filter(|_| !matches!(last, b'{' | b'[' | b','));
                last = b',';
                at += 1;
            }
            (b'}' | b']', _) => {
                if let Some(place) = comma.take().and_then(|place| bytes.get_mut(place)) {
                    *place = b' ';
                }
                last = b'}';
                at += 1;
            }
            (byte, _) => {
                if !byte.is_ascii_whitespace() {
                    comma = None;
                    last = *byte;
                }
                at += 1;
            }
        }
    }
    // Only whole comments and ASCII characters were replaced.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Where the string that begins at `start` is over.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Blanks `length` bytes from `start`, or all that follow, but for line ends; returns where that ends.
fn blank(bytes: &mut [u8], start: usize, length: Option<usize>) -> usize {
    let end = length.map_or(bytes.len(), |length| (start + length).min(bytes.len()));
    for byte in &mut bytes[start..end] {
        if !matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    end
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Members;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_dotnet_accepts_is_accepted() {
        let table = [
            (r#"{"a": 1}"#, false),
            ("\u{feff}{\"a\": 1}", false),
            ("{\"a\": 1,}", true),
            ("{\"a\": 1, // one\n}", true),
            ("// first\n{/* é */\"a\"/**/:1}", true),
            ("{\"a\": 1 /* not ended */ } // ende", true),
        ];
        for (text, loose) in table {
            let read = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read.members.0, [("a".to_owned(), json!(1))], "{text}");
            assert_eq!(read.loose, loose, "{text}");
        }
        let text = r#"{"a": "http://x/*y*/,]\"//", "A": [1, 2, ], "a": {"b": "c",},}"#;
        let members = read(text).expect("readable").members.0;
        let wanted = [("a", json!("http://x/*y*/,]\"//")), ("A", json!([1, 2])), ("a", json!({"b": "c"}))];
        assert_eq!(members, wanted.map(|(key, value)| (key.to_owned(), value)));
    }

    #[test]
    fn what_is_no_object_is_an_error_with_its_place() {
        for text in
            ["", "[]", "{", "{,}", "{\"a\": 1,,}", "{\"a\": }", "1", "{\"a\": 1} x", "{\"a\": \"", "/*", "\""]
        {
            let error = read(text).expect_err(text);
            assert!(error.contains("line 1 column"), "{text}: {error}");
        }
        let error = read("{\n  // comment\n  \"a\" 1\n}").expect_err("no colon");
        assert!(error.contains("line 3 column 7"), "{error}");
    }
}
