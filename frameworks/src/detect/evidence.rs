//! What proves that a folder uses a framework.

use super::tree::{Tree, join};
use crate::glob::{Globs, is_literal};
use crate::table::{Framework, KeyTable, WordTable};
use serde_json::Value;

/// Why a folder is thought to use a framework.
pub(super) struct Evidence {
    pub(super) folder: String,
    /// By something that belongs to this framework alone, and not only by a dependency.
    pub(super) strong: bool,
    pub(super) why: Vec<String>,
}

/// All folders that use `framework`.
pub(super) fn find(framework: &Framework, tree: &Tree, notes: &mut Vec<String>) -> Vec<Evidence> {
    let detect = &framework.detect;
    let mut found = Vec::new();
    for (folder, names) in tree.folders() {
        let mut strong = Vec::new();
        for pattern in detect.files.iter().flatten() {
            strong.extend(file(pattern, folder, names, tree));
        }
        for wanted in detect.keys.iter().flatten() {
            strong.extend(key(wanted, folder, names, tree, notes));
        }
        let mut weak = Vec::new();
        for package in detect.packages.iter().flatten() {
            weak.extend(dependency(package, folder, names, tree, notes));
        }
        for words in detect.contains.iter().flatten() {
            weak.extend(self::words(words, folder, names, tree, notes));
        }
        let is_strong = !strong.is_empty();
        let why = [strong, weak].concat();
        if !why.is_empty() {
            found.push(Evidence { folder: folder.to_owned(), strong: is_strong, why });
        }
    }
    found
}

fn file(pattern: &str, folder: &str, names: &[String], tree: &Tree) -> Option<String> {
    if pattern.contains('/') {
        return (is_literal(pattern) && tree.has_file(folder, pattern)).then(|| format!("has {pattern}"));
    }
    let name = matching(pattern, names).next()?;
    Some(format!("has {}", join(folder, name)))
}

fn key(
    wanted: &KeyTable,
    folder: &str,
    names: &[String],
    tree: &Tree,
    notes: &mut Vec<String>,
) -> Option<String> {
    let name = matching(&wanted.file, names).next()?;
    let text = tree.config(folder, name, notes)?;
    let path = join(folder, name);
    let document = if name.ends_with(".json") { json(&text) } else { toml(&text) };
    let Some(document) = document else {
        notes.push(format!("{path} cannot be read: it is malformed"));
        return None;
    };
    let value = wanted.key.split('.').try_fold(&document, |value, part| value.get(part));
    value.map(|_| format!("{path} has {}", wanted.key))
}

fn dependency(
    package: &str,
    folder: &str,
    names: &[String],
    tree: &Tree,
    notes: &mut Vec<String>,
) -> Option<String> {
    let name = matching("package.json", names).next()?;
    let text = tree.config(folder, name, notes)?;
    let path = join(folder, name);
    let Some(document) = json(&text) else {
        notes.push(format!("{path} cannot be read: it is malformed"));
        return None;
    };
    let lists = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
    let has = lists.iter().any(|list| document.get(list).and_then(|list| list.get(package)).is_some());
    has.then(|| format!("{path} depends on {package}"))
}

fn words(
    wanted: &WordTable,
    folder: &str,
    names: &[String],
    tree: &Tree,
    notes: &mut Vec<String>,
) -> Option<String> {
    for name in matching(&wanted.file, names) {
        let Some(text) = tree.config(folder, name, notes) else { continue };
        if let Some(word) = wanted.words.iter().find(|word| text.contains(word.as_str())) {
            return Some(format!("{} mentions {word}", join(folder, name)));
        }
    }
    None
}

fn matching<'a>(pattern: &str, names: &'a [String]) -> impl Iterator<Item = &'a String> {
    let globs = Globs::new(&[pattern]).ok();
    names.iter().filter(move |name| globs.as_ref().is_some_and(|globs| globs.matches(name)))
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn toml(text: &str) -> Option<Value> {
    toml::from_str(text).ok()
}
