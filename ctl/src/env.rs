//! Every environment variable that `partctl` reads, in one list. `docs/environment.md` is checked against it.

/// A variable and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, in a sentence fragment.
    pub(crate) does: &'static str,
}

/// Address of the daemon, like `--server`.
pub(crate) const PART_SERVER: &str = "PART_SERVER";
/// The mesh's certificate authority, like `--ca`.
pub(crate) const PART_CA: &str = "PART_CA";
/// File with a token, like `--token-file`.
pub(crate) const PART_TOKEN_FILE: &str = "PART_TOKEN_FILE";
/// A token itself.
pub(crate) const PART_TOKEN: &str = "PART_TOKEN";
/// The CI build, like `--ci-build-id`.
pub(crate) const PART_CI_BUILD_ID: &str = "PART_CI_BUILD_ID";
/// Folder of the embedded mesh's data, like `--home`.
pub(crate) const PART_HOME: &str = "PART_HOME";
/// Filter for the diagnostic log on stderr.
pub(crate) const PART_LOG: &str = "PART_LOG";
/// Turns colour off.
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Turns colour on even where the output is no terminal.
pub(crate) const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// Base of the platform's data folder.
pub(crate) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// Base of the platform's cache folder.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The home folder.
pub(crate) const HOME: &str = "HOME";
/// Where programs are looked for.
pub(crate) const PATH: &str = "PATH";
/// Who uses this client.
pub(crate) const USER: &str = "USER";
/// What the terminal can do.
pub(crate) const TERM: &str = "TERM";

/// All of them, in the order of the documentation.
pub(crate) const ALL: &[Variable] = &[
    Variable {
        name: PART_SERVER,
        does: "address (`HOST:PORT`) of the daemon to use, or several with commas between them; `--server` and `--local` win over it",
    },
    Variable { name: PART_CA, does: "file with the certificate authority of the mesh; `--ca` wins over it" },
    Variable { name: PART_TOKEN_FILE, does: "file with the token to show; `--token-file` wins over it" },
    Variable { name: PART_TOKEN, does: "the token itself, where no file is named" },
    Variable { name: PART_HOME, does: "folder of the embedded mesh's data; `--home` wins over it" },
    Variable {
        name: PART_CI_BUILD_ID,
        does: "the CI build that submits belong to; `--ci-build-id` wins over it, and it over what the CI system's own variables say (docs/ci.md)",
    },
    Variable {
        name: PART_LOG,
        does: "filter for the diagnostic log on stderr, such as `partd=debug`; wins over `-v`",
    },
    Variable { name: NO_COLOR, does: "set and not empty: no colour, unless `--color` says otherwise" },
    Variable { name: CLICOLOR_FORCE, does: "set and not `0`: colour even where the output is no terminal" },
    Variable {
        name: XDG_DATA_HOME,
        does: "base of the default data folder (`$XDG_DATA_HOME/part`), not on macOS",
    },
    Variable {
        name: XDG_CACHE_HOME,
        does: "base of the folder (`$XDG_CACHE_HOME/part`, else `~/.cache/part`) that remembers what files looked like",
    },
    Variable { name: HOME, does: "base of the default data folder where nothing else names one" },
    Variable { name: PATH, does: "where `partctl doctor` looks for the programs that the suites need" },
    Variable { name: USER, does: "who cancels a run, for display" },
    Variable { name: TERM, does: "`dumb`: no live area" },
];

/// The list for `partctl --help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Environment variables:\n");
    for Variable { name, does } in ALL {
        text.push_str(&format!("  {name:<16} {}\n", does.replace('`', "")));
    }
    text
}

/// The value of a variable that is set and not empty.
pub(crate) fn get(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_variable() {
        let text = include_str!("../../docs/environment.md");
        for variable in ALL {
            let row = format!("| `{}` | {} |", variable.name, variable.does);
            assert!(text.contains(&row), "docs/environment.md lacks the row\n{row}");
        }
    }
}
