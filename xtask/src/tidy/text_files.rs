//! Rules for every text file: nothing unfinished, nothing that is only true on one machine.

use super::complaint::Complaint;

/// Marks of unfinished work, where they open a comment or name what is to be done. (TAP has a directive of the same
/// name, so the bare word is fine.) In two pieces, so that this file does not complain about itself.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders of somebody's machine.
const PRIVATE_FOLDERS: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// Nobody's folders, for examples and recordings.
const STAND_INS: [&str; 4] = ["ci/", "me/", "user/", "you/"];

/// The only place that lock files of npm may name.
const NPM_REGISTRY: &str = "https://registry.npmjs.org/";

/// Complains about each line that breaks a rule.
pub(super) fn check(path: &str, text: &str) -> Vec<Complaint> {
    if path == "LICENSE" {
        return Vec::new();
    }
    let is_lock = path.ends_with("package-lock.json");
    text.lines()
        .enumerate()
        .flat_map(|(index, line)| {
            problems(line, is_lock).map(move |text| Complaint::at_line(path, index + 1, text))
        })
        .collect()
}

fn problems(line: &str, is_lock: bool) -> impl Iterator<Item = String> {
    let unfinished = UNFINISHED
        .into_iter()
        .filter(|mark| is_marked(line, mark))
        .map(|mark| format!("`{mark}`: finish it, or describe what is missing where users read it"));
    let private = PRIVATE_FOLDERS
        .into_iter()
        .filter(|folder| has_path(line, folder))
        .map(|folder| format!("a path below `{folder}` exists on one machine only"));
    let registry = (is_lock && names_other_registry(line)).then(|| {
        "names a registry that others cannot reach; npm's `omit-lockfile-registry-resolved` leaves it out"
            .to_owned()
    });
    let findings: Vec<String> = unfinished.chain(private).chain(registry).collect();
    findings.into_iter()
}

fn is_marked(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + mark.len()..]);
        let is_whole_word = !before.ends_with(is_part_of_word) && !after.starts_with(is_part_of_word);
        let opens_comment = ["//", "///", "//!", "#", "<!--", "/*", "*"].contains(&before.trim());
        is_whole_word && (opens_comment || after.starts_with([':', '(']) || before.ends_with("// "))
    })
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// An absolute path, not the same letters in the middle of a relative one or of a web address.
fn has_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let is_inside =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '}' | '~' | ')' | '*');
        let (before, after) = (&line[..at], &line[at + folder.len()..]);
        !before.ends_with(is_inside) && !STAND_INS.iter().any(|nobody| after.starts_with(nobody))
    })
}

fn names_other_registry(line: &str) -> bool {
    line.trim().strip_prefix("\"resolved\": \"").is_some_and(|address| !address.starts_with(NPM_REGISTRY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work() {
        let mark = UNFINISHED[0];
        for line in [
            format!("// {mark}: later"),
            format!("# {mark} later"),
            format!("x(); // {mark} later"),
            format!("{mark}(me)"),
        ] {
            assert_eq!(check("a.rs", &format!("fine\n{line}")).len(), 1, "{line}");
        }
        for fine in [
            format!("// {mark}S first"),
            format!("not ok 1 # {mark} later"),
            format!("the `{mark}` directive"),
        ] {
            assert_eq!(check("a.rs", &fine), vec![], "{fine}");
        }
    }

    #[test]
    fn paths_of_one_machine() {
        for folder in PRIVATE_FOLDERS {
            assert_eq!(check("a.md", &format!("see {folder}somebody/x")).len(), 1, "{folder}");
            assert_eq!(check("a.md", &format!("file=\"{folder}x\"")).len(), 1, "{folder}");
            for fine in [
                format!("target{folder}x"),
                format!("https://example.com{folder}"),
                format!("${{DIR}}{folder}"),
            ] {
                assert_eq!(check("a.md", &fine), vec![], "{fine}");
            }
        }
    }

    #[test]
    fn lock_files_of_npm() {
        let line = |host: &str| format!("      \"resolved\": \"https://{host}/x/-/x-1.0.0.tgz\",");
        assert_eq!(check("a/package-lock.json", &line("registry.npmjs.org")), vec![]);
        assert_eq!(check("a/package-lock.json", &line("npm.mirror.example")).len(), 1);
        assert_eq!(check("a/other.json", &line("npm.mirror.example")), vec![]);
    }
}
