//! Command lines that can be pasted into a POSIX shell.

/// One word, quoted where the shell would take it apart. Control characters are written as `$'…'` escapes, so that
/// a pasted line does what is seen.
fn quoted(word: &str) -> String {
    let safe = |c: char| {
        c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
    };
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    if word.chars().any(char::is_control) {
        return ansi_quoted(word);
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn ansi_quoted(word: &str) -> String {
    let mut text = String::from("$'");
    for c in word.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\'' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
            }
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// Words as one command line.
pub(crate) fn command_line<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let table = [
            ("plain/path.spec.js", "plain/path.spec.js"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("$(rm -rf x)", "'$(rm -rf x)'"),
            ("a\nb", "$'a\\nb'"),
            ("\u{1b}[2J'", "$'\\x1b[2J\\''"),
            ("größe.py", "größe.py"),
        ];
        for (word, shown) in table {
            assert_eq!(quoted(word), shown, "{word:?}");
        }
        assert_eq!(command_line(&["sh", "-c", "a b"]), "sh -c 'a b'");
    }
}
