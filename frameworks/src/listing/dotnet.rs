//! What `dotnet test --list-tests` prints, by both platforms.

use super::owner::Owners;
use super::parse::Listing;

/// Display names, indented, below a line that names their assembly.
pub(super) fn tests(text: &str, owners: &Owners<'_>, listing: &mut Listing) -> Result<(), String> {
    let mut assemblies = 0_usize;
    let mut spec = None;
    let mut in_list = false;
    for line in text.lines() {
        if let Some(path) = assembly(line) {
            let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
            let stem = file.strip_suffix(".dll").or_else(|| file.strip_suffix(".exe")).unwrap_or(file);
            spec = owners.of_stem(stem);
            if let Some(spec) = spec {
                listing.spec(spec);
            }
            assemblies += 1;
            in_list = line.starts_with(DISCOVERED);
        } else if line.starts_with("The following Tests are available") {
            in_list = true;
        } else if let (true, true, Some(spec)) = (in_list, line.starts_with("  "), spec) {
            listing.test(spec, line.trim());
        } else {
            in_list = in_list && (line.starts_with(' ') || line.is_empty());
        }
    }
    if assemblies == 0 { Err("it names no assembly".to_owned()) } else { Ok(()) }
}

const DISCOVERED: &str = "Discovered ";

/// The path in a line that announces the tests of an assembly.
fn assembly(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("Test run for ") {
        Some(rest) => rest,
        None => line.strip_prefix(DISCOVERED)?.split_once(" in assembly - ")?.1,
    };
    Some(rest.rsplit_once(" (").map_or(rest, |(path, _)| path))
}
