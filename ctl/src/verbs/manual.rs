//! `partctl completions` and `partctl man`.

use crate::app::App;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::out::Format;
use crate::render::json::{Line, WroteLine};
use clap::CommandFactory;
use clap_mangen::Man;

/// Prints a completion script.
pub(super) fn completions(app: &mut App, args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "partctl", &mut script);
    app.out.data_bytes(&script);
    Ok(Exit::Passed)
}

/// Prints the manual page, or writes one for each verb.
pub(super) fn man(app: &mut App, args: &ManArgs) -> Result<Exit, CliError> {
    let Some(folder) = &args.out else {
        let page = page(Cli::command())?;
        app.out.data_bytes(&page);
        return Ok(Exit::Passed);
    };
    std::fs::create_dir_all(folder).map_err(|error| CliError::file("make the folder", folder, error))?;
    let mut command = Cli::command();
    command.build();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    let mut pages = vec![("partctl".to_owned(), command.clone())];
    for verb in verbs {
        let name = format!("partctl-{}", verb.get_name());
        pages.push((name.clone(), verb.clone().name(name.clone()).display_name(name)));
    }
    for (name, command) in pages {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page(command)?).map_err(|error| CliError::file("write", &file, error))?;
        match app.out.format() {
            Format::Human => app.out.data(&format!("{}\n", file.display())),
            Format::Json => {
                app.out.json(&Line::new("wrote", WroteLine { file: file.display().to_string() }));
            }
        }
    }
    Ok(Exit::Passed)
}

fn page(command: clap::Command) -> Result<Vec<u8>, CliError> {
    let mut page = Vec::new();
    let made = Man::new(command).render(&mut page);
    made.map_err(|error| CliError::new(Kind::Local, "cannot make the manual page").because(error))?;
    Ok(page)
}
