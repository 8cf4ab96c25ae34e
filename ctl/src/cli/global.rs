//! Options of every verb.

use crate::env;
use crate::mesh::{Access, Place, Secret, TokenSource};
use crate::out::{Format, When};
use crate::render::Verbosity;
use std::path::PathBuf;

/// Options of every verb.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Options of every verb")]
pub(crate) struct GlobalArgs {
    /// Use the daemon at this address; of several the first that answers [env: PART_SERVER]
    #[arg(long, global = true, value_name = "HOST:PORT,...", conflicts_with = "local")]
    pub(crate) server: Option<String>,

    /// Certificate authority of the daemon's mesh, PEM; asks for TLS [env: PART_CA]
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["local", "home"])]
    pub(crate) ca: Option<PathBuf>,

    /// File with the token to show to the daemon [env: PART_TOKEN_FILE, or the token itself in PART_TOKEN]
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["local", "home"])]
    pub(crate) token_file: Option<PathBuf>,

    /// Use a mesh inside this process: the default when no daemon is named
    #[arg(long, global = true)]
    pub(crate) local: bool,

    /// Folder of the local mesh's data [env: PART_HOME] [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "server")]
    pub(crate) home: Option<PathBuf>,

    /// What is written to stdout
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,

    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: When,

    /// Say less: failures and the summary only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say more: starts, too; twice: a diagnostic log on stderr; three times: a detailed one
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl GlobalArgs {
    /// Where the mesh is: a flag, else the environment, else this process.
    pub(crate) fn place(&self) -> Place {
        self.place_with(env::get(env::PART_SERVER), env::get)
    }

    fn place_with(&self, environment: Option<String>, get: impl Fn(&str) -> Option<String>) -> Place {
        let home = self.home.clone();
        let server = |address: String| Place::Server { address, access: self.access(get) };
        match (&self.server, environment) {
            (Some(address), _) => server(address.clone()),
            (None, Some(address)) if !self.local && home.is_none() => server(address),
            (None, _) => Place::Local { home },
        }
    }

    /// What is trusted and shown: flags, else the environment.
    fn access(&self, get: impl Fn(&str) -> Option<String>) -> Access {
        let file = |flag: &Option<PathBuf>, name| flag.clone().or_else(|| get(name).map(PathBuf::from));
        let token = file(&self.token_file, env::PART_TOKEN_FILE).map(TokenSource::File);
        let token = token.or_else(|| get(env::PART_TOKEN).map(|text| TokenSource::Text(Secret(text))));
        Access { ca: file(&self.ca, env::PART_CA), token }
    }

    /// The options that name the mesh, to be repeated in commands that people are told to type.
    pub(crate) fn mesh_options(&self) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(server) = &self.server {
            options.extend(["--server".to_owned(), server.clone()]);
        }
        for (flag, file) in [("--ca", &self.ca), ("--token-file", &self.token_file)] {
            if let Some(file) = file {
                options.extend([flag.to_owned(), file.display().to_string()]);
            }
        }
        if let Some(home) = &self.home {
            options.extend(["--home".to_owned(), home.display().to_string()]);
        } else if self.local && env::get(env::PART_SERVER).is_some() {
            options.push("--local".to_owned());
        }
        options
    }

    /// How much is told.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }

    /// The filter of the diagnostic log; none when there is no log.
    pub(crate) fn log_filter(&self) -> Option<String> {
        env::get(env::PART_LOG).or(match self.verbose {
            0 | 1 => None,
            2 => Some("info".to_owned()),
            _ => Some("debug,h2=info,hyper=info,hyper_util=info,tower=info,sqlx=info".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_environment() {
        let server = |address: &str| Place::Server { address: address.to_owned(), access: Access::default() };
        let local = |home: Option<&str>| Place::Local { home: home.map(PathBuf::from) };
        let args = |server: Option<&str>, local, home: Option<&str>| GlobalArgs {
            server: server.map(str::to_owned),
            local,
            home: home.map(PathBuf::from),
            ..GlobalArgs::default()
        };
        let table = [
            (args(None, false, None), None, local(None)),
            (args(None, false, None), Some("e:1"), server("e:1")),
            (args(Some("f:2"), false, None), Some("e:1"), server("f:2")),
            (args(None, true, None), Some("e:1"), local(None)),
            (args(None, false, Some("/h")), Some("e:1"), local(Some("/h"))),
        ];
        for (args, environment, place) in table {
            assert_eq!(args.place_with(environment.map(str::to_owned), |_| None), place, "{args:?}");
        }
    }

    #[test]
    fn files_and_tokens_come_from_flags_or_the_environment() {
        let environment = |name: &str| match name {
            env::PART_CA => Some("/env/ca".to_owned()),
            env::PART_TOKEN => Some("text".to_owned()),
            _ => None,
        };
        let text = Some(TokenSource::Text(Secret("text".to_owned())));
        let plain = GlobalArgs::default();
        assert_eq!(plain.access(environment), Access { ca: Some("/env/ca".into()), token: text });
        let given = GlobalArgs {
            ca: Some("/flag/ca".into()),
            token_file: Some("/flag/token".into()),
            ..GlobalArgs::default()
        };
        let token = Some(TokenSource::File("/flag/token".into()));
        assert_eq!(given.access(environment), Access { ca: Some("/flag/ca".into()), token });
        assert_eq!(given.mesh_options(), ["--ca", "/flag/ca", "--token-file", "/flag/token"]);
    }
}
