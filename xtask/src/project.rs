//! Where things are: the workspace, the example, the test suites, and the tools that setup installs.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::failure::Failure;
use crate::json;

/// The workspace, with a shell whose `PATH` finds the installed tools first.
pub(crate) struct Project {
    root: PathBuf,
    shell: Shell,
}

impl Project {
    /// The workspace that this program was built from.
    pub(crate) fn find() -> Result<Self, Failure> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir
            .parent()
            .filter(|root| root.join("Cargo.toml").is_file())
            .ok_or_else(|| {
                Failure::new(format!("{} is not a folder of the workspace", manifest_dir.display()))
            })?
            .to_path_buf();
        let shell = Shell::new()?;
        shell.change_dir(&root);
        let project = Self { root, shell };
        project.shell.set_var("PATH", project.path_with_tools()?);
        Ok(project)
    }

    /// Runs commands from the root of the workspace.
    pub(crate) fn shell(&self) -> &Shell {
        &self.shell
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that setup installs for this project alone.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/part-tools")
    }

    /// The Python environment with pytest.
    pub(crate) fn venv(&self) -> PathBuf {
        self.tools().join("venv")
    }

    /// The example that the demo runs.
    pub(crate) fn shop(&self) -> PathBuf {
        self.root.join("examples/shop")
    }

    /// The small suites on which the frameworks are tried, one folder each, in the order of their names.
    pub(crate) fn suites(&self) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.root.join("tests/suites");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut suites = self.shell.read_dir(folder)?;
        suites.retain(|path| path.is_dir());
        suites.sort();
        Ok(suites)
    }

    /// `PATH` with the installed tools first: node and npm, then the Python environment, then what there was.
    pub(crate) fn path_with_tools(&self) -> Result<OsString, Failure> {
        let before = env::var_os("PATH").unwrap_or_default();
        let own = [self.tools().join("bin"), self.venv().join("bin")];
        let others = env::split_paths(&before).filter(|path| !own.contains(path));
        env::join_paths(own.iter().cloned().chain(others)).map_err(|error| {
            Failure::new(format!("cannot put {} on the PATH: {error}", self.tools().display()))
        })
    }

    /// What `cargo metadata` says about the workspace itself.
    pub(crate) fn metadata(&self) -> Result<json::Value, Failure> {
        let sh = &self.shell;
        let text = cmd!(sh, "cargo metadata --no-deps --format-version 1").quiet().read()?;
        json::parse(&text)
            .map_err(|error| Failure::new(format!("cannot read what cargo metadata printed: {error}")))
    }

    /// The folder of the built programs: `target/debug`, or wherever cargo was told to build.
    pub(crate) fn built(&self) -> Result<PathBuf, Failure> {
        let metadata = self.metadata()?;
        let target = metadata
            .get("target_directory")
            .and_then(json::Value::text)
            .ok_or_else(|| Failure::new("cargo metadata names no target directory"))?;
        Ok(Path::new(target).join("debug"))
    }
}
