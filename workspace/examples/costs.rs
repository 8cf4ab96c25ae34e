//! Measures what a workspace costs on this machine: `cargo run --release -p part-workspace --example costs [FOLDER]
//! [FILES]`. The folder decides the disk; without it the system's folder for temporary files is used. Other programs'
//! figures are taken in the same run, where they are installed: `rsync`, `cp`, `git`.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use part_workspace::{Digest, Options, Snapshot, Stamps, lay_out, renew, scan};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Repetitions of what is quick.
const REPEATED: usize = 5;

fn main() -> Outcome {
    let base = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let files: usize = std::env::args().nth(2).map_or(Ok(10_000), |text| text.parse())?;
    let place = tempfile::tempdir_in(base)?;
    let source = place.path().join("source");
    let bytes = make(&source, files)?;
    println!("{files} files, {} MiB\n", bytes >> 20);

    println!("client");
    let (cold, snapshot) = timed(|| pack(&source, &Stamps::default()))?;
    tell("scan and hash, nothing known", cold);
    let store = place.path().join("store");
    let (filling, ()) = timed(|| fill(&store, &source, &snapshot))?;
    let known = settled(&snapshot, place.path())?;
    let unchanged = median(|| timed(|| pack(&source, &known)).map(|(time, _)| time))?;
    tell("the same, nothing changed", unchanged);
    fs::write(source.join("folder-3/file-7"), "changed")?;
    let (one, changed) = timed(|| pack(&source, &known))?;
    tell("the same, one file changed", one);
    fill(&store, &source, &changed)?;
    let manifest = snapshot.manifest.to_bytes();
    println!("  {:<44} {:>9} bytes", "manifest", manifest.len());
    tell(
        "read a manifest",
        median(|| Ok(timed(|| Ok(part_workspace::Manifest::from_bytes(&manifest)?))?.0))?,
    );
    if let Some(first) = rsync(&source, &place.path().join("rsync"))? {
        tell("rsync -a, everything", first);
        let second = median(|| Ok(rsync(&source, &place.path().join("rsync"))?.unwrap_or_default()))?;
        tell("rsync -a, nothing changed", second);
        fs::write(source.join("folder-3/file-8"), "changed")?;
        tell("rsync -a, one file changed", rsync(&source, &place.path().join("rsync"))?.unwrap_or_default());
    }

    println!("worker");
    tell("fill the cache", filling);
    let blob = |digest: &Digest| store.join(digest.to_string());
    let target = place.path().join("target");
    let (laying, stamps) = timed(|| Ok(lay_out(&snapshot.manifest, &blob, &target)?))?;
    tell("lay out anew", laying);
    let (again, (stamps, _)) =
        timed(|| Ok(renew(&snapshot.manifest, &blob, &target, &stamps, &BTreeSet::new())?))?;
    tell("lay out over it at once (all is read)", again);
    let stamps = settled_stamps(&stamps, place.path())?;
    let renewed =
        median(
            || Ok(timed(|| Ok(renew(&snapshot.manifest, &blob, &target, &stamps, &BTreeSet::new())?))?.0),
        )?;
    tell("lay out over it later (nothing is read)", renewed);
    let (one, (_, done)) =
        timed(|| Ok(renew(&changed.manifest, &blob, &target, &stamps, &BTreeSet::new())?))?;
    tell("lay out over it, one file changed", one);
    println!("  {done:?}");
    tell("cp -a", program("cp", &["-a"], &source, &place.path().join("cp"))?);
    tell("cp -al (hard links: unsafe here)", program("cp", &["-al"], &source, &place.path().join("cpl"))?);
    Ok(())
}

fn make(folder: &Path, files: usize) -> Outcome<u64> {
    let mut bytes = 0;
    for number in 0..files {
        let inside = folder.join(format!("folder-{}", number % 100));
        fs::create_dir_all(&inside)?;
        let size = 512 + (number * 7919) % 7680;
        let content = format!("{number} ").repeat(size / 5);
        bytes += content.len() as u64;
        fs::write(inside.join(format!("file-{}", number / 100)), content)?;
    }
    Ok(bytes)
}

fn pack(root: &Path, known: &Stamps) -> Outcome<Snapshot> {
    let begun = Stamps::now();
    let found = scan(root, &Options::default())?;
    Ok(Snapshot::take(root, &found, known, begun)?)
}

/// What is known a while later: what was looked at within two seconds of its last change is not trusted.
fn settled(snapshot: &Snapshot, place: &Path) -> Outcome<Stamps> {
    settled_stamps(&snapshot.stamps, place)
}

fn settled_stamps(stamps: &Stamps, place: &Path) -> Outcome<Stamps> {
    let file = place.join("stamps");
    stamps.clone().looked_later(Duration::from_secs(10)).save(&file)?;
    let (time, loaded) = timed(|| Ok(Stamps::load(&file)))?;
    tell("load stamps", time);
    Ok(loaded)
}

fn fill(store: &Path, source: &Path, snapshot: &Snapshot) -> Outcome {
    fs::create_dir_all(store)?;
    for (digest, (path, _)) in &snapshot.sources {
        let target = store.join(digest.to_string());
        if !target.exists() {
            fs::copy(source.join(path), target)?;
        }
    }
    Ok(())
}

fn rsync(from: &Path, to: &Path) -> Outcome<Option<Duration>> {
    let known = Command::new("rsync").arg("--version").stdout(Stdio::null()).status();
    if !known.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let from = format!("{}/", from.display());
    let (time, status) = timed(|| Ok(Command::new("rsync").args(["-a", &from]).arg(to).status()?))?;
    if status.success() { Ok(Some(time)) } else { Err("rsync failed".into()) }
}

fn program(name: &str, options: &[&str], from: &Path, to: &Path) -> Outcome<Duration> {
    let (time, status) = timed(|| Ok(Command::new(name).args(options).arg(from).arg(to).status()?))?;
    if status.success() { Ok(time) } else { Err(format!("{name} failed").into()) }
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(Duration, T)> {
    let started = Instant::now();
    let done = work()?;
    Ok((started.elapsed(), done))
}

fn median(mut work: impl FnMut() -> Outcome<Duration>) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..REPEATED {
        times.push(work()?);
    }
    times.sort();
    Ok(times[REPEATED / 2])
}

fn tell(what: &str, time: Duration) {
    println!("  {what:<44} {:>9.1} ms", time.as_secs_f64() * 1e3);
}
