//! A process's environment, as the table of providers reads it.

use std::collections::BTreeMap;

/// Variables by name. One that is set but empty, or blank, counts as not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env<'e>(pub(crate) &'e BTreeMap<String, String>);

impl<'e> Env<'e> {
    /// The value of a variable, without blanks around it.
    pub(crate) fn get(self, name: &str) -> Option<&'e str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set.
    pub(super) fn first(self, names: &[&'static str]) -> Option<(&'static str, &'e str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The first variable whose name begins like this.
    pub(super) fn with_prefix(self, prefix: &str) -> Option<&'e str> {
        let from = self.0.range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        from.map(|(name, _)| name.as_str())
            .take_while(|name| name.starts_with(prefix))
            .find(|name| self.get(name).is_some())
    }

    /// A template with the values of its variables (`{NAME}`) in it, or the names of those that are not set.
    pub(super) fn fill(self, template: &'static str) -> Result<String, Vec<&'static str>> {
        let missing: Vec<&'static str> =
            variables(template).filter(|name| self.get(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        Ok(pieces(template)
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Variable(name) => self.get(name).unwrap_or_default(),
            })
            .collect())
    }
}

/// The variables of a template.
pub(super) fn variables(template: &'static str) -> impl Iterator<Item = &'static str> {
    pieces(template).filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Variable(name) => Some(name),
    })
}

enum Piece {
    Text(&'static str),
    Variable(&'static str),
}

fn pieces(template: &'static str) -> impl Iterator<Item = Piece> {
    template.split_inclusive('}').flat_map(|part| {
        match part.strip_suffix('}').and_then(|p| p.split_once('{')) {
            Some((text, name)) => [Piece::Text(text), Piece::Variable(name)],
            None => [Piece::Text(part), Piece::Text("")],
        }
    })
}
