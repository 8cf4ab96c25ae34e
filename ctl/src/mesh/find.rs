//! Finding a run by what people type.

use super::Clients;
use crate::error::CliError;
use crate::text::{Palette, ago, clean};
use crate::view::short_id;
use part_core::{RunId, Timestamp};
use part_proto::v1::{GetRunRequest, ListRunsRequest, RunInfo};
use tonic::Code;

/// Runs that are looked through for candidates.
const SEARCHED: u32 = 1000;
/// Candidates that are shown.
const SHOWN: usize = 8;

/// The run with this id, unique prefix, or `latest`.
pub(crate) async fn find_run(mesh: &Clients, typed: &str, now: Timestamp) -> Result<RunInfo, CliError> {
    let wanted = if typed == "latest" {
        typed.to_owned()
    } else {
        RunId::normalise_prefix(typed).map_err(|error| {
            CliError::usage(error.to_string()).hint("partctl runs lists the runs; `latest` is the newest one")
        })?
    };
    let request = GetRunRequest { run: wanted.clone() };
    let status = match mesh.runs().get_run(request).await {
        Ok(response) => {
            let run = response.into_inner().run;
            return run.ok_or_else(|| CliError::mesh("the daemon answered without a run"));
        }
        Err(status) => status,
    };
    if !matches!(status.code(), Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition) {
        return Err(mesh.error("find the run", &status));
    }
    if wanted == "latest" {
        return Err(CliError::usage("there is no run yet").hint("partctl submit makes one"));
    }
    let request = ListRunsRequest { project: String::new(), limit: SEARCHED, build: String::new() };
    let listed = mesh.runs().list_runs(request).await.map_err(|status| mesh.error("list runs", &status))?;
    Err(explain(typed, &wanted, &listed.into_inner().runs, now))
}

/// Why a prefix names no run.
fn explain(typed: &str, wanted: &str, runs: &[RunInfo], now: Timestamp) -> CliError {
    let matches: Vec<&RunInfo> = runs.iter().filter(|run| run.run.starts_with(wanted)).collect();
    if matches.len() < 2 {
        return CliError::usage(format!("there is no run {typed:?}")).hint("partctl runs lists the runs");
    }
    let mut error = CliError::usage(format!("{typed:?} may mean {} runs", matches.len()));
    for run in matches.iter().take(SHOWN) {
        let id = unique_prefix(&run.run, &matches);
        let project = clean::line(&run.project, Palette::PLAIN.into());
        error = error.hint(format!("{id}  {project}  {}", ago(Timestamp(run.opened_at), now)));
    }
    if matches.len() > SHOWN {
        error = error.hint(format!("… and {} more", matches.len() - SHOWN));
    }
    error
}

/// The shortest text, no shorter than the short id, that names this run among the candidates.
fn unique_prefix(run: &str, among: &[&RunInfo]) -> String {
    let least = short_id(run).len();
    let names_only_it = |length: &usize| {
        among
            .iter()
            .filter(|other| other.run != run)
            .all(|other| other.run.get(..*length) != run.get(..*length))
    };
    let length = (least..run.len()).find(names_only_it).unwrap_or(run.len());
    run.get(..length).unwrap_or(run).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    fn run(id: u128) -> RunInfo {
        RunInfo { run: RunId(id).to_string(), project: "shop".into(), opened_at: 1000, ..RunInfo::default() }
    }

    #[test]
    fn an_ambiguous_prefix_lists_its_candidates_in_full_enough() {
        // The lower half comes first in the text: the first two differ in their twelfth digit only.
        let (a, b, other) =
            (run(0x0bcd_0000_0000_0100), run(0x0bcd_0000_0000_0200), run(0x0234_0000_0000_0000));
        let runs = [a.clone(), b.clone(), other];
        let error = explain("run_0", "run_0", &runs, Timestamp(61_000));
        assert_eq!(error.to_string(), "\"run_0\" may mean 3 runs");
        assert_eq!(error.hints().len(), 3);
        for (hint, run) in error.hints().iter().zip(&runs) {
            let id = hint.split("  ").next().unwrap_or_default();
            assert!(run.run.starts_with(id), "{hint}");
            assert_eq!(runs.iter().filter(|other| other.run.starts_with(id)).count(), 1, "{hint}");
        }
        let error = explain("run_zz", "run_zz", &runs, Timestamp(0));
        assert_eq!(error.to_string(), "there is no run \"run_zz\"");
    }

    #[tokio::test]
    async fn runs_are_found_by_what_people_type() {
        let one = run(0x0bcd_0000_0000_0100);
        let (_server, mesh) = Scripted::start(Vec::new(), Vec::new(), vec![one.clone()]).await;
        let short = short_id(&one.run);
        for typed in ["latest", one.run.as_str(), short.as_str(), &short.to_uppercase(), &short[4..]] {
            let found = find_run(mesh.clients(), typed, Timestamp(0)).await;
            assert_eq!(
                found.map(|info| info.run).map_err(|error| error.to_string()),
                Ok(one.run.clone()),
                "{typed}"
            );
        }
        for typed in ["", "run_", "ünïcode", "zzzz"] {
            assert!(find_run(mesh.clients(), typed, Timestamp(0)).await.is_err(), "{typed}");
        }
        let (_server, mesh) = Scripted::start(Vec::new(), Vec::new(), Vec::new()).await;
        let error = find_run(mesh.clients(), "latest", Timestamp(0)).await.expect_err("there is none");
        assert_eq!(error.to_string(), "there is no run yet");
    }
}
