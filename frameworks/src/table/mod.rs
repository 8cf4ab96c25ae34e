//! Frameworks as tables: the shape they are written in, the built-in ones, and a project's own.
//!
//! Start at [`Catalogue`]. A [`FrameworkTable`] is what is written, with everything optional; a [`Framework`] is
//! what is used, complete and checked. docs/frameworks.md is the reference of the shape.

mod builtin;
mod catalogue;
mod duration;
mod error;
mod model;
mod raw;
mod variant;

pub use catalogue::{Catalogue, Tables, parse_tables};
pub use duration::{Span, SpanError};
pub use error::TableError;
pub use model::{Browser, Framework, ListCall, Place, Report, Select, SpecSource};
pub(crate) use model::{check_report, check_run};
pub use raw::{
    BrowserTable, DetectTable, EscapeTable, ExitTable, FrameworkTable, KeyTable, ListParser, ListTable,
    ProgramsTable, ReportTable, RunTable, SelectTable, SpecsTable, VariantTable, WhenTable, WordTable,
};
