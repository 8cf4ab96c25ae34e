//! `partctl version`.

use crate::app::App;
use crate::error::CliError;
use crate::exit::Exit;
use crate::out::Format;
use crate::render::json::{self, Line, VersionLine};

/// Prints the version.
pub(super) fn run(app: &mut App) -> Result<Exit, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    match app.out.format() {
        Format::Human => app.out.data(&format!("partctl {version}\n")),
        Format::Json => {
            app.out.json(&Line::new("version", VersionLine { partctl: version, json: json::VERSION }))
        }
    }
    Ok(Exit::Passed)
}
