//! Data goes to standard output, talk to standard error.

use crate::DaemonError;
use std::io::Write;

/// Writes data; what does not arrive is an error.
pub(super) fn data(text: &str) -> Result<(), DaemonError> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(DaemonError::folder("writing", "standard output"))
}

/// Says something to a person. Where standard error is closed, there is nobody to tell.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
