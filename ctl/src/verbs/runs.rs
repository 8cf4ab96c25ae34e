//! `partctl runs`.

use crate::app::App;
use crate::cli::RunsArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Mesh, Role};
use crate::out::Format;
use crate::render::json::{Line, RunLine};
use crate::text::{Palette, Table, ago, clean, took};
use crate::view::short_id;
use part_core::{RunVerdict, Timestamp};
use part_proto::convert::run_verdict_from_wire;
use part_proto::v1::{ListRunsRequest, RunInfo};

/// Lists runs.
pub(super) async fn run(app: &mut App, args: RunsArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let request = ListRunsRequest {
        project: args.project.clone().unwrap_or_default(),
        limit: args.limit,
        build: String::new(),
    };
    let listed = mesh.clients().runs().list_runs(request).await;
    let listed = listed.map_err(|status| mesh.clients().error("list runs", &status));
    mesh.close(false).await;
    let runs = listed?.into_inner().runs;
    match app.out.format() {
        Format::Json => runs.iter().for_each(|run| app.out.json(&Line::new("run", RunLine::from(run)))),
        Format::Human if runs.is_empty() => app.out.talk("There is no run yet; partctl submit makes one.\n"),
        Format::Human => {
            let text = table(&runs, clock::now(), app.out.palette());
            app.out.data(&text);
        }
    }
    Ok(Exit::Passed)
}

fn table(runs: &[RunInfo], now: Timestamp, palette: Palette) -> String {
    let mut table = Table::new(["RUN", "STATE", "SPECS", "NOT PASSED", "OPENED", "TOOK", "PROJECT", "BUILD"]);
    table = table.numbers([2, 3, 5]);
    for run in runs {
        let summary = run.summary.clone().unwrap_or_default();
        let opened = Timestamp(run.opened_at);
        let took = run.finished_at.map(|at| took(Timestamp(at).since(opened))).unwrap_or_default();
        let red = summary.failed + summary.cancelled + summary.undecided;
        table.row([
            palette.name(&short_id(&run.run)),
            state(run, palette),
            summary.specs.to_string(),
            if red == 0 { String::new() } else { red.to_string() },
            ago(opened, now),
            took,
            clean::line(&run.project, palette.into()),
            clean::line(&run.build, palette.into()),
        ]);
    }
    table.render()
}

/// The run's state in a word.
pub(super) fn state(run: &RunInfo, palette: Palette) -> String {
    match (run.verdict.map(run_verdict_from_wire), run.abandoned) {
        (Some(Ok(RunVerdict::Passed)), _) => palette.pass("passed"),
        (Some(Ok(verdict @ RunVerdict::Cancelled)), _) => palette.warn(&verdict.to_string()),
        (Some(Ok(verdict @ (RunVerdict::Failed | RunVerdict::Incomplete | RunVerdict::NothingRan))), _) => {
            palette.fail(&verdict.to_string())
        }
        (Some(Err(_)), _) => palette.fail("unknown"),
        (None, true) => palette.fail("interrupted"),
        (None, false) => palette.note("running"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::v1;

    #[test]
    fn runs_are_listed_with_their_state() {
        let run = |id: u128, verdict: Option<v1::RunVerdict>, abandoned| RunInfo {
            run: part_core::RunId(id << 64 | id).to_string(),
            project: "shop".into(),
            build: "build-\u{1b}[2J41".into(),
            opened_at: 1_000_000,
            finished_at: verdict.map(|_| 1_065_000),
            verdict: verdict.map(Into::into),
            abandoned,
            summary: Some(v1::RunSummary { specs: 12, passed: 11, failed: 1, ..v1::RunSummary::default() }),
            ..RunInfo::default()
        };
        let runs = [
            run(1, None, false),
            run(2, Some(v1::RunVerdict::Failed), false),
            run(3, None, true),
            run(4, Some(v1::RunVerdict::NothingRan), false),
        ];
        insta::assert_snapshot!(table(&runs, Timestamp(1_600_000), Palette::PLAIN));
    }
}
