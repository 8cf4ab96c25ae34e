//! A project of plain commands whose specs leave a witness.

use crate::{Base, During, Trouble};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a spec does: it writes down that it starts, sleeps, writes down that it ends.
///
/// `$1` is the spec's file, which holds seconds and an exit code, `$2` the attempt's number.
const SCRIPT: &str = r#"read -r seconds code < "$1"
witness="$E2E_WITNESS/$(basename "$1")"
echo "$2 $PART_WORKER start $(date +%s%3N)" >> "$witness"
echo "$1 is tried for the $2. time"
sleep "$seconds"
echo "$2 $PART_WORKER end $(date +%s%3N)" >> "$witness"
exit "$code"
"#;

/// Specs to be made.
#[derive(Clone, Copy, Debug)]
pub struct SpecPlan {
    /// How many.
    pub count: usize,
    /// How long each takes; they differ by up to a half, so that slots do not move in step.
    pub each: Duration,
    /// How many of them fail.
    pub failing: usize,
}

impl SpecPlan {
    /// So many that pass.
    pub fn passing(count: usize, each: Duration) -> SpecPlan {
        SpecPlan { count, each, failing: 0 }
    }
}

/// A folder with `part.toml`, and beside it one for what the specs leave.
#[derive(Clone, Debug)]
pub struct Project {
    /// The workspace.
    pub folder: PathBuf,
    /// Where each spec has a file of what it did.
    pub witness: PathBuf,
    /// The specs, by name, with the exit code of each.
    pub specs: Vec<(String, i32)>,
}

impl Project {
    /// Makes a project of this name.
    pub fn make(base: &Base, name: &str, plan: SpecPlan, lost_after: Duration) -> Result<Project, Trouble> {
        let folder = base.folder(&format!("projects/{name}"))?;
        let witness = base.folder(&format!("witness/{name}"))?;
        base.folder(&format!("projects/{name}/specs"))?;
        // The first folder upwards with a `.git` ends the search for part.toml.
        base.folder(&format!("projects/{name}/.git"))?;
        write(&folder.join("spec.sh"), SCRIPT)?;
        let config = format!(
            "[project]\nname = \"{name}\"\n\n[run]\nlost-after = \"{}ms\"\n\n\
             [suites.all]\nframework = \"generic\"\nspecs = [\"specs/*.txt\"]\n\
             command = [\"sh\", \"spec.sh\", \"{{spec}}\", \"{{attempt}}\"]\n\
             env = {{ E2E_WITNESS = \"{}\" }}\n",
            lost_after.as_millis(),
            witness.display()
        );
        write(&folder.join("part.toml"), &config)?;
        let mut specs = Vec::new();
        for index in 0..plan.count {
            let share = u32::try_from(index % 6).unwrap_or_default();
            let seconds = (plan.each + plan.each / 10 * share).as_secs_f64();
            let code = i32::from(index < plan.failing);
            let spec = format!("specs/{index:03}.txt");
            write(&folder.join(&spec), &format!("{seconds:.3} {code}\n"))?;
            specs.push((spec, code));
        }
        Ok(Project { folder, witness, specs })
    }

    /// Processes of specs of this project that are alive anywhere on this machine: numbers and command lines.
    pub fn alive(&self) -> Vec<String> {
        let mark = format!("E2E_WITNESS={}", self.witness.display());
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let marked = |folder: &Path| {
            // What has gone meanwhile, or is a zombie, has no environment.
            let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let words = |folder: &Path| {
            let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
            format!("{} {}", folder.display(), String::from_utf8_lossy(&line).replace('\0', " "))
        };
        entries.map(|entry| entry.path()).filter(|path| marked(path)).map(|path| words(&path)).collect()
    }
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text).during(format!("writing {}", path.display()))
}
