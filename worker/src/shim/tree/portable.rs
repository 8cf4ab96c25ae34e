//! Finding processes with `ps`, for systems without subreapers and `/proc`.
//!
//! A member is a process below the shim, or one whose environment shows the tag, or one below such a
//! process. Orphans that cleared their environment are not found, nor those whose environment the system
//! hides (macOS does for its own programs). One look costs some 10 ms.

use std::collections::BTreeSet;
use std::io;
use std::process::{Command, Stdio};

use super::{Process, Visit, visited};
use crate::shim::{TAG_VARIABLE, bounds};

/// Orphans go to init, so having no children says little.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "compiled here for its tests only"))]
pub(crate) const COLLECTS_ORPHANS: bool = false;

/// How to make `ps` show environments.
const WITH_ENVIRONMENT: &str = if cfg!(target_vendor = "apple") { "-axwwE" } else { "axwwe" };

#[derive(Debug, PartialEq, Eq)]
struct Row {
    pid: i32,
    parent: i32,
    group: i32,
    zombie: bool,
    /// Command line, followed by the environment.
    command: String,
}

/// There are no subreapers here.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "compiled here for its tests only"))]
#[expect(clippy::unnecessary_wraps, reason = "one signature for all platforms")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// Descendants of `root` and processes with the tag.
pub(crate) fn descendants(root: i32, tag: &str, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    Ok(visited(members(&list()?, Some(root), tag), visit))
}

/// Processes whose environment shows the tag, and all their descendants.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "compiled here for its tests only"))]
pub(crate) fn tagged(tag: &str, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    Ok(visited(members(&list()?, None, tag), visit))
}

/// The command line of a process, shortened.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "compiled here for its tests only"))]
pub(crate) fn command(pid: i32) -> String {
    let output = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
    let line = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match line {
        Ok(line) if !line.is_empty() => line.chars().take(bounds::MAX_COMMAND_CHARS).collect(),
        Ok(_) | Err(_) => "[ended]".to_owned(),
    }
}

/// Not known cheaply here.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "compiled here for its tests only"))]
pub(crate) fn host_threads() -> Option<u64> {
    None
}

fn list() -> io::Result<Vec<Row>> {
    let ps = Command::new("ps")
        .args([WITH_ENVIRONMENT, "-o", "pid=,ppid=,pgid=,stat=,command="])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let itself = i32::try_from(ps.id()).unwrap_or(0);
    let output = ps.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("ps ended with {}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(parse).filter(|row| row.pid != itself).collect())
}

fn parse(line: &str) -> Option<Row> {
    let mut rest = line;
    let mut field = || {
        let start = rest.trim_start();
        let end = start.find(char::is_whitespace).unwrap_or(start.len());
        let (word, tail) = start.split_at(end);
        rest = tail;
        word
    };
    let pid = field().parse().ok()?;
    let parent = field().parse().ok()?;
    let group = field().parse().ok()?;
    let zombie = field().starts_with('Z');
    Some(Row { pid, parent, group, zombie, command: rest.trim_start().to_owned() })
}

fn members(rows: &[Row], root: Option<i32>, tag: &str) -> Vec<Process> {
    let wanted = format!("{TAG_VARIABLE}={tag}");
    let mut inside: BTreeSet<i32> = rows
        .iter()
        .filter(|row| row.command.split_ascii_whitespace().any(|word| word == wanted))
        .map(|row| row.pid)
        .chain(root)
        .collect();
    loop {
        let more: Vec<i32> = rows
            .iter()
            .filter(|row| inside.contains(&row.parent) && !inside.contains(&row.pid))
            .map(|row| row.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        inside.extend(more);
    }
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    rows.iter()
        .filter(|row| inside.contains(&row.pid) && Some(row.pid) != root && row.pid != own)
        .map(|row| Process { pid: row.pid, group: row.group, zombie: row.zombie })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::tree::onward;

    #[test]
    fn members_are_found_by_tag_and_by_descent() {
        let text = "  10  1  10 Ss   partd --shim\n  11 10 11 S sh -c x PATH=/bin PART_SHIM_TAG=t1 A=b\n\
                    \x20 12 1 12 Z+ chrome\n  13 12 13 S helper\n 14 1 14 S daemon PART_SHIM_TAG=t1\n\
                    \x20 15 14 14 S below\n 16 1 16 S other PART_SHIM_TAG=t12\n nonsense\n";
        let rows: Vec<Row> = text.lines().filter_map(parse).collect();
        let pids = |root| members(&rows, root, "t1").iter().map(|process| process.pid).collect::<Vec<_>>();
        assert_eq!(rows.len(), 7);
        assert!(rows[2].zombie);
        assert_eq!(pids(None), [11, 14, 15]);
        assert_eq!(pids(Some(10)), [11, 14, 15]);
        assert_eq!(pids(Some(12)), [11, 13, 14, 15]);
    }

    /// The format is the one thing that must be right on every system.
    #[test]
    fn the_real_ps_is_understood() -> io::Result<()> {
        if Command::new("ps").arg("-V").output().is_err() {
            return Ok(());
        }
        let tag = format!("portable-{}", std::process::id());
        let mut child = Command::new("sleep").arg("1000").env(TAG_VARIABLE, &tag).spawn()?;
        let found = descendants(0, &tag, &mut onward);
        let rows = list();
        child.kill()?;
        child.wait()?;
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        assert!(!rows?.iter().any(|row| row.parent == own && row.command.starts_with("ps ")), "lists itself");
        assert!(found?.iter().any(|process| process.pid == pid && !process.zombie));
        Ok(())
    }
}
