//! What one wants to do, and so what has to be there.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::project::Project;

/// Ordered: the tests need all that the demo needs, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Run the example.
    Demo,
    /// Run every test.
    Test,
}

impl Purpose {
    /// `demo` or `test`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "demo" => Some(Self::Demo),
            "test" => Some(Self::Test),
            _ => None,
        }
    }

    /// The folders whose JavaScript and Python packages are needed.
    pub(crate) fn suites(self, project: &Project) -> Result<Vec<PathBuf>, Failure> {
        let mut folders = vec![project.shop()];
        if self >= Self::Test {
            folders.extend(project.suites()?);
        }
        Ok(folders)
    }
}
