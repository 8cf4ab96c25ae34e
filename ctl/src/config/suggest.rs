//! "Did you mean": the known word nearest to what was written.

/// The nearest of `known`, if it is near enough to be a slip of the hand.
pub(crate) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = plain(written);
    let allowed = (plain.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (distance(&plain, &self::plain(word)), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, word)| word)
}

/// Ready to be said: `did you mean "pytest"?`, or the list of what is known.
pub(crate) fn did_you_mean<'k>(
    written: &str,
    what: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(written, known.iter().copied()) {
        Some(word) => format!("did you mean {word:?}?"),
        None if known.is_empty() => format!("there are no {what}"),
        None => format!("{what}: {}", listed(&known)),
    }
}

/// The first dozen of `words`, and how many more there are.
pub(crate) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    const SHOWN: usize = 12;
    let mut text = words.iter().take(SHOWN).map(|word| word.as_ref()).collect::<Vec<_>>().join(", ");
    if words.len() > SHOWN {
        text.push_str(&format!(" and {} more", words.len() - SHOWN));
    }
    text
}

/// Case, dashes and underlines are not what people mean to tell apart.
fn plain(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

/// Insertions, removals, replacements and swaps of neighbours that lead from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    strsim::osa_distance(left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["specs", "exclude", "max-failures", "timeout", "idle-timeout", "package/admin"];
        let table = [
            ("spec", Some("specs")),
            ("sepcs", Some("specs")),
            ("max_failures", Some("max-failures")),
            ("MaxFailures", Some("max-failures")),
            ("idle_timeout", Some("idle-timeout")),
            ("package/amdin", Some("package/admin")),
            ("colour", None),
            ("", None),
        ];
        for (written, nearest_known) in table {
            assert_eq!(nearest(written, known), nearest_known, "{written:?}");
        }
        assert_eq!(did_you_mean("zzz", "suites", ["api", "e2e"]), "suites: api, e2e");
    }
}
