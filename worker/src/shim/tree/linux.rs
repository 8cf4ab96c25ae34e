//! Finding processes through `/proc`.
//!
//! A number could in theory be given to another process between finding and signalling it. That needs
//! the whole range of numbers to be used up in microseconds; our own children cannot be hit at all,
//! since nobody but us collects them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::{Process, Visit, visited};
use crate::shim::{TAG_VARIABLE, bounds};

/// Orphans come to us: having no children means having no descendants.
pub(crate) const COLLECTS_ORPHANS: bool = true;

/// Makes orphaned descendants our children.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(io::Error::from)
}

/// Descendants of `root`, parents before children, as far as the visitor wants. The tag is not needed
/// here.
pub(crate) fn descendants(root: i32, _tag: &str, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    if has_children_files() { walk(root, visit) } else { descendants_by_parent(root, visit) }
}

/// Processes whose environment carries the tag, and all their descendants.
pub(crate) fn tagged(tag: &str, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    let wanted = format!("{TAG_VARIABLE}={tag}");
    let parents = parents()?;
    let mut members = BTreeSet::new();
    for pid in parents.keys() {
        // Not readable: another user's process, or one that is just ending.
        let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        if environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()) {
            members.insert(*pid);
        }
    }
    Ok(visited(with_descendants(members, &parents), visit))
}

/// The command line of a process, or its bare name, shortened.
pub(crate) fn command(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> =
        bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
    let line = if words.is_empty() {
        match fs::read(format!("/proc/{pid}/comm")) {
            Ok(name) => format!("[{}]", String::from_utf8_lossy(&name).trim_end()),
            Err(_) => "[ended]".to_owned(),
        }
    } else {
        words.join(" ")
    };
    line.chars().take(bounds::MAX_COMMAND_CHARS).collect()
}

/// Threads on the whole host: one cheap read that shows when many processes appear at once.
pub(crate) fn host_threads() -> Option<u64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').nth(3)?.split_once('/')?.1.parse().ok()
}

/// Kernels may be built without the `children` files.
fn has_children_files() -> bool {
    let own = rustix::process::getpid().as_raw_nonzero();
    fs::exists(format!("/proc/{own}/task/{own}/children")).unwrap_or(false)
}

fn walk(root: i32, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    let mut found: Vec<Process> = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut fresh = Vec::new();
    let mut buffer = Vec::new();
    children(root, 0, &mut buffer, &mut fresh)?;
    while let Some(pid) = fresh.pop() {
        if !seen.insert(pid) {
            continue;
        }
        if visit(pid).is_break() {
            break;
        }
        let Some(stat) = stat(pid, &mut buffer) else { continue };
        found.push(stat.process);
        children(pid, stat.threads, &mut buffer, &mut fresh)?;
    }
    Ok(found)
}

/// Adds the children of all threads of a process; a process that is gone has none.
fn children(pid: i32, threads: u32, buffer: &mut Vec<u8>, into: &mut Vec<i32>) -> io::Result<()> {
    if threads == 1 {
        return children_of_thread(format!("/proc/{pid}/task/{pid}/children").as_ref(), buffer, into);
    }
    let threads = match fs::read_dir(format!("/proc/{pid}/task")) {
        Ok(threads) => threads,
        Err(error) => return ended(error),
    };
    for thread in threads {
        match thread {
            Ok(thread) => children_of_thread(&thread.path().join("children"), buffer, into)?,
            Err(error) => return ended(error),
        }
    }
    Ok(())
}

fn children_of_thread(path: &Path, buffer: &mut Vec<u8>, into: &mut Vec<i32>) -> io::Result<()> {
    match read(path, buffer) {
        Ok(()) => {}
        Err(error) => return ended(error),
    }
    let words = buffer.split(u8::is_ascii_whitespace);
    into.extend(words.filter_map(|word| std::str::from_utf8(word).ok()?.parse::<i32>().ok()));
    Ok(())
}

/// Reads a file whose size the system does not tell, without asking for it.
fn read(path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut file = File::open(path)?;
    buffer.clear();
    let mut filled = 0;
    loop {
        buffer.resize((filled + 1024).max(buffer.capacity()), 0);
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

/// Passes over the errors that mean "this process has ended", or is not ours to look into.
fn ended(error: io::Error) -> io::Result<()> {
    let gone = error.raw_os_error() == Some(nix::libc::ESRCH)
        || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied);
    if gone { Ok(()) } else { Err(error) }
}

fn descendants_by_parent(root: i32, visit: &mut Visit<'_>) -> io::Result<Vec<Process>> {
    let mut found = with_descendants(BTreeSet::from([root]), &parents()?);
    found.retain(|process| process.pid != root);
    Ok(visited(found, visit))
}

/// Every process of the host by its number.
fn parents() -> io::Result<BTreeMap<i32, Stat>> {
    let mut all = BTreeMap::new();
    let mut buffer = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if let Some(found) = stat(pid, &mut buffer) {
            all.insert(pid, found);
        }
    }
    Ok(all)
}

/// The members and everything below them, whatever the order of the numbers.
fn with_descendants(mut members: BTreeSet<i32>, all: &BTreeMap<i32, Stat>) -> Vec<Process> {
    loop {
        let more: Vec<i32> = all
            .iter()
            .filter(|(pid, stat)| members.contains(&stat.parent) && !members.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        members.extend(more);
    }
    all.values().map(|stat| stat.process).filter(|process| members.contains(&process.pid)).collect()
}

/// What one line tells about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    process: Process,
    parent: i32,
    threads: u32,
}

/// `None` when the process is gone.
fn stat(pid: i32, buffer: &mut Vec<u8>) -> Option<Stat> {
    read(format!("/proc/{pid}/stat").as_ref(), buffer).ok()?;
    parse_stat(buffer)
}

/// `PID (NAME) STATE PARENT GROUP …`, where the name may hold anything, parentheses included, and the
/// number of threads is the 20th field.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(&line[..open]).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let threads = fields.nth(14)?.parse().ok()?;
    Some(Stat { process: Process { pid, group, zombie }, parent, threads })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::tree::{onward, signal_each};

    #[test]
    fn a_process_name_may_look_like_fields() {
        let rest = "40 0 -1 4194304 88 0 0 0 1 2 0 0 20 0 13 0 5";
        let line = format!("42 (a) Z 1 (b)) S 7 40 {rest}");
        let process = Process { pid: 42, group: 40, zombie: false };
        assert_eq!(parse_stat(line.as_bytes()), Some(Stat { process, parent: 7, threads: 13 }));
        assert_eq!(parse_stat(b"42 (x"), None);
        assert_eq!(parse_stat(b""), None);
        let zombie = format!("9 (sh) Z 1 9 {rest}");
        assert!(parse_stat(zombie.as_bytes()).is_some_and(|stat| stat.process.zombie));
    }

    #[test]
    fn our_own_line_is_understood() {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let found = stat(own, &mut Vec::new());
        let threads = fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(0);
        assert!(found.is_some_and(|stat| stat.process.pid == own && stat.threads > 0 && threads > 0));
    }

    #[test]
    fn both_ways_find_the_same_descendants() -> io::Result<()> {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 1000 & echo ready; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()?;
        let mut line = [0; 6];
        child.stdout.take().map_or(Ok(()), |mut out| out.read_exact(&mut line))?;
        let root = i32::try_from(child.id()).unwrap_or(0);
        let mut walked = walk(root, &mut onward)?;
        let mut scanned = descendants_by_parent(root, &mut onward)?;
        walked.sort_by_key(|process| process.pid);
        scanned.sort_by_key(|process| process.pid);
        let own_group = nix::unistd::getpgrp().as_raw();
        signal_each(&walked, rustix::process::Signal::KILL, own_group);
        child.wait()?;
        assert_eq!(walked.len(), 1);
        assert_eq!(walked, scanned);
        Ok(())
    }

    #[test]
    fn descent_does_not_depend_on_the_order_of_numbers() {
        let line = |pid, parent| {
            let process = Process { pid, group: 1, zombie: false };
            (pid, Stat { process, parent, threads: 1 })
        };
        let all = BTreeMap::from([line(3, 9), line(5, 3), line(9, 1), line(10, 2)]);
        let found = with_descendants(BTreeSet::from([9]), &all);
        assert_eq!(found.iter().map(|process| process.pid).collect::<Vec<_>>(), [3, 5, 9]);
    }
}
