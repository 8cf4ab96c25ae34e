//! The browser or device class that is required: what forecasts are kept apart by.

use super::expression::{ANYTHING, Expression, Operator};
use super::requirement::Requirements;

impl Requirements {
    /// The browser or device class that is required, in words: what forecasts are kept apart by. `anything` where none
    /// is. Versions and labels do not count: `browser == firefox && version >= 128` and `browser.firefox` are both
    /// `browser.firefox`.
    pub fn target(&self) -> String {
        let classes = self.iter().filter_map(|requirement| class(requirement.expression()));
        match joined(classes.collect()) {
            Some(classes) => {
                let tight = |class: &Expression| match class {
                    Expression::Any(_) => format!("({class})"),
                    Expression::Present(_)
                    | Expression::Compare { .. }
                    | Expression::OneOf { .. }
                    | Expression::Not(_)
                    | Expression::All(_) => class.to_string(),
                };
                match classes {
                    Expression::All(parts) => parts.iter().map(tight).collect::<Vec<_>>().join(" and "),
                    Expression::Present(_)
                    | Expression::Compare { .. }
                    | Expression::OneOf { .. }
                    | Expression::Not(_)
                    | Expression::Any(_) => classes.to_string(),
                }
            }
            None => ANYTHING.to_owned(),
        }
    }
}

/// What is left of a condition when everything but the class is taken out of it.
fn class(expression: &Expression) -> Option<Expression> {
    match expression {
        Expression::Present(key) => named(key),
        Expression::Compare { key, operator, value } => compared(key, *operator, value),
        Expression::OneOf { key, values } => {
            let each = values.iter().map(|value| compared(key, Operator::Equal, value));
            either(each.collect::<Option<Vec<_>>>()?)
        }
        Expression::Not(inner) => match &**inner {
            Expression::Compare { key, operator: Operator::Equal, value } => {
                compared(key, Operator::NotEqual, value)
            }
            Expression::Compare { key, operator: Operator::NotEqual, value } => {
                compared(key, Operator::Equal, value)
            }
            // What must not be there is no class, and what was cut out of it would change its meaning.
            Expression::Present(_)
            | Expression::Compare { .. }
            | Expression::OneOf { .. }
            | Expression::Not(_)
            | Expression::All(_)
            | Expression::Any(_) => None,
        },
        Expression::All(parts) => joined(parts.iter().filter_map(class).collect()),
        // Where one way to meet it asks for no class, it asks for none.
        Expression::Any(parts) => either(parts.iter().map(class).collect::<Option<Vec<_>>>()?),
    }
}

/// The class of a key that is there.
fn named(key: &str) -> Option<Expression> {
    let mut parts = key.split('.');
    let family = parts.next()?;
    let last = parts.next_back();
    let of_version = last.is_some_and(|last| matches!(last, "version" | "os"));
    match family {
        "version" if last.is_none() => Some(Expression::Present("browser".to_owned())),
        "browser" | "device" | "simulator" => {
            let owner = key.rsplit_once('.').map_or(key, |(owner, _)| owner);
            Some(Expression::Present(if of_version { owner } else { key }.to_owned()))
        }
        "os" if of_version => None,
        "os" => Some(Expression::Present(key.to_owned())),
        _ => None,
    }
}

/// The class of a key that compares like that.
fn compared(key: &str, operator: Operator, value: &str) -> Option<Expression> {
    let (family, attribute) = key.split_once('.').unwrap_or((key, ""));
    let value = value.to_ascii_lowercase();
    let browser = family == "browser" && matches!(attribute, "" | "name" | "id");
    let class = match family {
        "browser" => browser,
        "device" | "simulator" => matches!(attribute, "" | "id" | "name" | "model"),
        "os" => attribute.is_empty(),
        _ => false,
    };
    match operator {
        Operator::Equal if browser => Some(Expression::Present(format!("browser.{value}"))),
        Operator::Equal
        | Operator::NotEqual
        | Operator::StartsWith
        | Operator::EndsWith
        | Operator::Contains
            if class =>
        {
            Some(Expression::Compare { key: key.to_owned(), operator, value })
        }
        Operator::Equal
        | Operator::NotEqual
        | Operator::StartsWith
        | Operator::EndsWith
        | Operator::Contains
        | Operator::Less
        | Operator::AtMost
        | Operator::Greater
        | Operator::AtLeast => named(key),
    }
}

/// All classes together, sorted; `browser` says nothing beside `browser.firefox`.
fn joined(classes: Vec<Expression>) -> Option<Expression> {
    let mut parts = Vec::with_capacity(classes.len());
    classes.into_iter().for_each(|class| class.into_parts(&mut parts));
    let families: Vec<String> = parts.iter().filter_map(family_of_more).collect();
    parts.retain(|part| !matches!(part, Expression::Present(key) if families.contains(key)));
    sorted(&mut parts);
    (!parts.is_empty()).then(|| Expression::all(parts))
}

fn either(mut classes: Vec<Expression>) -> Option<Expression> {
    sorted(&mut classes);
    (!classes.is_empty()).then(|| Expression::any(classes))
}

fn sorted(classes: &mut Vec<Expression>) {
    classes.sort_by_cached_key(ToString::to_string);
    classes.dedup();
}

/// The family of a class that says more than just the family.
fn family_of_more(class: &Expression) -> Option<String> {
    let mut keys = Vec::new();
    class.keys(&mut keys);
    let only_family = matches!(class, Expression::Present(key) if !key.contains('.'));
    let family = keys.first()?.split('.').next()?;
    (!only_family).then(|| family.to_owned())
}
