//! What is near, where nothing matches.

use super::groups::Wanted;
use super::matching::Matching;
use crate::config::{Reach, SpecGlob, listed, nearest};
use part_frameworks::SpecFile;
use part_frameworks::table::{Framework, SpecSource};
use std::collections::BTreeSet;

/// What is known about the places where a group's specs were looked for.
pub(crate) struct Near<'a> {
    pub(crate) wanted: &'a Wanted<'a>,
    pub(crate) framework: &'a Framework,
    /// What was looked through: files, or names that a command listed.
    pub(crate) names: &'a [SpecFile],
    /// All files, those that git ignores too.
    pub(crate) unfiltered: &'a [SpecFile],
}

impl Near<'_> {
    /// The globs that were looked for, as they were written.
    pub(crate) fn globs(&self) -> Vec<String> {
        if !self.wanted.asked.is_empty() {
            return self.wanted.asked.iter().map(|asked| asked.typed.clone()).collect();
        }
        match self.wanted.globs {
            Some(globs) => globs.iter().map(|glob| glob.as_str().to_owned()).collect(),
            None => self.framework.specs.default_globs().to_vec(),
        }
    }

    /// Why that may be, the likeliest first.
    pub(crate) fn hints(&self) -> Vec<String> {
        if self.names.is_empty() && self.unfiltered.is_empty() {
            return vec![format!("{} is empty", self.folder())];
        }
        match &self.framework.specs {
            SpecSource::Listed { .. } => self.listed_hints(),
            SpecSource::Files { .. } => self.file_hints(),
        }
    }

    /// The suite's folder, for display.
    pub(crate) fn folder(&self) -> String {
        match self.wanted.suite.folder.as_str() {
            "" => "the workspace".to_owned(),
            folder => format!("{folder}/"),
        }
    }

    fn listed_hints(&self) -> Vec<String> {
        let names: Vec<&str> = self.names.iter().map(|file| file.name.as_str()).collect();
        let mut hints: Vec<String> = self.literals().filter_map(|glob| meant(glob, &names)).collect();
        if !names.is_empty() {
            hints.push(format!("{} lists {}", self.framework.title, listed(&names)));
        }
        hints
    }

    fn file_hints(&self) -> Vec<String> {
        let matching = Matching::new(self.wanted, self.framework);
        let seen: BTreeSet<&str> = self.names.iter().map(|file| file.name.as_str()).collect();
        let by_default = self.wanted.asked.is_empty() && self.wanted.globs.is_none();
        let reach = |name: &str| match (by_default, matching.is_kind_of_spec(name)) {
            (true, true) => Reach::Named,
            (true, false) => Reach::Not,
            (false, _) => self.readings().map(|glob| glob.reach(name)).max().unwrap_or(Reach::Not),
        };
        let mut hints = Vec::new();
        let mut say = |what: &str, found: Vec<&str>| match found.as_slice() {
            [] => {}
            [only] => hints.push(format!("{what}: {only}")),
            [first, more @ ..] => hints.push(format!("{what}: {first} and {} more", more.len())),
        };
        let reached: Vec<&str> = self
            .unfiltered
            .iter()
            .map(|file| file.name.as_str())
            .filter(|name| reach(name) != Reach::Not)
            .collect();
        let (excluded, reached): (Vec<&str>, Vec<&str>) =
            reached.into_iter().partition(|name| matching.is_excluded(name));
        let (others, specs): (Vec<&str>, Vec<&str>) = reached
            .into_iter()
            .partition(|name| reach(name) == Reach::Inside && !matching.is_kind_of_spec(name));
        let (ignored, elsewhere): (Vec<&str>, Vec<&str>) =
            specs.into_iter().partition(|name| !seen.contains(name));
        say("left out by `exclude`", excluded);
        say("ignored by git", ignored);
        say("not among the group's own specs", elsewhere);
        say(&format!("not called like specs ({})", self.kinds()), others);
        if hints.is_empty() {
            hints.extend(self.readings().filter_map(|glob| self.misplaced(glob)));
        }
        if hints.is_empty() {
            hints.push(format!("{} has {} files, none of them fits", self.folder(), self.names.len()));
        }
        hints
    }

    /// What is wrong with where a glob looks.
    fn misplaced(&self, glob: &SpecGlob) -> Option<String> {
        let files: Vec<&str> = self.names.iter().map(|file| file.name.as_str()).collect();
        let folder = &self.wanted.suite.folder;
        if let Some(rest) = glob.as_str().strip_prefix(&format!("{folder}/")).filter(|_| !folder.is_empty()) {
            return Some(format!("globs are relative to the suite's folder: write {rest:?}"));
        }
        if glob.is_literal() {
            return meant(glob.as_str(), &files);
        }
        if let Some(deeper) = self.deeper(glob, &files) {
            return Some(deeper);
        }
        let prefix = glob.prefix();
        let folders: BTreeSet<&str> = files.iter().flat_map(|file| parents(file)).collect();
        if prefix.is_empty() || folders.contains(prefix) {
            return None;
        }
        let meant = nearest(prefix, folders).map(|folder| format!("; did you mean {folder}/?"));
        Some(format!("there is no folder {prefix}/{}", meant.unwrap_or_default()))
    }

    /// The same glob, but for all folders.
    fn deeper(&self, glob: &SpecGlob, files: &[&str]) -> Option<String> {
        let (folder, rest) = glob.as_str().rsplit_once('/').unwrap_or(("", glob.as_str()));
        let text = if folder.is_empty() { format!("**/{rest}") } else { format!("{folder}/**/{rest}") };
        let deeper = SpecGlob::parse(&text).ok()?;
        let found = files.iter().filter(|file| deeper.reach(file) == Reach::Named).count();
        (found > 0).then(|| format!("in the folders below, {found} files match {text:?}"))
    }

    fn readings(&self) -> impl Iterator<Item = &SpecGlob> {
        let own = self.wanted.globs.filter(|_| self.wanted.asked.is_empty()).into_iter().flatten();
        self.wanted.asked.iter().flat_map(|asked| &asked.readings).chain(own)
    }

    fn literals(&self) -> impl Iterator<Item = &str> {
        self.readings().filter(|glob| glob.is_literal()).map(SpecGlob::as_str)
    }

    /// What spec files are called, for display.
    fn kinds(&self) -> String {
        let suite = self.wanted.suite.specs.iter().flatten().chain(self.wanted.globs.into_iter().flatten());
        let mut words: Vec<&str> = suite.filter_map(SpecGlob::file_name_part).collect();
        words.extend(self.framework.specs.default_globs().iter().map(String::as_str));
        words.dedup();
        listed(&words)
    }
}

/// The name that was probably meant: alike, or called the same in another folder.
fn meant(written: &str, names: &[&str]) -> Option<String> {
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let same = || names.iter().copied().find(|name| file_name(name) == file_name(written));
    let found = nearest(written, names.iter().copied()).or_else(same)?;
    Some(format!("there is no {written}; did you mean {found}?"))
}

/// The folders that a file is in, from its own outwards.
fn parents(file: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(file.rsplit_once('/').map(|(folder, _)| folder), |folder| {
        folder.rsplit_once('/').map(|(outer, _)| outer)
    })
}
