//! Words for a POSIX shell.

/// `word` so that a shell reads it as it is.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    // zsh gives a meaning to a first `=`.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line. Words in front that look like `NAME=value` stay assignments.
pub fn line(words: &[String]) -> String {
    let mut assigning = true;
    let quoted = words.iter().map(|word| {
        assigning = assigning && is_assignment(word);
        match word.split_once('=') {
            Some((name, value)) if assigning => format!("{name}={}", quote(value)),
            Some(_) | None => quote(word),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let table = [("a/b.py", "a/b.py"), ("", "''"), ("a b", "'a b'"), ("$x", "'$x'"), ("größe", "größe")];
        for (word, quoted) in table {
            assert_eq!(quote(word), quoted);
        }
        let words = ["A=1", "B=x y", "run", "C=3 4"].map(String::from);
        assert_eq!(line(&words), "A=1 B='x y' run 'C=3 4'");
    }
}
