//! Setup steps that fit what a folder looks like: what every worker of a mesh has to do before specs can run there.

use super::{ProposedSuite, string};
use std::collections::BTreeSet;
use std::path::Path;

/// How packages of one kind are installed.
struct Kind {
    /// Frameworks that need it.
    frameworks: &'static [&'static str],
    /// The file that names the packages, and decides whether an earlier result is good.
    key: &'static str,
    name: &'static str,
    run: &'static str,
    keep: &'static str,
    /// False where it may not be meant: it is proposed as a comment.
    certain: bool,
}

const JAVASCRIPT: &[&str] = &["playwright", "jest", "vitest", "cypress", "mocha", "webdriverio", "node-test"];

/// The first of a suite's kinds whose file is there counts.
const KINDS: &[Kind] = &[
    Kind {
        frameworks: JAVASCRIPT,
        key: "package-lock.json",
        name: "npm ci",
        run: "npm ci",
        keep: "node_modules",
        certain: true,
    },
    Kind {
        frameworks: JAVASCRIPT,
        key: "pnpm-lock.yaml",
        name: "pnpm install",
        run: "pnpm install --frozen-lockfile",
        keep: "node_modules",
        certain: true,
    },
    Kind {
        frameworks: &["pytest"],
        key: "requirements.txt",
        name: "pip install",
        run: "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
        keep: ".venv",
        certain: true,
    },
    // A build folder is large, and what is in it names its place: whether keeping it pays has to be tried.
    Kind {
        frameworks: &["nextest"],
        key: "Cargo.lock",
        name: "cargo build",
        run: "cargo build --tests",
        keep: "target",
        certain: false,
    },
];

/// The sections for these suites; empty where nothing fits.
pub(super) fn sections(root: &Path, suites: &[ProposedSuite]) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::new();
    for suite in suites {
        let kinds = KINDS.iter().filter(|kind| kind.frameworks.contains(&suite.framework.as_str()));
        let found = kinds.filter_map(|kind| Some((kind, nearest(root, &suite.folder, kind.key)?))).next();
        if let Some((kind, folder)) = found
            && seen.insert((kind.name, folder.clone()))
        {
            text.push_str(&section(kind, &folder));
        }
    }
    if text.is_empty() {
        return text;
    }
    format!(
        "\n# What each worker of a mesh does once before specs run. Local runs take no notice of it.\n{text}"
    )
}

fn section(kind: &Kind, folder: &str) -> String {
    let name = if folder.is_empty() { kind.name.to_owned() } else { format!("{} in {folder}", kind.name) };
    let mut lines = vec![
        "[[setup]]".to_owned(),
        format!("name = {}", string(&name)),
        format!("run = {}", string(kind.run)),
    ];
    if !folder.is_empty() {
        lines.push(format!("folder = {}", string(folder)));
    }
    lines.push(format!("key = [{}]", string(kind.key)));
    lines.push(format!("keep = [{}]", string(kind.keep)));
    let mark = if kind.certain { "" } else { "# " };
    lines.iter().map(|line| format!("{mark}{line}\n")).collect::<String>() + "\n"
}

/// The folder of a suite, or the nearest one above it, that has the file.
fn nearest(root: &Path, folder: &str, file: &str) -> Option<String> {
    let mut at = folder;
    loop {
        if root.join(at).join(file).is_file() {
            return Some(at.to_owned());
        }
        if at.is_empty() {
            return None;
        }
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
}
