//! Finding runs and describing them.

use super::services::Shared;
use crate::clock::Clock;
use crate::error::chain;
use crate::leader::load;
use crate::realm::address_of;
use part_core::{Run, RunId, RunSummary, State};
use part_proto::convert::{run_verdict_to_wire, source_to_wire, summary_to_wire};
use part_proto::{status, v1};
use part_store::{RealmRow, RunFilter, RunRow, StoreError};
use tonic::Status;

/// How many candidates an ambiguous prefix names.
const CANDIDATES: usize = 5;

/// What a client hears of a store that failed.
pub(crate) fn store_failed(error: &StoreError) -> Status {
    match error.is_temporary() {
        true => status::unavailable(chain(error)),
        false => status::broken(chain(error)),
    }
}

impl Shared {
    /// The run that a person means: an id, a unique prefix, or `latest`.
    pub(super) async fn find(&self, typed: &str) -> Result<RunRow, Status> {
        let row = match typed {
            "" | "latest" => {
                let newest = self.store.runs(&RunFilter::newest(1)).await;
                newest.map_err(|error| store_failed(&error))?.into_iter().next()
            }
            typed => {
                let prefix = RunId::normalise_prefix(typed).map_err(|error| status::of_bad_id(&error))?;
                let found = self.store.find_runs(&prefix, CANDIDATES).await;
                let found = found.map_err(|error| store_failed(&error))?;
                if found.len() > 1 {
                    let names: Vec<String> = found.iter().map(RunId::short).collect();
                    return Err(status::wrong_state(format!("{typed:?} could be {}", names.join(", "))));
                }
                match found.first() {
                    Some(run) => self.store.run_row(*run).await.map_err(|error| store_failed(&error))?,
                    None => None,
                }
            }
        };
        row.ok_or_else(|| match typed {
            "" | "latest" => status::not_found("there is no run yet"),
            typed => status::not_found(format!("there is no run {typed:?}; `partctl runs` lists them")),
        })
    }

    /// A run's whole state, from its ledger.
    pub(super) async fn fold(&self, run: RunId) -> Result<Run, Status> {
        let mut state = State::default();
        load(self.store.as_ref(), run, &mut state).await.map_err(|error| status::broken(chain(&error)))?;
        state.run(run).cloned().ok_or_else(|| status::not_found(format!("there is no run {run}")))
    }

    /// Describes runs for clients.
    pub(super) async fn describe(&self, rows: Vec<RunRow>) -> Result<Vec<v1::RunInfo>, Status> {
        let realms = self.store.realms().await.map_err(|error| store_failed(&error))?;
        let mut described = Vec::new();
        for row in rows {
            described.push(self.describe_one(row, &realms).await?);
        }
        Ok(described)
    }

    async fn describe_one(&self, row: RunRow, realms: &[RealmRow]) -> Result<v1::RunInfo, Status> {
        let realm = realms.iter().find(|realm| realm.realm == row.realm);
        let here = self.leads(&row.realm);
        let running = row.progress.finished.is_none();
        let (summary, finished, open_because) = match &row.progress.finished {
            Some(finished) => {
                (summary_to_wire(&finished.summary), Some((finished.at, finished.verdict)), None)
            }
            None => {
                let run = self.fold(row.id).await?;
                (summary_to_wire(&RunSummary::of(&run)), None, run.open_because(Clock::start().now()))
            }
        };
        Ok(v1::RunInfo {
            run: row.id.to_string(),
            project: row.project,
            build: row.build,
            source: Some(source_to_wire(&row.source)),
            opened_at: row.opened_at.0,
            finished_at: finished.map(|(at, _)| at.0),
            verdict: finished.map(|(_, verdict)| run_verdict_to_wire(verdict).into()),
            last_number: row.progress.last_number,
            summary: Some(summary),
            abandoned: running && !here && realm.is_none_or(|realm| self.is_abandoned(realm)),
            groups: Vec::new(),
            led_at: match (running && !here, realm) {
                (true, Some(realm)) if realm.realm.is_local() || !self.clustered => {
                    address_of(realm).unwrap_or_default()
                }
                (_, _) => String::new(),
            },
            attempt: row.attempt,
            open_because: open_because.unwrap_or_default(),
        })
    }
}
