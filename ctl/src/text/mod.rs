//! Text for people: colour, cleaning of what came from tests, widths, durations and dates.

mod base64;
pub(crate) mod clean;
mod figures;
mod palette;
mod quote;
mod table;
mod width;

pub(crate) use base64::base64;
pub(crate) use clean::Screen;
pub(crate) use figures::{ago, bytes, count, day_and_time, elapsed, percent, took};
pub(crate) use palette::Palette;
pub(crate) use quote::command_line;
pub(crate) use table::Table;
pub(crate) use width::{fit, left, right, rows, width};
