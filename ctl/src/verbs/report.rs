//! `partctl report`.

use crate::app::App;
use crate::cli::RunReportArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Clients, Mesh, Role, find_run};
use crate::out::Format;
use crate::render::human;
use crate::render::json::{ChainLine, Line, RunReportLine, TimeSharesLine};
use part_proto::convert::run_verdict_from_wire;
use part_proto::v1::{ReportRequest, ReportResponse, RunInfo};

/// Says where a run's time went.
pub(super) async fn run(app: &mut App, args: RunReportArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let reported = ask(mesh.clients(), &args.run).await;
    mesh.close(false).await;
    let (info, report) = reported?;
    told(app, &info, &report);
    Ok(Exit::Passed)
}

async fn ask(clients: &Clients, run: &str) -> Result<(RunInfo, ReportResponse), CliError> {
    let info = find_run(clients, run, clock::now()).await?;
    // While it runs, only the daemon that leads it knows the newest of it.
    let leader = match info.abandoned || info.finished_at.is_some() {
        true => clients.clone(),
        false => clients.leader_of(&info).await?,
    };
    let response = leader.runs().report(ReportRequest { run: info.run.clone() }).await;
    let response = response.map_err(|status| leader.error("report on the run", &status))?;
    Ok((info, response.into_inner()))
}

fn told(app: &mut App, info: &RunInfo, report: &ReportResponse) {
    match app.out.format() {
        Format::Json => {
            for shares in &report.shares {
                app.out.json(&Line::new("time_shares", TimeSharesLine::new(&info.run, shares)));
            }
            for link in &report.chain {
                app.out.json(&Line::new("chain_link", ChainLine::new(&info.run, link)));
            }
            app.out.json(&Line::new("run_report", RunReportLine::new(&info.run, report)));
        }
        Format::Human => {
            let palette = app.out.palette();
            let text = human::report(report, info, &state(info), palette);
            app.out.data(&text);
        }
    }
}

/// What the run is at, in a word.
fn state(info: &RunInfo) -> String {
    match (info.verdict, info.abandoned) {
        (Some(verdict), _) => {
            run_verdict_from_wire(verdict).map_or("unknown".to_owned(), |known| known.to_string())
        }
        (None, true) => "interrupted".to_owned(),
        (None, false) => "running: this is what there is so far".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::GlobalArgs;
    use crate::out::Capture;
    use crate::testing::{RUN, Scripted};
    use crate::text::Palette;
    use part_proto::v1::{ChainLink, RunSummary, RunVerdict, TimeShares};

    #[tokio::test]
    async fn a_report_is_told_for_people_and_programs() {
        let info = RunInfo {
            run: RUN.to_string(),
            project: "shop".into(),
            finished_at: Some(9),
            verdict: Some(RunVerdict::Passed.into()),
            ..RunInfo::default()
        };
        let (server, mesh) = Scripted::start(Vec::new(), Vec::new(), vec![info]).await;
        let shares =
            TimeShares { tests_ms: 3000, imbalance_ms: 1000, total_ms: 4000, ..TimeShares::default() };
        server.reports(ReportResponse {
            shares: vec![shares],
            chain: vec![ChainLink {
                spec: "a.js".into(),
                worker: "desk".into(),
                end_ms: 2000,
                ..ChainLink::default()
            }],
            findings: vec!["one spec decides".into()],
            summary: Some(RunSummary {
                slots: 2,
                makespan_ms: 2000,
                bound_ms: 2000,
                ..RunSummary::default()
            }),
        });
        let (info, report) = ask(mesh.clients(), "latest").await.expect("a report");

        let capture = Capture::default();
        let mut app = App {
            out: capture.out(Format::Human, Palette::PLAIN),
            global: GlobalArgs::default(),
            logs: false,
        };
        told(&mut app, &info, &report);
        let text = capture.stdout();
        assert!(text.contains("tests       75.0 %") && text.contains("one spec decides"), "{text}");
        let mut app = App {
            out: capture.out(Format::Json, Palette::PLAIN),
            global: GlobalArgs::default(),
            logs: false,
        };
        told(&mut app, &info, &report);
        let lines: Vec<serde_json::Value> =
            capture.stdout().lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        let events: Vec<_> = lines.iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events, ["time_shares", "chain_link", "run_report"]);
        assert_eq!(
            (&lines[0]["group"], &lines[2]["findings"][0]),
            (&serde_json::Value::Null, &"one spec decides".into())
        );
    }
}
