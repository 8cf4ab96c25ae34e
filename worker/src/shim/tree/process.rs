//! A process in a list of them.

use std::ops::ControlFlow;

/// Called with each process as soon as it is found, before its children are looked for; may end the
/// search.
pub(crate) type Visit<'a> = dyn FnMut(i32) -> ControlFlow<()> + 'a;

/// A process as the system lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Its process group.
    pub(crate) group: i32,
    /// Whether it has ended and only waits to be collected.
    pub(crate) zombie: bool,
}

/// Shows a finished list to a visitor.
pub(super) fn visited(mut found: Vec<Process>, visit: &mut Visit<'_>) -> Vec<Process> {
    let wanted = found.iter().take_while(|process| visit(process.pid).is_continue()).count();
    found.truncate(wanted);
    found
}
