//! The verbs of `part-e2e-host`.

use super::{inside, outer};
use crate::Trouble;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Does what the words say. Only the library calls this program; what goes wrong is said on standard error.
pub fn main(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    let verb = words.next().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let subject = words.next().unwrap_or_default();
    let name = subject.to_string_lossy();
    let done = match verb.as_str() {
        "host" => outer::make_host(&name),
        "inside" => inside::run(&name),
        "guard" => outer::guard(&PathBuf::from(&subject)),
        other => Err(Trouble(format!("no verb {other:?}; this program is started by the tests only"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // Where standard error is closed, there is nobody to tell.
            drop(writeln!(std::io::stderr(), "part-e2e-host {verb}: {trouble}"));
            ExitCode::FAILURE
        }
    }
}
