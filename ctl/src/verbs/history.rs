//! `partctl history`.

use crate::app::App;
use crate::cli::HistoryArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Mesh, Role};
use crate::out::Format;
use crate::render::json::{ForecastLine, HistoryLine, Line};
use crate::text::{Palette, Table, ago, clean, count, took};
use crate::view::short_id;
use part_core::{Millis, Timestamp};
use part_proto::convert::attempt_verdict_from_wire;
use part_proto::v1::{HistoryRequest, HistoryResponse};

/// Shows how specs did before.
pub(super) async fn run(app: &mut App, args: HistoryArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let request = HistoryRequest {
        project: args.project.clone().unwrap_or_default(),
        spec: args.spec.clone(),
        limit: args.limit,
    };
    let known = mesh.clients().runs().history(request).await;
    let known = known.map_err(|status| mesh.clients().error("read the history", &status));
    mesh.close(false).await;
    let known = known?.into_inner();
    if known.rows.is_empty() {
        return Err(CliError::usage(format!("no spec with {:?} in its name has run yet", args.spec)));
    }
    match app.out.format() {
        Format::Json => {
            known.rows.iter().for_each(|row| app.out.json(&Line::new("history", HistoryLine::from(row))));
            let forecasts = known.forecasts.iter();
            forecasts.for_each(|row| app.out.json(&Line::new("forecast", ForecastLine::from(row))));
        }
        Format::Human => {
            let text = text(&known, clock::now(), app.out.palette());
            app.out.data(&text);
        }
    }
    Ok(Exit::Passed)
}

fn text(known: &HistoryResponse, now: Timestamp, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let mut table =
        Table::new(["WHEN", "RUN", "TRY", "VERDICT", "TOOK", "SUITE", "NEEDS", "SPEC"]).numbers([2, 4]);
    for row in &known.rows {
        let verdict = attempt_verdict_from_wire(row.verdict).map_or("unknown".to_owned(), |v| v.to_string());
        table.row([
            ago(Timestamp(row.at), now),
            short_id(&row.run),
            row.attempt.to_string(),
            verdict,
            format!("{}{}", took(Millis(row.duration_ms)), if row.counts { "" } else { "*" }),
            clean(&row.suite),
            clean(&row.class),
            clean(&row.spec),
        ]);
    }
    let mut text = table.render();
    if known.rows.iter().any(|row| !row.counts) {
        text.push_str("* does not count for forecasts: it did not end by itself with a trusted result\n");
    }
    if !known.forecasts.is_empty() {
        text.push_str("\nThe next run is told:\n");
    }
    for forecast in &known.forecasts {
        let off = ((forecast.error_factor - 1.0) * 100.0).round().max(0.0);
        text.push_str(&format!(
            "  {}  {} (usually within {off} %, from {})  {}\n",
            clean(&forecast.spec),
            took(Millis(forecast.expected_ms)),
            count(forecast.samples, "sample"),
            palette.dim(&clean(&format!("{}, {}", forecast.suite, forecast.class))),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::v1::{AttemptVerdict, Forecast, HistoryRow};

    #[test]
    fn history_is_shown_with_what_the_next_run_is_told() {
        let row = |at, verdict: AttemptVerdict, duration_ms, counts| HistoryRow {
            project: "shop".into(),
            suite: "e2e".into(),
            class: "browser.chromium".into(),
            spec: "e2e/orders.spec.js".into(),
            run: part_core::RunId(3 << 64 | 3).to_string(),
            attempt: 1,
            at,
            duration_ms,
            verdict: verdict.into(),
            counts,
        };
        let known = HistoryResponse {
            rows: vec![
                row(900_000, AttemptVerdict::Passed, 4210, true),
                row(500_000, AttemptVerdict::TimedOut, 60_000, false),
            ],
            forecasts: vec![Forecast {
                project: "shop".into(),
                suite: "e2e".into(),
                class: "browser.chromium".into(),
                spec: "e2e/orders.spec.js".into(),
                expected_ms: 4300,
                error_factor: 1.12,
                samples: 4,
            }],
        };
        insta::assert_snapshot!(text(&known, Timestamp(1_000_000), Palette::PLAIN));
    }
}
