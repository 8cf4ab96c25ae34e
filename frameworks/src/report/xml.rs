//! Pulling events out of an XML report: well-formedness, depth, and nothing beyond what JUnit and TRX need.

use super::{bounds, error::ReportError, source::Source};
use quick_xml::{
    Error, Reader,
    events::{BytesStart, Event},
};
use std::borrow::Cow;

/// An XML document while it is read.
pub(super) struct Document<'s> {
    source: &'s Source<'s>,
    reader: Reader<&'s [u8]>,
    /// Names of the open elements, for telling which one was never closed.
    open: Vec<String>,
    had_root: bool,
}

/// What comes next in a document.
pub(super) enum Node {
    /// An element begins. Its end comes too, also where it has no content.
    Open(Element),
    /// The innermost open element ends.
    Close,
    /// Text directly inside the innermost open element; one text may come in several pieces.
    Text(String),
    /// The document ends, and was well-formed.
    End,
}

/// The beginning of an element.
pub(super) struct Element {
    /// Name without namespace prefix.
    pub(super) name: String,
    /// Where its `<` is in the source's text.
    pub(super) offset: usize,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The attribute's value; none when it is missing or blank.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The attribute as a count; none when it is missing or no number.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        self.attribute(name)?.parse().ok()
    }

    pub(super) fn has_attributes(&self) -> bool {
        !self.attributes.is_empty()
    }
}

impl<'s> Document<'s> {
    pub(super) fn new(source: &'s Source<'s>) -> Self {
        let mut reader = Reader::from_str(source.text());
        reader.config_mut().expand_empty_elements = true;
        Document { source, reader, open: Vec::new(), had_root: false }
    }

    /// The next event. After [`Node::End`] always the same.
    pub(super) fn next(&mut self) -> Result<Node, ReportError> {
        loop {
            let offset = self.offset();
            let event = self.reader.read_event().map_err(|error| self.malformed(&error))?;
            match event {
                // Empty elements come as a start and an end: see the reader's configuration.
                Event::Start(start) | Event::Empty(start) => {
                    return self.enter(&start, offset).map(Node::Open);
                }
                Event::End(_) => {
                    self.open.pop();
                    return Ok(Node::Close);
                }
                Event::Text(text) => {
                    let text =
                        text.xml10_content().map_err(|e| self.source.malformed(offset, e.to_string()))?;
                    if let Some(node) = self.text(text, offset)? {
                        return Ok(node);
                    }
                }
                Event::CData(text) => {
                    let text =
                        text.xml10_content().map_err(|e| self.source.malformed(offset, e.to_string()))?;
                    if let Some(node) = self.text(text, offset)? {
                        return Ok(node);
                    }
                }
                Event::GeneralRef(name) => {
                    let name = name.decode().map_err(|e| self.source.malformed(offset, e.to_string()))?;
                    if let Some(node) = self.text(Cow::Owned(character(&name)), offset)? {
                        return Ok(node);
                    }
                }
                // A document type's entities are deliberately not read: nothing is ever expanded.
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
                Event::Eof => return self.end(),
            }
        }
    }

    /// All text directly inside the element that was just opened, up to its end. Elements in between are skipped.
    pub(super) fn content(&mut self) -> Result<String, ReportError> {
        let mut content = String::new();
        loop {
            match self.next()? {
                Node::Open(_) => self.skip()?,
                Node::Text(text) if content.is_empty() => content = text,
                Node::Text(text) => content.push_str(&text),
                Node::Close | Node::End => return Ok(content),
            }
        }
    }

    /// Reads over the rest of the element that was just opened, up to its end.
    pub(super) fn skip(&mut self) -> Result<(), ReportError> {
        let depth = self.open.len();
        loop {
            match self.next()? {
                Node::Close if self.open.len() < depth => return Ok(()),
                Node::End => return Ok(()),
                Node::Open(_) | Node::Close | Node::Text(_) => {}
            }
        }
    }

    fn enter(&mut self, start: &BytesStart<'_>, offset: usize) -> Result<Element, ReportError> {
        if self.open.is_empty() && self.had_root {
            return Err(self.source.malformed(offset, "a second document follows the end of the first"));
        }
        if self.open.len() == bounds::XML_DEPTH {
            let what = format!("elements are nested more than {} deep", bounds::XML_DEPTH);
            return Err(self.source.malformed(offset, what));
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let mut attributes = Vec::new();
        // Looking for attributes that occur twice takes quadratic time; the first one counts.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| self.source.malformed(offset, format!("<{name}>: {e}")))?;
            if attributes.len() == bounds::XML_ATTRIBUTES {
                let what = format!("<{name}> has more than {} attributes", bounds::XML_ATTRIBUTES);
                return Err(self.source.malformed(offset, what));
            }
            let key = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
            attributes.push((key, unescape(&String::from_utf8_lossy(&attribute.value))));
        }
        self.had_root = true;
        self.open.push(name.clone());
        Ok(Element { name, offset, attributes })
    }

    fn text(&self, text: Cow<'_, str>, offset: usize) -> Result<Option<Node>, ReportError> {
        if !self.open.is_empty() {
            return Ok(Some(Node::Text(text.into_owned())));
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        let offset = offset + (text.len() - text.trim_start().len());
        let side = if self.had_root { "after the end of" } else { "before" };
        Err(self.source.malformed(offset, format!("text {side} the document")))
    }

    fn end(&self) -> Result<Node, ReportError> {
        match self.open.last() {
            Some(name) => Err(self.source.cut_off(format!("the file ends before </{name}>"))),
            None if self.had_root => Ok(Node::End),
            None => Err(self.source.cut_off("there is no XML element")),
        }
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn malformed(&self, error: &Error) -> ReportError {
        let offset = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        self.source.malformed(offset, error.to_string())
    }
}

/// Replaces references to characters. Anything else after an `&` is left as it stands: reports do contain
/// `&nbsp;` and lone ampersands in attributes, and a name that looks odd is better than no result.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest reference that means anything is `&#x10ffff;`; looking no further keeps this linear.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end {
            Some(end) => {
                text.push_str(&character(&rest[1..end]));
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// What `&name;` stands for: a predefined entity or a character reference; itself when it is neither.
fn character(name: &str) -> String {
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        },
        None => match name {
            "lt" => Some('<'.into()),
            "gt" => Some('>'.into()),
            "amp" => Some('&'.into()),
            "quot" => Some('"'.into()),
            "apos" => Some('\''.into()),
            _ => None,
        },
    };
    match code {
        // Not a character of XML, but Surefire and others write it all the same.
        Some(0) => char::REPLACEMENT_CHARACTER.into(),
        Some(code) => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).into(),
        None => format!("&{name};"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse::ReportFile;
    use std::path::Path;

    /// The document as a line of events, or the error.
    fn events(xml: &str) -> String {
        let file = ReportFile { path: Path::new("r.xml"), bytes: xml.as_bytes() };
        let source = match Source::read(&file) {
            Ok(source) => source,
            Err(error) => return error.to_string(),
        };
        let mut document = Document::new(&source);
        let mut events = String::new();
        loop {
            match document.next() {
                Ok(Node::Open(element)) => {
                    events.push_str(&format!("<{}", element.name));
                    for (key, value) in &element.attributes {
                        events.push_str(&format!(" {key}={value}"));
                    }
                    events.push('>');
                }
                Ok(Node::Close) => events.push_str("</>"),
                Ok(Node::Text(text)) => events.push_str(&text),
                Ok(Node::End) => return events,
                Err(error) => return error.to_string(),
            }
        }
    }

    #[test]
    fn well_formed() {
        for (xml, expected) in [
            ("<a/>", "<a></>"),
            (
                "<?xml version='1.0'?><!-- x --><a b='&lt;1&#x1b;&amp;amp;'>x&lt;y<![CDATA[&lt;]]></a>\n",
                "<a b=<1\u{1b}&amp;>x<y&lt;</>",
            ),
            ("<n:a n:b='c'></n:a>", "<a b=c></>"),
            ("<!DOCTYPE a [<!ENTITY x \"expanded\">]><a b='&x;'>&x;&nbsp;</a>", "<a b=&x;>&x;&nbsp;</>"),
            ("<a b='x & y &'>&#0;&#xd800;</a>", "<a b=x & y &>\u{fffd}\u{fffd}</>"),
            ("<a>x\r\ny</a>", "<a>x\ny</>"),
        ] {
            assert_eq!(events(xml), expected, "{xml}");
        }
    }

    #[test]
    fn malformed() {
        for (xml, expected) in [
            ("  \n", "report r.xml is empty"),
            ("x", "byte 0 (line 1, column 1): text before the document"),
            ("<a>\n<b>\n", "byte 8 (line 3, column 1): the file ends before </b>"),
            (
                "<a><b></a>",
                "byte 6 (line 1, column 7): ill-formed document: expected `</b>`, but `</a>` was found",
            ),
            ("<a/>\n<b/>", "byte 5 (line 2, column 1): a second document"),
            ("<a/> x", "byte 5 (line 1, column 6): text after the end of the document"),
            ("<a/></a>", "byte 4"),
            ("<a b=>x</a>", "byte 0"),
            ("<a>&lt</a>", "byte 3"),
            ("<a><![CDATA[x]]</a>", "byte 3"),
            ("<?xml version='1.0'?>", "there is no XML element"),
            ("<a b='", "byte 0"),
        ] {
            let error = events(xml);
            assert!(error.contains(expected), "{xml}: {error}");
        }
    }

    #[test]
    fn depth_and_attributes_are_bounded() {
        let deep = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
        assert!(!events(&deep(bounds::XML_DEPTH)).contains("nested"));
        assert!(events(&deep(bounds::XML_DEPTH + 1)).contains("nested more than 128 deep"));
        let wide = |n: usize| format!("<a {}/>", (0..n).map(|i| format!("a{i}='' ")).collect::<String>());
        assert!(!events(&wide(bounds::XML_ATTRIBUTES)).contains("more than"));
        assert!(events(&wide(bounds::XML_ATTRIBUTES + 1)).contains("more than 256 attributes"));
    }
}
