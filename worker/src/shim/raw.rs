//! The one place of the shim with unsafe code: two calls that neither nix nor rustix wraps safely.

use std::io;

use nix::libc;

/// Collects any ended child, without waiting: its number (0 when none has ended), status and use of
/// resources. Without this, memory could not be told apart between attempts.
#[expect(unsafe_code, reason = "wait4 has no safe wrapper in nix or rustix")]
pub(crate) fn wait4() -> io::Result<(i32, i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: `rusage` is a plain C struct for which all zeroes is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live, writable locals of the types that the call fills.
    let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok((pid, status, usage)) }
}

/// Keeps all open files but the three standard ones from the programs that this process will start.
#[expect(unsafe_code, reason = "inherited files are known by number only, which safe wrappers do not take")]
pub(crate) fn keep_files_to_ourselves() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // SAFETY: takes numbers only. It changes what happens at exec, not whether or as what the file is
        // open here; where the number is not open any more (that of the listing itself), it fails.
        let _closed_by_now = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}
