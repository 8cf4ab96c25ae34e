//! Conditions of variants: the version of an installed package, words in a configuration file.

use super::error::TableError;
use super::raw::WhenTable;
use crate::bounds::CONFIG_BYTES;
use crate::files::{read_text, upwards};
use crate::glob::Globs;
use part_core::compare_versions;
use std::cmp::Ordering;
use std::path::Path;

/// True when everything that `when` says holds in `folder` of the workspace `root`.
pub(super) fn applies(when: &WhenTable, root: &Path, folder: &str) -> Result<bool, TableError> {
    if let Some(package) = &when.package {
        let Some(version) = installed_version(package, root, folder)? else { return Ok(false) };
        let old = when.at_least.as_ref().is_some_and(|least| !at_least(&version, least));
        let new = when.below.as_ref().is_some_and(|limit| at_least(&version, limit));
        if old || new {
            return Ok(false);
        }
    }
    match &when.file {
        Some(name) => has_words(name, when.contains.as_deref(), root, folder),
        None => Ok(true),
    }
}

/// The version of an npm package as Node finds it: in the nearest `node_modules` at or above the folder.
pub(crate) fn installed_version(
    package: &str,
    root: &Path,
    folder: &str,
) -> Result<Option<String>, TableError> {
    for place in upwards(root, folder) {
        let path = place.join("node_modules").join(package).join("package.json");
        if let Some(text) = read(&path)? {
            let version = serde_json::from_str::<serde_json::Value>(&text).ok();
            let version = version.as_ref().and_then(|package| package.get("version")?.as_str());
            return Ok(version.map(str::to_owned));
        }
    }
    Ok(None)
}

/// Looks for `words` in the files called `name` of the nearest folder that has any.
fn has_words(name: &str, words: Option<&[String]>, root: &Path, folder: &str) -> Result<bool, TableError> {
    let wrong = |error| TableError::invalid("variants", "when.file", error);
    let globs = Globs::new(&[name]).map_err(wrong)?;
    for place in upwards(root, folder) {
        let mut found = false;
        let Ok(entries) = std::fs::read_dir(&place) else { continue };
        for entry in entries {
            let entry = entry.map_err(|source| TableError::Read { path: place.clone(), source })?;
            if !entry.file_name().to_str().is_some_and(|name| globs.matches(name)) {
                continue;
            }
            found = true;
            let text = read(&entry.path())?.unwrap_or_default();
            if words.is_none_or(|words| words.iter().any(|word| text.contains(word.as_str()))) {
                return Ok(true);
            }
        }
        if found {
            return Ok(false);
        }
    }
    Ok(false)
}

fn read(path: &Path) -> Result<Option<String>, TableError> {
    read_text(path, CONFIG_BYTES).map_err(|source| TableError::Read { path: path.to_owned(), source })
}

fn at_least(version: &str, least: &str) -> bool {
    // The same comparison as for a worker's capabilities, so that versions mean one thing.
    compare_versions(version, least) != Ordering::Less
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn conditions_look_upwards_from_the_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write("node_modules/jest/package.json", r#"{"version": "30.4.1"}"#);
        write("app/node_modules/jest/package.json", r#"{"version": "29.7.0"}"#);
        write("app/global.json", r#"{"test": {"runner": "Microsoft.Testing.Platform"}}"#);
        write("lib/readme", "");
        let jest = |at_least: Option<&str>, below: Option<&str>| WhenTable {
            package: Some("jest".to_owned()),
            at_least: at_least.map(str::to_owned),
            below: below.map(str::to_owned),
            ..WhenTable::default()
        };
        let file = |name: &str, word: Option<&str>| WhenTable {
            file: Some(name.to_owned()),
            contains: word.map(|word| vec![word.to_owned()]),
            ..WhenTable::default()
        };
        let table = [
            (jest(Some("30.4"), None), "", true),
            (jest(Some("30.4"), None), "lib", true),
            (jest(Some("30.4"), None), "app", false),
            (jest(None, Some("30")), "app", true),
            (jest(Some("30"), Some("30.4")), "", false),
            (file("global.json", Some("Testing.Platform")), "app", true),
            (file("glob*.json", None), "app", true),
            (file("global.json", Some("vstest")), "app", false),
            (file("global.json", None), "lib", false),
        ];
        for (when, folder, holds) in table {
            assert_eq!(
                applies(&when, root.path(), folder).expect("readable"),
                holds,
                "{when:?} in {folder:?}"
            );
        }
    }
}
