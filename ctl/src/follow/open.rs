//! Looking why a run is still open once the own groups are decided.

use crate::mesh::Clients;
use futures::future::BoxFuture;
use part_proto::v1::{GetRunRequest, RunInfo};
use tonic::Status;

/// Why the run goes on although the own groups are decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StillOpen {
    /// What the daemon says that it waits for; empty where others' specs are left to run, or where it does not say.
    pub(crate) because: String,
    /// Groups of others with the number of their specs that are not decided.
    pub(crate) others: Vec<(String, u32)>,
}

/// The question whether the run is finished, asked once.
#[derive(Default)]
pub(super) struct Asking {
    answer: Option<BoxFuture<'static, Result<RunInfo, Status>>>,
    asked: bool,
}

impl Asking {
    /// Asks, if it was not asked before.
    pub(super) fn ask(&mut self, clients: &Clients, run: &str) {
        if std::mem::replace(&mut self.asked, true) {
            return;
        }
        let (mut client, run) = (clients.runs(), run.to_owned());
        self.answer = Some(Box::pin(async move {
            let answer = client.get_run(GetRunRequest { run }).await?.into_inner().run;
            answer.ok_or_else(|| Status::internal("the daemon answered without a run"))
        }));
    }

    /// The answer; never returns where nothing was asked.
    pub(super) async fn answer(&mut self) -> Result<RunInfo, Status> {
        let Some(answer) = &mut self.answer else { return std::future::pending().await };
        let answered = answer.await;
        self.answer = None;
        answered
    }
}

impl StillOpen {
    /// What it waits for, in words.
    pub(crate) fn words(&self) -> String {
        let listed: Vec<String> = self
            .others
            .iter()
            .map(|(label, left)| format!("{} of group {label}", crate::text::count(u64::from(*left), "spec")))
            .collect();
        match (self.because.as_str(), listed.is_empty()) {
            ("", true) => "it is being closed".to_owned(),
            ("", false) => format!("{} to be decided", listed.join(", ")),
            (because, true) => because.to_owned(),
            (because, false) => format!("{because}; {} to be decided", listed.join(", ")),
        }
    }
}
