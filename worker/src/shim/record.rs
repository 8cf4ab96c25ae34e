//! `exit.json`: the record of an attempt, beside its output.
//!
//! It appears by renaming, so whoever finds it finds it whole. It is forced to the disk only when no
//! controller is connected: a controller that receives the record makes it durable in its own way, and
//! forcing costs more than running a trivial spec. After a power cut the file of an attempt whose
//! controller was connected may be empty; [`read_record`] then says that there is none.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::error::ShimError;
use super::protocol::ExitRecord;

/// Name of the record in an attempt's folder.
pub const EXIT_FILE: &str = "exit.json";

/// Name of the common output in an attempt's folder.
pub const OUTPUT_FILE: &str = "output";

/// Writes the record; `durable` says whether to wait for the disk.
pub(crate) fn write(attempt_dir: &Path, record: &ExitRecord, durable: bool) -> Result<(), ShimError> {
    let path = attempt_dir.join(EXIT_FILE);
    let draft = attempt_dir.join("exit.json.new");
    let text =
        serde_json::to_vec(record).map_err(|source| ShimError::Damaged { path: path.clone(), source })?;
    let mut file = File::create(&draft).map_err(ShimError::io("creating", &draft))?;
    file.write_all(&text).map_err(ShimError::io("writing", &draft))?;
    if durable {
        file.sync_all().map_err(ShimError::io("syncing", &draft))?;
    }
    fs::rename(&draft, &path).map_err(ShimError::io("renaming to", &path))?;
    if durable {
        File::open(attempt_dir)
            .and_then(|folder| folder.sync_all())
            .map_err(ShimError::io("syncing", attempt_dir))?;
    }
    Ok(())
}

/// Reads the record of the attempt in this folder; `None` while there is none.
///
/// # Errors
///
/// When the file cannot be read, or holds something that is not a record.
pub fn read_record(attempt_dir: &Path) -> Result<Option<ExitRecord>, ShimError> {
    let path = attempt_dir.join(EXIT_FILE);
    match fs::read(&path) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(|source| ShimError::Damaged { path, source })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ShimError::Io { doing: "reading", path, source }),
    }
}
