//! The values that an attribute was given.

use super::image::Bytes;
use super::tables::compressed;
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// True or false.
    Bool(bool),
    /// A number, also that of an enumeration.
    Number(i32),
    /// A text; none for null.
    Text(Option<String>),
    /// The full name of a type; none for null.
    Type(Option<String>),
}

/// An attribute's values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// Those of its constructor, in order.
    pub(super) fixed: Vec<Argument>,
    /// Those that were given by name.
    pub(super) named: BTreeMap<String, Argument>,
}

/// Types of elements in signatures.
const BOOLEAN: u8 = 0x02;
const I4: u8 = 0x08;
const STRING: u8 = 0x0E;
const VALUE_TYPE: u8 = 0x11;
const CLASS: u8 = 0x12;
/// A type as the value of a named argument.
const TYPE: u8 = 0x50;
/// An enumeration as the value of a named argument.
const ENUM: u8 = 0x55;

/// Reads the values in `blob` of an attribute whose constructor has this signature. Enumerations are taken to be
/// numbers of four bytes, as all of xUnit.net's are. None where there is something that its attributes never have.
pub(super) fn arguments(signature: Bytes<'_>, blob: Bytes<'_>) -> Option<Arguments> {
    if blob.u16(0)? != 1 {
        return None;
    }
    let mut cursor = Cursor { bytes: blob, at: 2 };
    let mut arguments = Arguments::default();
    for kind in parameters(signature)? {
        arguments.fixed.push(cursor.value(kind)?);
    }
    let count = cursor.bytes.u16(cursor.at)?;
    cursor.at += 2;
    for _ in 0..count {
        // Whether it is a field or a property does not matter.
        cursor.byte()?;
        let kind = match cursor.byte()? {
            ENUM => {
                cursor.text()?;
                VALUE_TYPE
            }
            TYPE => CLASS,
            kind => kind,
        };
        let name = cursor.text()??;
        let value = cursor.value(kind)?;
        arguments.named.insert(name, value);
    }
    Some(arguments)
}

/// The kinds of a constructor's parameters.
fn parameters(signature: Bytes<'_>) -> Option<Vec<u8>> {
    let (count, head) = compressed(signature, 1)?;
    // Behind the calling convention, the count, and the type that is returned, which is nothing.
    let mut cursor = Cursor { bytes: signature, at: 2 + head };
    let mut kinds = Vec::new();
    for _ in 0..count {
        let kind = cursor.byte()?;
        if kind == VALUE_TYPE || kind == CLASS {
            cursor.number()?;
        }
        kinds.push(kind);
    }
    Some(kinds)
}

struct Cursor<'a> {
    bytes: Bytes<'a>,
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.u8(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<usize> {
        let (number, length) = compressed(self.bytes, self.at)?;
        self.at += length;
        Some(number)
    }

    /// A text, or null.
    fn text(&mut self) -> Option<Option<String>> {
        if self.bytes.u8(self.at)? == 0xFF {
            self.at += 1;
            return Some(None);
        }
        let length = self.number()?;
        let text = self.bytes.part(self.at, length)?;
        self.at += length;
        String::from_utf8(text.0.to_vec()).ok().map(Some)
    }

    fn value(&mut self, kind: u8) -> Option<Argument> {
        Some(match kind {
            BOOLEAN => Argument::Bool(self.byte()? != 0),
            I4 | VALUE_TYPE => {
                let number = self.bytes.u32(self.at)?;
                self.at += 4;
                Argument::Number(number.cast_signed())
            }
            STRING => Argument::Text(self.text()?),
            CLASS => Argument::Type(self.text()?.map(|name| type_name(&name).to_owned())),
            _ => return None,
        })
    }
}

/// The full name of a type, without its assembly.
fn type_name(name: &str) -> &str {
    name.split_once(',').map_or(name, |(name, _)| name).trim()
}
