//! The command line of the hidden verb.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::shim::protocol::Mode;

/// What the shim was started with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) dir: PathBuf,
    pub(crate) mode: Mode,
}

/// Parses `--dir DIR --tied|--detached`; an error is a message.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Args, String> {
    let (mut dir, mut mode) = (None, None);
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--dir") => dir = args.next().map(PathBuf::from),
            Some("--tied") => mode = Some(Mode::Tied),
            Some("--detached") => mode = Some(Mode::Detached),
            Some(_) | None => return Err(format!("unknown argument {}", arg.display())),
        }
    }
    match (dir, mode) {
        (Some(dir), Some(mode)) => Ok(Args { dir, mode }),
        (_, _) => Err("needed: --dir DIR and one of --tied, --detached".to_owned()),
    }
}

/// The word for a mode.
pub(crate) fn mode_flag(mode: Mode) -> &'static str {
    match mode {
        Mode::Tied => "--tied",
        Mode::Detached => "--detached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Args, String> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn both_modes_and_what_is_missing() {
        for mode in [Mode::Tied, Mode::Detached] {
            let expected = Args { dir: "d".into(), mode };
            assert_eq!(parse_words(&["--dir", "d", mode_flag(mode)]), Ok(expected));
        }
        for words in [&["--dir", "d"][..], &["--tied"], &["--tied", "--dir"], &["--tied", "--loose"]] {
            assert!(parse_words(words).is_err(), "{words:?}");
        }
    }
}
