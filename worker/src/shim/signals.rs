//! Signals as readable sockets.
//!
//! Handlers, not a blocked mask and not "ignore": both of those are inherited across exec, a handler is
//! reset to the default. So specs start with nothing blocked and nothing ignored, even when the daemon
//! itself was started with `nohup`.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::SigSet;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::error::ShimError;

/// The signals that the shim acts on.
pub(crate) struct Signals {
    /// Readable after SIGCHLD.
    pub(crate) child: UnixStream,
    /// Readable after SIGTERM.
    pub(crate) terminate: UnixStream,
}

impl Signals {
    /// Installs all handlers and opens the mask. The signals of a terminal have no effect: they are
    /// meant for the owner, who tells us what to do.
    pub(crate) fn install() -> Result<Signals, ShimError> {
        let child = to_socket(SIGCHLD).map_err(ShimError::system("installing the handler for SIGCHLD"))?;
        let terminate =
            to_socket(SIGTERM).map_err(ShimError::system("installing the handler for SIGTERM"))?;
        for signal in [SIGINT, SIGHUP, SIGQUIT] {
            signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
                .map_err(ShimError::system("installing the handlers of terminal signals"))?;
        }
        SigSet::empty().thread_set_mask().map_err(ShimError::system("unblocking signals"))?;
        Ok(Signals { child, terminate })
    }
}

fn to_socket(signal: i32) -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(signal, writer)?;
    Ok(reader)
}

/// Empties a signal's socket; says whether there was anything.
pub(crate) fn take(socket: &mut UnixStream) -> io::Result<bool> {
    let mut buffer = [0; 256];
    let mut any = false;
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Ok(any),
            Ok(_) => any = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(any),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
