use crate::common::{end_of, follow, run_of, shell_run, submit};
use partd::embedded::{Embedded, EmbeddedOptions};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cost() {
    let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let begun = std::time::Instant::now();
    let mesh = Embedded::start(EmbeddedOptions {
        home: home.path().to_owned(),
        slots: Some(2),
        worker: true,
        program: env!("CARGO_BIN_EXE_partd").into(),
    })
    .await
    .expect("mesh");
    eprintln!("start {:?}", begun.elapsed());
    let names: Vec<String> = (0..n).map(|i| format!("s{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let cpu = || {
        let s = std::fs::read_to_string("/proc/self/stat").unwrap();
        let f: Vec<u64> =
            s.rsplit(')').next().unwrap().split_whitespace().filter_map(|w| w.parse().ok()).collect();
        let st: Vec<String> = s.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect();
        drop(f);
        format!("user {} sys {} cuser {} csys {} (10ms)", st[11], st[12], st[13], st[14])
    };
    let before = cpu();
    let begun = std::time::Instant::now();
    let run = submit(&mesh.channel(), &run_of(workspace.path(), &["true", "{spec}"], &names)).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    eprintln!("{n} specs {:?} each {:?}", begun.elapsed(), begun.elapsed() / n as u32);
    let after = cpu();
    eprintln!("cpu before {before:?} after {after:?}");
    let (_, summary) = end_of(&events);
    eprintln!("{summary:?}");
    let begun = std::time::Instant::now();
    mesh.stop(false).await;
    eprintln!("stop {:?}", begun.elapsed());
    eprintln!("cpu at end {}", cpu());
    for e in walk(home.path()) {
        eprintln!("left {}", e.display());
    }
}
fn walk(p: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut v = vec![];
    for e in std::fs::read_dir(p).unwrap().flatten() {
        if e.path().is_dir() {
            v.extend(walk(&e.path()));
        }
        v.push(e.path());
    }
    v
}
