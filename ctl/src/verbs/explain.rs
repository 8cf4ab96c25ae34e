//! `partctl explain`.

use crate::app::App;
use crate::cli::ExplainArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Clients, Mesh, Role, find_run};
use crate::out::Format;
use crate::render::json::{ExplanationLine, Line};
use crate::text::{Palette, clean, count};
use part_proto::v1::{ExplainRequest, ExplainResponse};

/// Says why specs are where they are.
pub(super) async fn run(app: &mut App, args: ExplainArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let explained = explain(mesh.clients(), &args).await;
    mesh.close(false).await;
    let (run, response) = explained?;
    if response.matched == 0 {
        return match &args.spec {
            Some(spec) => Err(CliError::usage(format!("no spec of this run has {spec:?} in its name"))),
            None => {
                app.note("every spec of this run is decided");
                Ok(Exit::Passed)
            }
        };
    }
    match app.out.format() {
        Format::Json => {
            for one in &response.explanations {
                let line =
                    ExplanationLine { run: &run, group: &one.group, spec: &one.spec, facts: &one.facts };
                app.out.json(&Line::new("explanation", line));
            }
        }
        Format::Human => {
            let text = text(&response, app.out.palette());
            app.out.data(&text);
        }
    }
    let more = (response.matched as usize).saturating_sub(response.explanations.len());
    if more > 0 {
        app.note(&format!("{} not shown; --limit shows more", count(more as u64, "more spec")));
    }
    Ok(Exit::Passed)
}

async fn explain(clients: &Clients, args: &ExplainArgs) -> Result<(String, ExplainResponse), CliError> {
    let info = find_run(clients, &args.run, clock::now()).await?;
    // Only the daemon that leads a run knows its workers; of others the ledger is explained.
    let leader = match info.abandoned {
        true => clients.clone(),
        false => clients.leader_of(&info).await?,
    };
    let request = ExplainRequest {
        run: info.run.clone(),
        spec: args.spec.clone().unwrap_or_default(),
        limit: args.limit,
    };
    let response = leader.runs().explain(request).await;
    let response = response.map_err(|status| leader.error("explain the run", &status))?;
    Ok((info.run, response.into_inner()))
}

fn text(response: &ExplainResponse, palette: Palette) -> String {
    let mut text = String::new();
    for one in &response.explanations {
        let group = palette.note(&clean::line(&one.group, palette.into()));
        text.push_str(&format!("{group}  {}\n", palette.name(&clean::line(&one.spec, palette.into()))));
        for fact in &one.facts {
            text.push_str(&format!("    {}\n", clean::line(fact, palette.into())));
        }
    }
    text
}
