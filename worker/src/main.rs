//! `part-worker`, for hosts that run specs without a daemon of their own. Today only its hidden verb `shim` works.

use std::io::Write;
use std::process::ExitCode;

/// Exit code for a command line that asks for what there is not.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|verb| verb == "shim") {
        return part_worker::shim::main(args);
    }
    // Where standard error is closed, there is nobody to tell.
    drop(writeln!(
        std::io::stderr(),
        "part-worker cannot join a mesh yet: use partd, which has a worker of its own, or partctl submit --local"
    ));
    ExitCode::from(USAGE)
}
