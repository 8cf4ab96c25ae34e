//! `partctl init`.

use crate::app::App;
use crate::cli::InitArgs;
use crate::error::CliError;
use crate::exit::Exit;

/// Writes a first part.toml.
pub(super) fn run(_app: &mut App, _args: &InitArgs) -> Result<Exit, CliError> {
    Err(CliError::usage("not here yet"))
}
