//! Filling in placeholders: what both a worker's attempts and a client's listings need.

use crate::filter::Filter;
use crate::template::{Piece, Placeholder, Template, TemplateError};
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
    /// The recipe runs one spec at a time.
    #[error("{count} specs were given, but framework {framework:?} runs one in a process")]
    NoBatch {
        /// The framework.
        framework: String,
        /// How many there are.
        count: usize,
    },
    /// The recipe runs whole specs.
    #[error("some tests were asked for, but framework {framework:?} runs all of a spec")]
    NoSelection {
        /// The framework.
        framework: String,
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
    pub(crate) kit: Option<&'a Path>,
    pub(crate) tests: Option<&'a SelectedTests>,
}

/// The tests that are run, as their framework wants them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelectedTests {
    pub(crate) each: Vec<String>,
    pub(crate) joined: String,
    pub(crate) file: PathBuf,
    /// True when each text begins with the spec.
    pub(crate) begin_with_spec: bool,
}

impl Values<'_> {
    /// The whole command line. An argument that mentions `{specs}` is repeated for each spec, one that mentions
    /// `{tests...}` for each test.
    pub(crate) fn arguments(&self, command: &[Template], place: &str) -> Result<Vec<String>, FillError> {
        let mut arguments = Vec::with_capacity(command.len());
        for (number, part) in command.iter().enumerate() {
            let place = format!("{place}[{number}]");
            if part.mentions(&Placeholder::EachTest) {
                self.repeated(part, &place, &mut arguments)?;
            } else if part.mentions(&Placeholder::Specs) {
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

    /// The arguments of `part`, for each test anew.
    fn repeated(&self, part: &Template, place: &str, arguments: &mut Vec<String>) -> Result<(), FillError> {
        let no_value = || FillError::NoValue { place: place.to_owned(), placeholder: Placeholder::EachTest };
        let tests = self.tests.ok_or_else(no_value)?;
        let parts = part.parts();
        for text in &tests.each {
            for part in &parts {
                let filled = part.fill(|placeholder| {
                    if *placeholder == Placeholder::EachTest {
                        Ok(text.clone())
                    } else {
                        self.value(placeholder, place)
                    }
                })?;
                let is_path =
                    tests.begin_with_spec && begins_with(part, |slot| *slot == Placeholder::EachTest);
                arguments.push(if is_path { no_option(filled) } else { filled });
            }
        }
        Ok(())
    }

    /// One argument with its spec. A spec that would look like an option gets `./` in front.
    fn argument(&self, part: &Template, spec: &str, place: &str) -> Result<String, FillError> {
        let filled = part.fill(|placeholder| {
            if placeholder.is_spec() { Ok(spec.to_owned()) } else { self.value(placeholder, place) }
        })?;
        let exposed = begins_with(part, Placeholder::is_spec);
        Ok(if exposed { no_option(filled) } else { filled })
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
            Placeholder::Kit => self.kit,
            Placeholder::TestsFile => self.tests.map(|tests| tests.file.as_path()),
            Placeholder::Attempt
            | Placeholder::Slot
            | Placeholder::Browser
            | Placeholder::Spec
            | Placeholder::Specs
            | Placeholder::Options
            | Placeholder::Script
            | Placeholder::Program(_)
            | Placeholder::Test
            | Placeholder::Project
            | Placeholder::Tests
            | Placeholder::EachTest
            | Placeholder::Next => None,
        };
        if let Some(path) = path {
            return unicode(path).map(str::to_owned);
        }
        let text = match (placeholder, self.specs) {
            (Placeholder::Attempt, _) => self.attempt.map(|number| number.to_string()),
            (Placeholder::Slot, _) => self.slot.map(|number| number.to_string()),
            (Placeholder::Browser, _) => self.browser.map(str::to_owned),
            (Placeholder::Tests, _) => self.tests.map(|tests| tests.joined.clone()),
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

/// True when a slot that `wanted` knows is the start of `part`, with nothing done to it that would make a leading dash
/// harmless.
fn begins_with(part: &Template, wanted: impl Fn(&Placeholder) -> bool) -> bool {
    let Some(Piece::Slot { placeholder, filters }) = part.pieces().first() else { return false };
    wanted(placeholder) && filters.iter().all(|filter| matches!(filter, Filter::Glob | Filter::Pattern))
}

/// A path that does not look like an option.
fn no_option(path: String) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path }
}

/// `text` of a recipe as a template.
pub(crate) fn parse(text: &str, place: &str) -> Result<Template, FillError> {
    let wrong = |source| FillError::Template { place: place.to_owned(), text: text.to_owned(), source };
    text.parse().map_err(wrong)
}

pub(crate) fn unicode(path: &Path) -> Result<&str, FillError> {
    path.to_str().ok_or_else(|| FillError::NotUnicode { path: path.to_owned() })
}
