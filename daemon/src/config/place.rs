//! What the machine itself says when nobody configured anything.

use std::path::PathBuf;

/// One per CPU that this process may use.
pub(crate) fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// This host's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The platform's folder for data of programs, or `$PART_HOME`.
pub fn default_home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = set("PART_HOME") {
        return home;
    }
    let user = set("HOME").unwrap_or_else(|| PathBuf::from("."));
    if cfg!(target_os = "macos") {
        return user.join("Library/Application Support/part");
    }
    set("XDG_DATA_HOME").unwrap_or_else(|| user.join(".local/share")).join("part")
}
