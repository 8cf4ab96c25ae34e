//! The tables of the metadata: how wide their rows are, and reading cells.

use super::image::{Bytes, Streams};

/// A column of a table.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// A number of two bytes.
    Two,
    /// A number of four bytes.
    Four,
    /// An offset into `#Strings`.
    Text,
    /// An index into `#GUID`.
    Guid,
    /// An offset into `#Blob`.
    Blob,
    /// A row of this table.
    Row(usize),
    /// A row of one of these tables, with so many bits that say which.
    OneOf(u32, &'static [usize]),
}

use Column::{Blob, Four, Guid, OneOf, Row, Text, Two};

/// Tables by number.
pub(super) const TYPE_REF: usize = 0x01;
pub(super) const TYPE_DEF: usize = 0x02;
const FIELD: usize = 0x04;
pub(super) const METHOD_DEF: usize = 0x06;
const PARAM: usize = 0x08;
const INTERFACE_IMPL: usize = 0x09;
pub(super) const MEMBER_REF: usize = 0x0A;
pub(super) const CUSTOM_ATTRIBUTE: usize = 0x0C;
const DECL_SECURITY: usize = 0x0E;
const STANDALONE_SIG: usize = 0x11;
const EVENT: usize = 0x14;
const PROPERTY: usize = 0x17;
const MODULE_REF: usize = 0x1A;
pub(super) const TYPE_SPEC: usize = 0x1B;
pub(super) const ASSEMBLY: usize = 0x20;
const ASSEMBLY_REF: usize = 0x23;
const FILE: usize = 0x26;
const EXPORTED_TYPE: usize = 0x27;
const MANIFEST_RESOURCE: usize = 0x28;
pub(super) const NESTED_CLASS: usize = 0x29;
const GENERIC_PARAM: usize = 0x2A;
const METHOD_SPEC: usize = 0x2B;
const GENERIC_PARAM_CONSTRAINT: usize = 0x2C;
/// No table: a tag that is never used.
const NONE: usize = usize::MAX;

const TYPE_DEF_OR_REF: Column = OneOf(2, &[TYPE_DEF, TYPE_REF, TYPE_SPEC]);
const RESOLUTION_SCOPE: Column = OneOf(2, &[0x00, MODULE_REF, ASSEMBLY_REF, TYPE_REF]);
const HAS_CONSTANT: Column = OneOf(2, &[FIELD, PARAM, PROPERTY]);
const HAS_CUSTOM_ATTRIBUTE: Column = OneOf(
    5,
    &[
        METHOD_DEF,
        FIELD,
        TYPE_REF,
        TYPE_DEF,
        PARAM,
        INTERFACE_IMPL,
        MEMBER_REF,
        0x00,
        DECL_SECURITY,
        PROPERTY,
        EVENT,
        STANDALONE_SIG,
        MODULE_REF,
        TYPE_SPEC,
        ASSEMBLY,
        ASSEMBLY_REF,
        FILE,
        EXPORTED_TYPE,
        MANIFEST_RESOURCE,
        GENERIC_PARAM,
        GENERIC_PARAM_CONSTRAINT,
        METHOD_SPEC,
    ],
);
const HAS_FIELD_MARSHAL: Column = OneOf(1, &[FIELD, PARAM]);
const HAS_DECL_SECURITY: Column = OneOf(2, &[TYPE_DEF, METHOD_DEF, ASSEMBLY]);
const MEMBER_REF_PARENT: Column = OneOf(3, &[TYPE_DEF, TYPE_REF, MODULE_REF, METHOD_DEF, TYPE_SPEC]);
const HAS_SEMANTICS: Column = OneOf(1, &[EVENT, PROPERTY]);
const METHOD_DEF_OR_REF: Column = OneOf(1, &[METHOD_DEF, MEMBER_REF]);
const MEMBER_FORWARDED: Column = OneOf(1, &[FIELD, METHOD_DEF]);
const IMPLEMENTATION: Column = OneOf(2, &[FILE, ASSEMBLY_REF, EXPORTED_TYPE]);
const ATTRIBUTE_TYPE: Column = OneOf(3, &[NONE, NONE, METHOD_DEF, MEMBER_REF, NONE]);

/// The columns of every table up to the last one that is needed; what comes behind it does not move anything.
const COLUMNS: [&[Column]; NESTED_CLASS + 1] = [
    &[Two, Text, Guid, Guid, Guid],
    &[RESOLUTION_SCOPE, Text, Text],
    &[Four, Text, Text, TYPE_DEF_OR_REF, Row(FIELD), Row(METHOD_DEF)],
    &[Row(FIELD)],
    &[Two, Text, Blob],
    &[Row(METHOD_DEF)],
    &[Four, Two, Two, Text, Blob, Row(PARAM)],
    &[Row(PARAM)],
    &[Two, Two, Text],
    &[Row(TYPE_DEF), TYPE_DEF_OR_REF],
    &[MEMBER_REF_PARENT, Text, Blob],
    &[Two, HAS_CONSTANT, Blob],
    &[HAS_CUSTOM_ATTRIBUTE, ATTRIBUTE_TYPE, Blob],
    &[HAS_FIELD_MARSHAL, Blob],
    &[Two, HAS_DECL_SECURITY, Blob],
    &[Two, Four, Row(TYPE_DEF)],
    &[Four, Row(FIELD)],
    &[Blob],
    &[Row(TYPE_DEF), Row(EVENT)],
    &[Row(EVENT)],
    &[Two, Text, TYPE_DEF_OR_REF],
    &[Row(TYPE_DEF), Row(PROPERTY)],
    &[Row(PROPERTY)],
    &[Two, Text, Blob],
    &[Two, Row(METHOD_DEF), HAS_SEMANTICS],
    &[Row(TYPE_DEF), METHOD_DEF_OR_REF, METHOD_DEF_OR_REF],
    &[Text],
    &[Blob],
    &[Two, MEMBER_FORWARDED, Text, Row(MODULE_REF)],
    &[Four, Row(FIELD)],
    &[Four, Four],
    &[Four],
    &[Four, Two, Two, Two, Two, Four, Blob, Text, Text],
    &[Four],
    &[Four, Four, Four],
    &[Two, Two, Two, Two, Four, Blob, Text, Text, Blob],
    &[Four, Row(ASSEMBLY_REF)],
    &[Four, Four, Four, Row(ASSEMBLY_REF)],
    &[Four, Text, Blob],
    &[Four, Four, Text, Text, IMPLEMENTATION],
    &[Four, Four, Text, IMPLEMENTATION],
    &[Row(TYPE_DEF), Row(TYPE_DEF)],
];

/// A row of some table: its number is from 1, and 0 means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) table: usize,
    pub(super) row: usize,
}

/// All tables of an assembly.
pub(super) struct Tables<'a> {
    streams: Streams<'a>,
    rows: [usize; 64],
    /// Where each table begins in the stream of tables.
    starts: [usize; NESTED_CLASS + 1],
    heap_sizes: u8,
}

impl<'a> Tables<'a> {
    /// Lays the tables out; none where they do not fit into their stream.
    pub(super) fn new(streams: Streams<'a>) -> Option<Self> {
        let stream = streams.tables;
        let heap_sizes = stream.u8(6)?;
        let present = stream.u64(8)?;
        let mut at = 24;
        let mut rows = [0; 64];
        for (table, rows) in rows.iter_mut().enumerate() {
            if present >> table & 1 == 1 {
                *rows = stream.size(at)?;
                at += 4;
            }
        }
        // The hot-reload extension adds a number behind the counts.
        if heap_sizes & 0x40 != 0 {
            at += 4;
        }
        let mut tables = Tables { streams, rows, starts: [0; NESTED_CLASS + 1], heap_sizes };
        for (table, rows) in rows.into_iter().enumerate().take(COLUMNS.len()) {
            tables.starts[table] = at;
            at = at.checked_add(rows.checked_mul(tables.row_width(table))?)?;
        }
        (at <= stream.0.len()).then_some(tables)
    }

    /// How many rows a table has.
    pub(super) fn rows(&self, table: usize) -> usize {
        self.rows.get(table).copied().unwrap_or_default()
    }

    fn row_width(&self, table: usize) -> usize {
        COLUMNS[table].iter().map(|column| self.width(*column)).sum()
    }

    fn width(&self, column: Column) -> usize {
        let heap = |bit: u8| if self.heap_sizes & bit == 0 { 2 } else { 4 };
        match column {
            Two => 2,
            Four => 4,
            Text => heap(1),
            Guid => heap(2),
            Blob => heap(4),
            Row(table) => {
                if self.rows(table) < 1 << 16 {
                    2
                } else {
                    4
                }
            }
            OneOf(bits, tables) => {
                let most = tables.iter().map(|table| self.rows(*table)).max().unwrap_or_default();
                if most < 1 << (16 - bits) { 2 } else { 4 }
            }
        }
    }

    /// The number in a cell. Rows count from 1.
    pub(super) fn cell(&self, table: usize, row: usize, column: usize) -> Option<usize> {
        if row == 0 || row > self.rows(table) {
            return None;
        }
        let before: usize = COLUMNS[table][..column].iter().map(|column| self.width(*column)).sum();
        let at = self.starts[table] + (row - 1) * self.row_width(table) + before;
        match self.width(*COLUMNS[table].get(column)?) {
            2 => self.streams.tables.u16(at).map(usize::from),
            _ => self.streams.tables.size(at),
        }
    }

    /// The row that a cell points to, in whichever table.
    pub(super) fn token(&self, table: usize, row: usize, column: usize) -> Option<Token> {
        let value = self.cell(table, row, column)?;
        match COLUMNS[table].get(column)? {
            OneOf(bits, tables) => decode(value, *bits, tables),
            Row(table) => Some(Token { table: *table, row: value }),
            Two | Four | Text | Guid | Blob => None,
        }
    }

    /// The text that a cell points to.
    pub(super) fn text(&self, table: usize, row: usize, column: usize) -> Option<&'a str> {
        self.streams.strings.text(self.cell(table, row, column)?)
    }

    /// The blob that a cell points to.
    pub(super) fn blob(&self, table: usize, row: usize, column: usize) -> Option<Bytes<'a>> {
        let at = self.cell(table, row, column)?;
        let (length, head) = compressed(self.streams.blobs, at)?;
        self.streams.blobs.part(at + head, length)
    }
}

/// The row that a number in a signature or a cell stands for.
fn decode(value: usize, bits: u32, tables: &[usize]) -> Option<Token> {
    let tag = value & ((1 << bits) - 1);
    let table = *tables.get(tag)?;
    (table != NONE).then_some(Token { table, row: value >> bits })
}

/// The type that a number in a signature stands for.
pub(super) fn type_in_signature(value: usize) -> Option<Token> {
    decode(value, 2, &[TYPE_DEF, TYPE_REF, TYPE_SPEC])
}

/// A number of one, two or four bytes, and how many they are.
pub(super) fn compressed(bytes: Bytes<'_>, at: usize) -> Option<(usize, usize)> {
    let first = usize::from(bytes.u8(at)?);
    let next = |offset: usize| bytes.u8(at + offset).map(usize::from);
    match first {
        0..0x80 => Some((first, 1)),
        0x80..0xC0 => Some(((first & 0x3F) << 8 | next(1)?, 2)),
        0xC0..0xE0 => Some(((first & 0x1F) << 24 | next(1)? << 16 | next(2)? << 8 | next(3)?, 4)),
        _ => None,
    }
}
