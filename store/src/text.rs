//! Verdicts and roles as words in columns, and patterns as the database spells them.

use crate::TokenRole;
use part_core::{AttemptVerdict, InvalidReason, RunVerdict};

const RUN_VERDICTS: [RunVerdict; 5] = [
    RunVerdict::Passed,
    RunVerdict::Failed,
    RunVerdict::Incomplete,
    RunVerdict::NothingRan,
    RunVerdict::Cancelled,
];

const ATTEMPT_VERDICTS: [AttemptVerdict; 10] = [
    AttemptVerdict::Passed,
    AttemptVerdict::Failed,
    AttemptVerdict::TimedOut,
    AttemptVerdict::Crashed,
    AttemptVerdict::Lost,
    AttemptVerdict::Cancelled,
    AttemptVerdict::SetupFailed,
    AttemptVerdict::Invalid(InvalidReason::NoTests),
    AttemptVerdict::Invalid(InvalidReason::Report),
    AttemptVerdict::Invalid(InvalidReason::MissingTests),
];

const ROLES: [TokenRole; 5] =
    [TokenRole::Worker, TokenRole::View, TokenRole::Submit, TokenRole::Operate, TokenRole::Admin];

pub(crate) fn run_verdict_word(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Passed => "passed",
        RunVerdict::Failed => "failed",
        RunVerdict::Incomplete => "incomplete",
        RunVerdict::NothingRan => "nothing_ran",
        RunVerdict::Cancelled => "cancelled",
    }
}

pub(crate) fn attempt_verdict_word(verdict: AttemptVerdict) -> &'static str {
    match verdict {
        AttemptVerdict::Passed => "passed",
        AttemptVerdict::Failed => "failed",
        AttemptVerdict::TimedOut => "timed_out",
        AttemptVerdict::Crashed => "crashed",
        AttemptVerdict::Lost => "lost",
        AttemptVerdict::Cancelled => "cancelled",
        AttemptVerdict::SetupFailed => "setup_failed",
        AttemptVerdict::Invalid(InvalidReason::NoTests) => "no_tests",
        AttemptVerdict::Invalid(InvalidReason::Report) => "invalid_report",
        AttemptVerdict::Invalid(InvalidReason::MissingTests) => "missing_tests",
    }
}

/// The words of what an attempt came to that says nothing about its spec, as a list in SQL.
macro_rules! says_nothing {
    () => {
        "'lost', 'cancelled', 'setup_failed'"
    };
}
pub(crate) use says_nothing;

/// True when what an attempt came to says something about its spec.
pub(crate) fn says_something(verdict: AttemptVerdict) -> bool {
    match verdict {
        AttemptVerdict::Passed
        | AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => true,
        AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed => false,
    }
}

pub(crate) fn run_verdict(word: &str) -> Option<RunVerdict> {
    RUN_VERDICTS.into_iter().find(|verdict| run_verdict_word(*verdict) == word)
}

pub(crate) fn attempt_verdict(word: &str) -> Option<AttemptVerdict> {
    ATTEMPT_VERDICTS.into_iter().find(|verdict| attempt_verdict_word(*verdict) == word)
}

pub(crate) fn role_word(role: TokenRole) -> &'static str {
    match role {
        TokenRole::Worker => "worker",
        TokenRole::View => "view",
        TokenRole::Submit => "submit",
        TokenRole::Operate => "operate",
        TokenRole::Admin => "admin",
    }
}

pub(crate) fn role(word: &str) -> Option<TokenRole> {
    ROLES.into_iter().find(|role| role_word(*role) == word)
}

/// The pattern in SQLite's spelling, where brackets are special too.
pub(crate) fn sqlite_glob(pattern: &str) -> String {
    pattern.replace('[', "[[]")
}

/// The pattern in PostgreSQL's spelling, for `LIKE`.
pub(crate) fn postgres_like(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', character]),
            other => like.push(other),
        }
    }
    like
}

/// True when `text` is what `pattern` describes: `*` is any text, `?` any one character.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on when the text after the last star does not fit: one character further.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_and_role_has_a_word_of_its_own() {
        for verdict in RUN_VERDICTS {
            assert_eq!(run_verdict(run_verdict_word(verdict)), Some(verdict));
        }
        for verdict in ATTEMPT_VERDICTS {
            assert_eq!(attempt_verdict(attempt_verdict_word(verdict)), Some(verdict));
        }
        for known in ROLES {
            assert_eq!(role(role_word(known)), Some(known));
        }
        assert_eq!((run_verdict("odd"), attempt_verdict("odd"), role("odd")), (None, None, None));
    }

    #[test]
    fn the_list_in_sql_is_what_the_function_says() {
        let silent = ATTEMPT_VERDICTS.into_iter().filter(|verdict| !says_something(*verdict));
        let words: Vec<String> =
            silent.map(|verdict| format!("'{}'", attempt_verdict_word(verdict))).collect();
        assert_eq!(words.join(", "), says_nothing!());
    }

    #[test]
    fn patterns_match_as_people_expect() {
        let table = [
            ("login.spec.ts", "login.spec.ts", true),
            ("login.spec.ts", "login_spec.ts", false),
            ("*login*", "e2e/login.spec.ts", true),
            ("*.ts", "a.ts.snap", false),
            ("*.ts", "a.ts.b.ts", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("[id].ts", "[id].ts", true),
            ("[id].ts", "i.ts", false),
            ("*", "", true),
            ("", "a", false),
            ("a**b*", "ab", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
