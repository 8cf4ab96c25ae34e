//! A project with its own home for one test; gone with the test, and with it everything it started.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything here takes on a crowded machine; a test that gets there has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace and a home.
pub(crate) struct Project {
    workspace: TempDir,
    home: TempDir,
}

impl Project {
    /// A project whose one suite runs `s/*.sh` with `sh`; `more` goes into that suite.
    pub(crate) fn of_scripts(scripts: &[(&str, &str)], more: &str) -> Project {
        let project = Project::with_config(&format!(
            "[project]\nname = \"test\"\n[suites.sh]\nframework = \"generic\"\nspecs = [\"s/*.sh\"]\n\
             command = [\"sh\", \"{{spec}}\"]\n{more}\n[groups.all]\nsuite = \"sh\"\n"
        ));
        for (name, script) in scripts {
            project.write(&format!("s/{name}.sh"), script);
        }
        project
    }

    pub(crate) fn with_config(config: &str) -> Project {
        let folder = || tempfile::tempdir().expect("a folder");
        let project = Project { workspace: folder(), home: folder() };
        project.write("part.toml", config);
        project
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.workspace().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.workspace().join(name)
    }

    /// `partctl` in this project, without whatever the test's own environment says.
    pub(crate) fn partctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partctl"));
        // What the test's own environment says about a CI build would make runs of one build of it.
        let kept = ["PATH", "HOME", "USER", "TMPDIR"].into_iter();
        command
            .args(arguments)
            .current_dir(self.workspace())
            .env_clear()
            .envs(kept.filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("PART_HOME", self.home())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.partctl(arguments).output().expect("partctl runs"))
    }

    /// The lines that specs appended to a file of the workspace, sorted.
    pub(crate) fn witness(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("witness")).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    pub(crate) fn wait_for_witness(&self, lines: usize) {
        wait_until(&format!("{lines} lines of witness"), || self.witness().len() >= lines);
    }

    /// Waits until no process works in this workspace any more.
    pub(crate) fn wait_until_quiet(&self) {
        let real = self.workspace().canonicalize().expect("the workspace");
        wait_until("every spec's processes are gone", || processes_in(&real).is_empty());
    }
}

/// What `partctl` said, and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Fails the test with everything that was said, unless the code is this one.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn expect(self, part: &str) -> Said {
        let found = self.out.contains(part) || self.err.contains(part);
        assert!(found, "{part:?} is not in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes whose working folder is `folder`, by `/proc`; none where there is no such thing.
fn processes_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    entries.filter(inside).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
