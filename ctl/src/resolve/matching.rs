//! From the names that there are to the specs of a group.

use super::groups::{AskedGlob, Wanted};
use crate::config::{Reach, SpecGlob};
use globset::{GlobBuilder, GlobMatcher};
use part_frameworks::SpecFile;
use part_frameworks::table::{Framework, SpecSource};
use std::collections::BTreeSet;

/// The specs of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matched {
    /// In the order of the names that there are, each once.
    pub(crate) specs: Vec<SpecFile>,
    /// Globs of part.toml that stand for nothing.
    pub(crate) unmatched: Vec<String>,
    /// Globs of `--spec` that stand for something here.
    pub(crate) asked_matched: BTreeSet<String>,
}

/// What a group's globs mean for one framework.
pub(crate) struct Matching<'w> {
    wanted: &'w Wanted<'w>,
    /// The framework's own globs, as they are written and compiled.
    defaults: Vec<GlobMatcher>,
    /// What spec files are called; none means that any file will do.
    kinds: Option<Vec<Kind>>,
    /// Names come from a command: there are no folders with other things in them.
    listed: bool,
}

/// A way to be called like a spec.
enum Kind {
    /// The whole path fits.
    Path(GlobMatcher),
    /// The part after the last `/` fits.
    FileName(GlobMatcher),
}

impl<'w> Matching<'w> {
    pub(crate) fn new(wanted: &'w Wanted<'w>, framework: &Framework) -> Self {
        let listed = match &framework.specs {
            SpecSource::Files { .. } => false,
            SpecSource::Listed { .. } => true,
        };
        let defaults: Vec<GlobMatcher> =
            framework.specs.default_globs().iter().filter_map(|glob| compiled(glob)).collect();
        Matching { wanted, kinds: kinds(wanted, &defaults), defaults, listed }
    }

    /// The specs among `names`.
    pub(crate) fn choose(&self, names: &[SpecFile]) -> Matched {
        let mut matched = Matched::default();
        let asks = !self.wanted.asked.is_empty();
        let mut pool: Vec<&SpecFile> = Vec::new();
        if asks && self.wanted.instead {
            pool.extend(names.iter().filter(|file| !self.is_excluded(&file.name)));
        } else {
            matched.unmatched = self.own(names, &mut pool);
        }
        if !asks {
            matched.specs = pool.into_iter().cloned().collect();
            return matched;
        }
        let mut taken = BTreeSet::new();
        for asked in &self.wanted.asked {
            let found = self.asked(asked, &pool);
            if !found.is_empty() {
                matched.asked_matched.insert(asked.typed.clone());
            }
            taken.extend(found);
        }
        matched.specs = pool.into_iter().filter(|file| taken.contains(file.name.as_str())).cloned().collect();
        matched
    }

    /// The specs among `names` that the globs of part.toml, or else the framework's, stand for, whatever was asked.
    pub(crate) fn own_specs<'n>(&self, names: &'n [SpecFile]) -> BTreeSet<&'n str> {
        let mut pool = Vec::new();
        self.own(names, &mut pool);
        pool.into_iter().map(|file| file.name.as_str()).collect()
    }

    /// Fills `pool` with what the globs of part.toml, or else the framework's, stand for. Returns the globs that
    /// stand for nothing.
    fn own<'n>(&self, names: &'n [SpecFile], pool: &mut Vec<&'n SpecFile>) -> Vec<String> {
        let Some(globs) = self.wanted.globs else {
            let is_default = |name: &str| match (self.listed, self.defaults.is_empty()) {
                (true, true) => true,
                (true, false) | (false, _) => self.defaults.iter().any(|glob| glob.is_match(name)),
            };
            pool.extend(names.iter().filter(|file| is_default(&file.name) && !self.is_excluded(&file.name)));
            return Vec::new();
        };
        let mut used = vec![false; globs.len()];
        for file in names {
            let mut wanted = false;
            for (glob, used) in globs.iter().zip(&mut used) {
                let takes = (!*used || !wanted) && self.takes(glob, &file.name);
                *used |= takes;
                wanted |= takes;
            }
            if wanted && !self.is_excluded(&file.name) {
                pool.push(file);
            }
        }
        let unused = globs.iter().zip(used).filter(|(_, used)| !used);
        unused.map(|(glob, _)| glob.as_str().to_owned()).collect()
    }

    /// The names that a glob of `--spec` stands for, in the first reading that finds any.
    fn asked<'n>(&self, asked: &AskedGlob, pool: &[&'n SpecFile]) -> Vec<&'n str> {
        for reading in &asked.readings {
            let found: Vec<&str> =
                pool.iter().map(|file| file.name.as_str()).filter(|name| self.takes(reading, name)).collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// True when the glob names a spec, or a folder in which it is one.
    fn takes(&self, glob: &SpecGlob, name: &str) -> bool {
        match glob.reach(name) {
            Reach::Named => true,
            Reach::Inside => self.listed || self.is_kind_of_spec(name),
            Reach::Not => false,
        }
    }

    pub(crate) fn is_excluded(&self, name: &str) -> bool {
        self.wanted.exclude.iter().any(|glob| glob.reach(name) != Reach::Not)
    }

    /// True when a file is called as specs are.
    pub(crate) fn is_kind_of_spec(&self, name: &str) -> bool {
        let Some(kinds) = &self.kinds else { return true };
        let file_name = name.rsplit('/').next().unwrap_or(name);
        kinds.iter().any(|kind| match kind {
            Kind::Path(glob) => glob.is_match(name),
            Kind::FileName(glob) => glob.is_match(file_name),
        })
    }
}

/// What spec files are called: as the suite's globs say, where all of them name files; else as the framework's own
/// do, or any glob of the group that names files.
fn kinds(wanted: &Wanted<'_>, defaults: &[GlobMatcher]) -> Option<Vec<Kind>> {
    let of = |globs: &[SpecGlob]| -> Vec<Kind> {
        let parts = globs.iter().filter_map(SpecGlob::file_name_part);
        parts.filter_map(compiled).map(Kind::FileName).collect()
    };
    let suite = wanted.suite.specs.as_deref().unwrap_or_default();
    let mut kinds = of(suite);
    if !suite.is_empty() && kinds.len() == suite.len() {
        return Some(kinds);
    }
    kinds.extend(of(wanted.globs.unwrap_or_default()));
    kinds.extend(defaults.iter().cloned().map(Kind::Path));
    (!kinds.is_empty()).then_some(kinds)
}

/// Globs that come here have been checked before; one that were none would match nothing.
fn compiled(glob: &str) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(glob).literal_separator(true).empty_alternates(true).build();
    built.ok().map(|glob| glob.compile_matcher())
}
