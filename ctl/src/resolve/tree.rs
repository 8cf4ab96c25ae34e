//! The files of the workspace, looked through once for each folder of a suite.

use super::error::ResolveError;
use super::groups::Wanted;
use crate::config::{SpecGlob, Suite};
use part_frameworks::table::{Framework, SpecSource};
use part_frameworks::{SpecFile, SpecQuery, resolve_specs};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Files by where and how they were looked for.
pub(crate) struct Trees<'r> {
    root: &'r Path,
    seen: BTreeMap<Look, Arc<Vec<SpecFile>>>,
}

/// A way to look through a folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    folder: String,
    ignore: Vec<String>,
    gitignore: bool,
}

impl<'r> Trees<'r> {
    pub(crate) fn new(root: &'r Path) -> Self {
        Trees { root, seen: BTreeMap::new() }
    }

    /// The files below a suite's folder that can be specs of its framework, sorted by name.
    pub(crate) fn files(
        &mut self,
        suite: &Suite,
        framework: &Framework,
    ) -> Result<Arc<Vec<SpecFile>>, ResolveError> {
        let (ignore, gitignore) = match &framework.specs {
            SpecSource::Files { ignore, gitignore, .. } => (ignore.clone(), *gitignore),
            SpecSource::Listed { .. } => (Vec::new(), true),
        };
        self.look(suite, Look { folder: suite.folder.clone(), ignore, gitignore })
    }

    /// The files below a suite's folder, those that git ignores too, but for what nobody writes by hand.
    pub(crate) fn unfiltered(&mut self, suite: &Suite) -> Result<Arc<Vec<SpecFile>>, ResolveError> {
        let ignore = vec!["**/node_modules/**".to_owned(), "**/{.venv,venv,site-packages}/**".to_owned()];
        self.look(suite, Look { folder: suite.folder.clone(), ignore, gitignore: false })
    }

    fn look(&mut self, suite: &Suite, look: Look) -> Result<Arc<Vec<SpecFile>>, ResolveError> {
        if let Some(files) = self.seen.get(&look) {
            return Ok(Arc::clone(files));
        }
        let query = SpecQuery {
            root: self.root,
            folder: &look.folder,
            globs: &["**".to_owned()],
            ignore: &look.ignore,
            gitignore: look.gitignore,
        };
        let found = resolve_specs(query);
        let found = found
            .map_err(|source| ResolveError::Find { suite: suite.name.clone(), source: source.into() })?;
        let files = Arc::new(found.specs);
        self.seen.insert(look, Arc::clone(&files));
        Ok(files)
    }

    /// The files with those that a glob names letter for letter: they count even where git ignores them.
    pub(crate) fn with_literals(
        &self,
        suite: &Suite,
        mut files: Arc<Vec<SpecFile>>,
        wanted: &Wanted<'_>,
    ) -> Arc<Vec<SpecFile>> {
        let asked = wanted.asked.iter().flat_map(|asked| &asked.readings);
        let literals = asked.chain(wanted.globs.into_iter().flatten()).filter(|glob| glob.is_literal());
        for name in literals.map(SpecGlob::as_str) {
            let Err(place) = files.binary_search_by(|known| known.name.as_str().cmp(name)) else { continue };
            let metadata = self.root.join(&suite.folder).join(name).metadata();
            if let Some(file) = metadata.ok().filter(std::fs::Metadata::is_file) {
                Arc::make_mut(&mut files)
                    .insert(place, SpecFile { name: name.to_owned(), size_bytes: file.len() });
            }
        }
        files
    }
}
