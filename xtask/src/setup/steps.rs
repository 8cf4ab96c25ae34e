//! The order of installing.

use super::{Purpose, browser, nextest, node, python, system};
use crate::failure::Failure;
use crate::project::Project;

/// Installs everything that is missing for this purpose.
pub(crate) fn run(project: &Project, purpose: Purpose) -> Result<(), Failure> {
    let suites = purpose.suites(project)?;
    system::install_missing(project, purpose)?;
    python::ensure_venv(project)?;
    python::install_requirements(project, &suites)?;
    node::ensure_node(project)?;
    node::install_packages(project, &suites)?;
    browser::ensure_browser(project)?;
    nextest::ensure_nextest(project, purpose)
}
