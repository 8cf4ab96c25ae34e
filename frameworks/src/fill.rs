//! Filling in placeholders: what both a worker's attempts and a client's listings need.

use crate::template::{Filter, Piece, Placeholder, Template, TemplateError};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a text cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FillError {
    /// It is not a template.
    #[error("{place}: {text:?}")]
    Template {
        /// Which text of the recipe.
        place: String,
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// A placeholder that has no value here.
    #[error("{place}: {{{placeholder}}} has no value here")]
    NoValue {
        /// Which text.
        place: String,
        /// The placeholder.
        placeholder: Placeholder,
    },
    /// The command takes one spec, and there are several or none.
    #[error("{place}: {{spec}} stands for one spec, but there are {count}")]
    NotOneSpec {
        /// Which text.
        place: String,
        /// How many there are.
        count: usize,
    },
    /// A path that is not Unicode.
    #[error("{} is not a Unicode path", .path.display())]
    NotUnicode {
        /// The path.
        path: PathBuf,
    },
    /// A pattern that leaves its folder.
    #[error("{place}: {text:?} leads out of its folder")]
    Outside {
        /// Which text.
        place: String,
        /// The pattern.
        text: String,
    },
}

/// The values that there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Values<'a> {
    pub(crate) workspace: Option<&'a Path>,
    pub(crate) folder: Option<&'a Path>,
    pub(crate) report: Option<&'a Path>,
    pub(crate) report_dir: Option<&'a Path>,
    pub(crate) artifacts: Option<&'a Path>,
    pub(crate) scratch: Option<&'a Path>,
    pub(crate) attempt: Option<u32>,
    pub(crate) slot: Option<u32>,
    pub(crate) browser: Option<&'a str>,
    pub(crate) specs: &'a [String],
}

impl Values<'_> {
    /// The whole command line. An argument that mentions `{specs}` is repeated for each spec.
    pub(crate) fn arguments(&self, command: &[Template], place: &str) -> Result<Vec<String>, FillError> {
        let mut arguments = Vec::with_capacity(command.len());
        for (number, part) in command.iter().enumerate() {
            let place = format!("{place}[{number}]");
            if part.mentions(&Placeholder::Specs) {
                for spec in self.specs {
                    arguments.push(self.argument(part, spec, &place)?);
                }
            } else if part.mentions(&Placeholder::Spec) {
                let [spec] = self.specs else {
                    return Err(FillError::NotOneSpec { place, count: self.specs.len() });
                };
                arguments.push(self.argument(part, spec, &place)?);
            } else {
                arguments.push(self.text(part, &place)?);
            }
        }
        Ok(arguments)
    }

    /// One argument with its spec. A spec that would look like an option gets `./` in front.
    fn argument(&self, part: &Template, spec: &str, place: &str) -> Result<String, FillError> {
        let filled = part.fill(|placeholder| {
            if placeholder.is_spec() { Ok(spec.to_owned()) } else { self.value(placeholder, place) }
        })?;
        let exposed = matches!(
            part.pieces().first(),
            Some(Piece::Slot {
                placeholder: Placeholder::Spec | Placeholder::Specs,
                filter: None | Some(Filter::Glob | Filter::Pattern)
            })
        );
        Ok(if exposed && filled.starts_with('-') { format!("./{filled}") } else { filled })
    }

    /// A text that is not an argument.
    pub(crate) fn text(&self, template: &Template, place: &str) -> Result<String, FillError> {
        template.fill(|placeholder| self.value(placeholder, place))
    }

    /// One value.
    pub(crate) fn value(&self, placeholder: &Placeholder, place: &str) -> Result<String, FillError> {
        let path = match placeholder {
            Placeholder::Workspace => self.workspace,
            Placeholder::Folder => self.folder,
            Placeholder::Report => self.report,
            Placeholder::ReportDir => self.report_dir,
            Placeholder::Artifacts => self.artifacts,
            Placeholder::Scratch => self.scratch,
            Placeholder::Attempt
            | Placeholder::Slot
            | Placeholder::Browser
            | Placeholder::Spec
            | Placeholder::Specs
            | Placeholder::Options
            | Placeholder::Script
            | Placeholder::Program(_)
            | Placeholder::Test
            | Placeholder::Tests => None,
        };
        if let Some(path) = path {
            return unicode(path).map(str::to_owned);
        }
        let text = match (placeholder, self.specs) {
            (Placeholder::Attempt, _) => self.attempt.map(|number| number.to_string()),
            (Placeholder::Slot, _) => self.slot.map(|number| number.to_string()),
            (Placeholder::Browser, _) => self.browser.map(str::to_owned),
            (Placeholder::Spec, [spec]) => Some(spec.clone()),
            (Placeholder::Spec, specs) => {
                return Err(FillError::NotOneSpec { place: place.to_owned(), count: specs.len() });
            }
            (_, _) => None,
        };
        let missing = || FillError::NoValue { place: place.to_owned(), placeholder: placeholder.clone() };
        text.ok_or_else(missing)
    }
}

/// `text` of a recipe as a template.
pub(crate) fn parse(text: &str, place: &str) -> Result<Template, FillError> {
    let wrong = |source| FillError::Template { place: place.to_owned(), text: text.to_owned(), source };
    text.parse().map_err(wrong)
}

pub(crate) fn unicode(path: &Path) -> Result<&str, FillError> {
    path.to_str().ok_or_else(|| FillError::NotUnicode { path: path.to_owned() })
}
