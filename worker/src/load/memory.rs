//! Whether there is memory left for more than the worker's own slots.

use crate::bounds;
use std::path::{Path, PathBuf};

/// What the machine says about its memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Bytes that can be had without swapping, and all that there are: of the machine, or of the control group that this
    /// process is in where that is tighter.
    pub(crate) room: Option<(u64, u64)>,
    /// Share of the last ten seconds in which something waited for memory, in percent.
    pub(crate) stalled: Option<f64>,
}

/// Tells whether memory is scarce. Once it was, more must be free before it is not: no flapping.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    scarce: bool,
}

impl Guard {
    /// What is scarce now, in words; none when nothing is.
    pub(crate) fn judge(&mut self, reading: Reading) -> Option<String> {
        let low = reading.room.filter(|(free, all)| *free < self.floor(*all));
        let most = if self.scarce { bounds::MEMORY_STALL_OVER } else { bounds::MEMORY_STALL };
        let stalled = reading.stalled.filter(|stalled| *stalled > most);
        let words = match (low, stalled) {
            (Some((free, all)), _) => {
                Some(format!("memory is low: {} available of {}", bytes(free), bytes(all)))
            }
            (None, Some(stalled)) => {
                Some(format!("memory is low: something waited for it {stalled:.0} % of the last ten seconds"))
            }
            (None, None) => None,
        };
        self.scarce = words.is_some();
        words
    }

    fn floor(&self, all: u64) -> u64 {
        let floor = bounds::MEMORY_LOW.max(all / bounds::MEMORY_LOW_PART);
        // A machine that has hardly more than that at all is judged by its own size.
        let floor = floor.min(all / 4);
        if self.scarce { floor + floor / 2 } else { floor }
    }
}

fn bytes(bytes: u64) -> String {
    match bytes >> 20 {
        mib if mib < 10 * 1024 => format!("{mib} MiB"),
        mib => format!("{} GiB", (mib + 512) / 1024),
    }
}

impl Reading {
    /// Looks at the machine. What it does not tell is left out.
    pub(crate) fn take() -> Reading {
        Reading::of(Path::new("/"))
    }

    /// The same with another root, for tests.
    fn of(root: &Path) -> Reading {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).ok();
        let machine = text("proc/meminfo").and_then(|text| machine(&text));
        let groups = text("proc/self/cgroup").map(|text| groups(root, &text)).unwrap_or_default();
        let tightest =
            groups.iter().filter_map(|group| group.room()).chain(machine).min_by_key(|(free, _)| *free);
        Reading { room: tightest, stalled: text("proc/pressure/memory").and_then(|text| stalled(&text)) }
    }
}

/// `MemAvailable` and `MemTotal`.
fn machine(text: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some((field("MemAvailable:")?, field("MemTotal:")?))
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=5726277`: the first number.
fn stalled(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("avg10=")?.parse().ok())
}

/// A control group that bounds this process's memory.
struct Group {
    folder: PathBuf,
    /// Names of the files with the limit, the use, and the key in `memory.stat` of what can be had back.
    files: [&'static str; 3],
}

/// The group that this process is in and all groups above it, of both versions.
fn groups(root: &Path, text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, files) = match controllers {
            "" => ("sys/fs/cgroup", ["memory.max", "memory.current", "inactive_file"]),
            of if of.split(',').any(|controller| controller == "memory") => (
                "sys/fs/cgroup/memory",
                ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"],
            ),
            _ => continue,
        };
        let (mount, inside) = (root.join(mount), path.trim_start_matches('/'));
        // Inside of a container the path may be the host's, and the group itself is mounted at the top.
        for folder in Path::new(inside).ancestors().take(bounds::CONTROL_GROUPS) {
            groups.push(Group { folder: mount.join(folder), files });
        }
    }
    groups
}

impl Group {
    /// Bytes that can be had and that there are; none where it has no limit.
    fn room(&self) -> Option<(u64, u64)> {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).ok();
        let [limit, used, returned] = self.files;
        let limit: u64 = read(limit)?.trim().parse().ok()?;
        // Version 1 writes the largest number of pages for no limit.
        if limit >= u64::MAX / 4 {
            return None;
        }
        let used: u64 = read(used)?.trim().parse().ok()?;
        // Files in the page cache count as used, but are given up when memory is wanted.
        let stat = read("memory.stat").unwrap_or_default();
        let back = stat.lines().find_map(|line| line.strip_prefix(returned)?.trim().parse::<u64>().ok());
        Some((limit.saturating_sub(used.saturating_sub(back.unwrap_or(0))), limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn room(free: u64, all: u64) -> Reading {
        Reading { room: Some((free, all)), stalled: None }
    }

    #[test]
    fn memory_is_scarce_until_there_is_clearly_more() {
        let mut guard = Guard::default();
        assert_eq!(guard.judge(room(900 * MIB, 16 * GIB)), None);
        let said = guard.judge(room(800 * MIB, 16 * GIB)).expect("a twentieth");
        assert_eq!(said, "memory is low: 800 MiB available of 16 GiB");
        assert!(guard.judge(room(900 * MIB, 16 * GIB)).is_some(), "not yet");
        assert_eq!(guard.judge(room(1300 * MIB, 16 * GIB)), None);
        assert!(guard.judge(room(200 * MIB, 2 * GIB)).is_some(), "a small machine needs its 256 MiB");
        assert_eq!(Guard::default().judge(room(200 * MIB, 512 * MIB)), None, "a tiny one cannot");
        assert!(Guard::default().judge(room(100 * MIB, 512 * MIB)).is_some());
        assert_eq!(Guard::default().judge(Reading::default()), None, "nothing is known");
    }

    #[test]
    fn waiting_for_memory_counts_too() {
        let mut guard = Guard::default();
        let stalled = |percent| Reading { room: Some((8 * GIB, 16 * GIB)), stalled: Some(percent) };
        assert_eq!(guard.judge(stalled(20.0)), None);
        let said = guard.judge(stalled(31.4)).expect("too much");
        assert_eq!(said, "memory is low: something waited for it 31 % of the last ten seconds");
        assert!(guard.judge(stalled(15.0)).is_some(), "not yet");
        assert_eq!(guard.judge(stalled(9.0)), None);
    }

    /// A machine as it shows itself in files.
    fn told(files: &[(&str, &str)]) -> Reading {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
            std::fs::write(file, text).expect("a file");
        }
        Reading::of(root.path())
    }

    #[test]
    fn the_tightest_limit_counts() {
        let meminfo =
            ("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n");
        assert_eq!(told(&[]), Reading::default());
        let pressure =
            ("proc/pressure/memory", "some avg10=2.50 avg60=0.00 total=5\nfull avg10=1.00 total=1\n");
        let reading = told(&[meminfo, pressure]);
        assert_eq!(reading, Reading { room: Some((8 * GIB, 16 * GIB)), stalled: Some(2.5) });
        let second = [
            meminfo,
            ("proc/self/cgroup", "0::/slice/unit\n"),
            ("sys/fs/cgroup/slice/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/slice/memory.current", "1000000000\n"),
            ("sys/fs/cgroup/slice/memory.stat", "anon 1\ninactive_file 500000000\n"),
            ("sys/fs/cgroup/slice/unit/memory.max", "max\n"),
        ];
        assert_eq!(told(&second).room, Some((GIB - 500_000_000, GIB)));
        let first = [
            meminfo,
            ("proc/self/cgroup", "9:name=systemd:/\n4:memory:/docker/abc\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n"),
        ];
        assert_eq!(told(&first).room, Some((GIB, 2 * GIB)), "mounted at the top");
        let unlimited = [
            meminfo,
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
        ];
        assert_eq!(told(&unlimited).room, Some((8 * GIB, 16 * GIB)));
    }
}
