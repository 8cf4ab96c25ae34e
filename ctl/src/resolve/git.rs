//! Commit and branch of a folder, read from its repository's files: no program is needed, nothing here fails.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest reference file that is read, in bytes.
const REFERENCE_BYTES: u64 = 4096;
/// Longest list of packed references that is read, in bytes.
const PACKED_BYTES: u64 = 64 << 20;
/// How many symbolic references may follow one another, as many as git itself allows.
const DEPTH: usize = 5;

/// Where a working tree stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Commit in hexadecimal; empty when unknown.
    pub(crate) commit: String,
    /// Branch; empty when the head is detached or unknown.
    pub(crate) branch: String,
}

/// The head of the repository that a folder is in.
pub(crate) fn head(folder: &Path) -> Head {
    let Some(repository) = Repository::find(folder) else { return Head::default() };
    let mut reference = "HEAD".to_owned();
    for _ in 0..DEPTH {
        let Some(value) = repository.reference(&reference) else { break };
        match value.strip_prefix("ref:") {
            Some(next) => reference = next.trim().to_owned(),
            None if is_commit(&value) => return Head { commit: value, branch: branch_of(&reference) },
            None => break,
        }
    }
    // A branch without a commit yet, or one that cannot be read.
    Head { commit: String::new(), branch: branch_of(&reference) }
}

struct Repository {
    /// What belongs to this working tree: its HEAD.
    own: PathBuf,
    /// What all working trees share: branches.
    common: PathBuf,
}

impl Repository {
    fn find(folder: &Path) -> Option<Self> {
        let (folder, marker) =
            folder.ancestors().map(|at| (at, at.join(".git"))).find(|(_, git)| git.exists())?;
        let own = if marker.is_dir() {
            marker
        } else {
            // A linked working tree or a submodule: the file names the real place.
            let text = read_short(&marker, REFERENCE_BYTES)?;
            folder.join(text.strip_prefix("gitdir:")?.trim())
        };
        let common = match read_short(&own.join("commondir"), REFERENCE_BYTES) {
            Some(text) => own.join(text.trim()),
            None => own.clone(),
        };
        Some(Repository { own, common })
    }

    /// What a reference holds: a commit, or `ref:` and another reference.
    fn reference(&self, name: &str) -> Option<String> {
        let inside = name == "HEAD" || name.starts_with("refs/");
        if !inside || name.split('/').any(|part| part == "..") {
            return None;
        }
        [&self.own, &self.common]
            .into_iter()
            .find_map(|folder| read_short(&folder.join(name), REFERENCE_BYTES))
            .map(|text| text.trim().to_owned())
            .or_else(|| self.packed(name))
    }

    fn packed(&self, name: &str) -> Option<String> {
        let text = read_short(&self.common.join("packed-refs"), PACKED_BYTES)?;
        let found = text.lines().filter_map(|line| line.split_once(' ')).find(|(_, packed)| *packed == name);
        found.map(|(commit, _)| commit.to_owned())
    }
}

fn branch_of(reference: &str) -> String {
    reference.strip_prefix("refs/heads/").unwrap_or_default().to_owned()
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn read_short(file: &Path, limit: u64) -> Option<String> {
    if fs::metadata(file).ok()?.len() > limit {
        return None;
    }
    fs::read_to_string(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, text).expect("file");
        }
        folder
    }

    fn seen(files: &[(&str, &str)], inside: &str) -> (String, String) {
        let folder = repository(files);
        let head = head(&folder.path().join(inside));
        (head.commit, head.branch)
    }

    #[test]
    fn heads_are_found_in_every_shape() {
        let commit = format!("{COMMIT}\n");
        let packed = format!("# pack-refs with: peeled\n{COMMIT} refs/heads/feature/x\n^{COMMIT}\n");
        let loose = [(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", commit.as_str())];
        assert_eq!(seen(&loose, "a/b"), (COMMIT.to_owned(), "main".to_owned()));

        let in_pack = [(".git/HEAD", "ref: refs/heads/feature/x\n"), (".git/packed-refs", packed.as_str())];
        assert_eq!(seen(&in_pack, ""), (COMMIT.to_owned(), "feature/x".to_owned()));

        assert_eq!(seen(&[(".git/HEAD", commit.as_str())], ""), (COMMIT.to_owned(), String::new()));
        assert_eq!(seen(&[(".git/HEAD", "ref: refs/heads/new\n")], ""), (String::new(), "new".to_owned()));
    }

    #[test]
    fn a_linked_working_tree_uses_the_shared_branches() {
        let files = [
            ("tree/.git", "gitdir: ../main/.git/worktrees/tree\n"),
            ("main/.git/worktrees/tree/HEAD", "ref: refs/heads/side\n"),
            ("main/.git/worktrees/tree/commondir", "../..\n"),
            ("main/.git/refs/heads/side", COMMIT),
        ];
        assert_eq!(seen(&files, "tree"), (COMMIT.to_owned(), "side".to_owned()));
    }

    #[test]
    fn nonsense_is_nothing() {
        let nothing = (String::new(), String::new());
        assert_eq!(seen(&[(".git/HEAD", "what?\n")], ""), nothing);
        assert_eq!(seen(&[(".git/HEAD", "ref: ../../secret\n")], ""), nothing);
        assert_eq!(seen(&[(".git/HEAD", "ref: HEAD\n")], ""), nothing);
        assert_eq!(seen(&[(".git", "gitdir: nowhere\n")], ""), nothing);
    }
}
