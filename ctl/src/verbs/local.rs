//! What a run in this process needs to know of its only worker: this machine.

use crate::app::App;
use crate::error::CliError;
use crate::mesh::Mesh;
use part_core::{Capabilities, Millis, Submission};
use part_proto::v1::{ListWorkersRequest, WorkerInfo};

/// How long a run in this process waits for its only worker to become able to run something. Another never comes.
const WAIT_FOR_WORKER: Millis = Millis::seconds(60);

/// Says where this machine can run nothing now, and sees to it that the run then ends by itself. A group that the machine
/// never could run is left for the leader to refuse at once.
pub(super) async fn prepare(app: &mut App, mesh: &Mesh, submission: &mut Submission) -> Result<(), CliError> {
    let listed = mesh.clients().mesh().list_workers(ListWorkersRequest {}).await;
    let listed = listed.map_err(|status| mesh.clients().error("look at this machine", &status))?;
    let workers = listed.into_inner().workers;
    if let Some(problem) = problem(&workers) {
        app.note(&problem);
    }
    if submission.policy.wait_for_workers.is_none() && could_run(&workers, submission) {
        submission.policy.wait_for_workers = Some(WAIT_FOR_WORKER);
    }
    Ok(())
}

/// Why this machine takes no work; none when it does.
pub(super) fn problem(workers: &[WorkerInfo]) -> Option<String> {
    let [worker] = workers else { return None };
    (!worker.problem.is_empty()).then(|| format!("this machine takes no work: {}", worker.problem))
}

fn could_run(workers: &[WorkerInfo], submission: &Submission) -> bool {
    let [worker] = workers else { return true };
    let capabilities = Capabilities(worker.capabilities.clone().into_iter().collect());
    submission.groups.iter().all(|group| group.requirements.unmet(&capabilities).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_says_why_it_takes_no_work() {
        let well = WorkerInfo { worker: "w".to_owned(), ..WorkerInfo::default() };
        let full = WorkerInfo { problem: "its disk is nearly full".to_owned(), ..well.clone() };
        assert_eq!(problem(&[]), None);
        assert_eq!(problem(&[well]), None);
        assert_eq!(problem(&[full]).as_deref(), Some("this machine takes no work: its disk is nearly full"));
    }
}
