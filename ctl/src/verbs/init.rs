//! `partctl init`.

use super::project;
use crate::app::App;
use crate::cli::InitArgs;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::init::{InitError, Proposal, propose};
use crate::out::Format;
use crate::render::json::{Line, ProposalLine, WroteLine};
use crate::text::{Palette, clean, count};

/// Writes a first part.toml and says what it found.
pub(super) fn run(app: &mut App, args: &InitArgs) -> Result<Exit, CliError> {
    let folder = project::folder(args.directory.as_ref())?;
    let proposal = propose(&folder).map_err(failed)?;
    if !args.dry_run {
        proposal.write(args.force).map_err(failed)?;
    }
    proposal.notes.iter().for_each(|note| app.note(note));
    match app.out.format() {
        // What is printed instead of written is what was asked for; what was found is talk.
        Format::Human if args.dry_run => {
            let found = found(&proposal, app.out.talk_palette());
            app.out.talk(&found);
            app.out.data(&proposal.text);
        }
        Format::Human => {
            let found = found(&proposal, app.out.talk_palette());
            app.out.talk(&found);
            let next = app.commands().line(&["submit"]);
            app.out.data(&format!("{}\n", proposal.file.display()));
            app.note(&format!("{next} runs all of it; {next} --dry-run says what that is"));
        }
        Format::Json => {
            let file = proposal.file.display().to_string();
            match args.dry_run {
                true => app.out.json(&Line::new("proposal", ProposalLine { file, text: &proposal.text })),
                false => app.out.json(&Line::new("wrote", WroteLine { file })),
            }
        }
    }
    Ok(Exit::Passed)
}

fn failed(error: InitError) -> CliError {
    let hints = error.hints();
    hints.into_iter().fold(CliError::of(Kind::Config, error), CliError::hint)
}

fn found(proposal: &Proposal, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let mut text = String::new();
    for suite in &proposal.suites {
        let place = if suite.folder.is_empty() { "here" } else { &suite.folder };
        let specs = match suite.specs {
            Some(specs) => count(specs as u64, "spec"),
            None => "specs that it lists itself".to_owned(),
        };
        text.push_str(&format!(
            "{}  {} in {}: {specs} ({})\n",
            palette.note(&clean(&suite.group)),
            clean(&suite.title),
            clean(place),
            clean(&suite.why.join(", ")),
        ));
    }
    text
}
