//! What every crate's `Cargo.toml` takes from the workspace.

use super::complaint::Complaint;

/// Lines that have to be there, each below its heading.
const INHERITED: &[(&str, &str)] = &[
    ("[package]", "version.workspace = true"),
    ("[package]", "edition.workspace = true"),
    ("[package]", "rust-version.workspace = true"),
    ("[package]", "license.workspace = true"),
    ("[package]", "publish.workspace = true"),
    ("[lints]", "workspace = true"),
];

/// Complains about every line that the `Cargo.toml` of `package` lacks.
pub(super) fn check(package: &str, manifest: &str) -> Vec<Complaint> {
    INHERITED
        .iter()
        .filter(|(heading, line)| !has(manifest, heading, line))
        .map(|(heading, line)| {
            Complaint::new(package, format!("its Cargo.toml lacks `{line}` below `{heading}`"))
        })
        .collect()
}

fn has(manifest: &str, heading: &str, wanted: &str) -> bool {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n";

    #[test]
    fn everything_is_inherited() {
        assert_eq!(check("x", GOOD), vec![]);
        assert_eq!(check("x", &GOOD.replace("[lints]", "[features]")).len(), 1);
        assert_eq!(check("x", &GOOD.replace("edition.workspace = true", "edition = \"2024\"")).len(), 1);
        assert_eq!(check("x", "").len(), INHERITED.len());
    }
}
