//! Whose file it is, where several frameworks claim it: many of them call their specs `*.test.ts`.

use super::detection::Candidate;
use super::tree::{Tree, below};
use crate::bounds::{SNIFFED_BYTES, SNIFFED_FILES};
use std::collections::{BTreeMap, BTreeSet};

/// Gives each claimed file to the candidate whose words it contains, and narrows the globs of those that lose some.
pub(super) fn settle(candidates: &mut Vec<Candidate>, tree: &Tree) {
    let mut claims: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        for file in candidate.files.iter().flatten() {
            claims.entry(file).or_default().push(place);
        }
    }
    let shared = claims.into_iter().filter(|(_, claimants)| claimants.len() > 1);
    let mut lost: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let mut unclear: BTreeMap<usize, BTreeMap<usize, Vec<String>>> = BTreeMap::new();
    for (file, claimants) in shared.take(SNIFFED_FILES) {
        let text = tree.text(file, SNIFFED_BYTES, &mut Vec::new()).unwrap_or_default();
        let says = |place: &usize| {
            let words = candidates[*place].framework.detect.spec_words.iter().flatten();
            words.into_iter().any(|word| text.contains(word.as_str()))
        };
        let owners: Vec<usize> = claimants.iter().copied().filter(|place| says(place)).collect();
        for place in &claimants {
            match owners.as_slice() {
                [] => {
                    for other in claimants.iter().filter(|other| *other != place) {
                        unclear.entry(*place).or_default().entry(*other).or_default().push(file.to_owned());
                    }
                }
                owners if owners.contains(place) => {}
                _ => {
                    lost.entry(*place).or_default().insert(file.to_owned());
                }
            }
        }
    }
    for (place, files) in lost {
        candidates[place].lose(&files);
    }
    for (place, others) in unclear {
        for (other, files) in others {
            let title = candidates[other].framework.title.clone();
            let example = files.first().map(String::as_str).unwrap_or_default();
            let note = format!("{} of its files may be of {title}, such as {example}", files.len());
            candidates[place].notes.push(note);
        }
    }
    candidates.retain(|candidate| {
        // Whoever lost everything was proven by its package alone, or by a configuration that its specs left.
        candidate.files.as_ref().is_none_or(|files| !files.is_empty()) || candidate.globs_are_default()
    });
}

impl Candidate {
    fn globs_are_default(&self) -> bool {
        self.globs == self.framework.specs.default_globs()
    }

    /// Takes files away and narrows the globs to what is left: a whole folder where all of it is left, else files.
    fn lose(&mut self, lost: &BTreeSet<String>) {
        let Some(files) = &mut self.files else { return };
        files.retain(|file| !lost.contains(file));
        let top = |file: &str| {
            let file = below(file, &self.folder).unwrap_or(file);
            file.split_once('/').map(|(top, _)| top.to_owned())
        };
        let mixed: BTreeSet<Option<String>> = lost.iter().map(|file| top(file)).collect();
        let mut globs = BTreeSet::new();
        for file in files.iter() {
            let top = top(file);
            if mixed.contains(&top) {
                globs.insert(below(file, &self.folder).unwrap_or(file).to_owned());
                continue;
            }
            for glob in self.framework.specs.default_globs() {
                let anywhere = glob.strip_prefix("**/");
                match (&top, anywhere) {
                    (Some(top), Some(rest)) => globs.insert(format!("{}/**/{rest}", globset::escape(top))),
                    (None, Some(rest)) => globs.insert(rest.to_owned()),
                    (_, None) => globs.insert(glob.clone()),
                };
            }
        }
        self.globs = globs.into_iter().collect();
    }
}
