//! Reading what is recorded of a run, finished or not.

use super::pump::{Patience, Pumped, pump};
use crate::error::CliError;
use crate::mesh::Clients;
use crate::view::{Keep, RunView};
use part_proto::v1::RunInfo;

/// The run as its ledger tells it up to `info.last_number`. Returns at once, also for runs that go on or are
/// abandoned.
pub(crate) async fn read_ledger(mesh: &Clients, info: &RunInfo, keep: Keep) -> Result<RunView, CliError> {
    let mut view = RunView::new(keep);
    if info.last_number == 0 {
        return Ok(view);
    }
    let mut events = pump(mesh.runs(), info.run.clone(), mesh.at().to_owned(), 0, Patience::default());
    loop {
        match events.recv().await {
            Some(Pumped::Event(event)) => {
                view.apply(*event)
                    .map_err(|error| CliError::mesh("cannot read the run's ledger").because(error))?;
                if view.cursor >= info.last_number {
                    return Ok(view);
                }
            }
            Some(Pumped::Lost { .. } | Pumped::Restored) => {}
            Some(Pumped::Ended) | None => return Ok(view),
            Some(Pumped::Gone(error)) => return Err(*error),
        }
    }
}
