//! Full and read-only disks: a small file system of its own, in a mount namespace that ends with the child.

use super::child::{Helper, say};
use super::refusals::chain;
use crate::fixture::{Ledger, read_all, term};
use part_core::AttemptVerdict;
use part_store::{
    BlobError, CommitError, DiskBlobs, Durability, PutOptions, Realm, SqliteStore, Store, StoreError,
    put_bytes, read_to_end,
};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Runs a role as root of its own mount namespace, or says why that is not possible here.
fn in_a_namespace(role: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let wrapper = ["unshare", "--user", "--map-root-user", "--mount", "--"];
    let mut skipped = String::from("there is no `unshare` here");
    // Root may lack user namespaces, others need them.
    for wrapper in [&wrapper[..], &["unshare", "--mount", "--"]] {
        let Ok(mut child) = Helper::start(role, folder.path(), wrapper) else { continue };
        match child.said("role ") {
            Some(outcome) if outcome == "done" => {
                assert!(child.wait().success());
                return;
            }
            Some(outcome) => skipped = outcome,
            // It came as far as our own program, which failed or did nothing.
            None if matches!(child.wait().code(), Some(0 | 101)) => {
                unreachable!("the child failed, see above")
            }
            None => skipped = String::from("no mount namespace can be made here"),
        }
    }
    // Not `eprintln!`: the message must be seen although the test passes.
    writeln!(std::io::stderr(), "skipped a test of a {role} disk: {skipped}").expect("stderr");
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let done = Command::new("mount").args(arguments).arg(folder).output();
    let failed = match done {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    say(&format!("role {failed}"));
    false
}

#[test]
fn a_full_disk_stops_writing_only() {
    in_a_namespace("full");
}

#[test]
fn a_read_only_folder_is_named() {
    in_a_namespace("readonly");
}

/// Fills the disk, expects writing to fail and reading to go on, frees it and expects writing to go on.
pub(crate) async fn in_a_full_disk(folder: &Path) {
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], folder) {
        return;
    }
    let path = folder.join("part.db");
    let store = SqliteStore::open(&path).await.expect("a store");
    let blobs = DiskBlobs::open(folder.join("blobs")).await.expect("blobs");
    let options = PutOptions { expected: None, limit: 1 << 30, durability: Durability::Synced };
    let kept = put_bytes(&blobs, vec![7; 1000].into(), options).await.expect("a blob");
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).expect("ballast");

    let realm = Realm::mesh();
    let term = term(&store, &realm).await;
    let mut ledger = Ledger::new(1, "shop");
    let mut committed = vec![ledger.opened()];
    store.commit(&realm, term, &committed).await.expect("a commit");
    let (error, refused) = loop {
        let name = format!("{} {}", ledger.number, "x".repeat(20_000));
        let batch: Vec<_> =
            (1..5).map(|number| ledger.ended(&name, number, 100, AttemptVerdict::Passed)).collect();
        match store.commit(&realm, term, &batch).await {
            Ok(()) => committed.extend(batch),
            Err(error) => break (error, batch),
        }
        assert!(committed.len() < 10_000, "the disk does not fill");
    };
    let text = chain(&error);
    assert!(
        matches!(&error, CommitError::Store(full @ StoreError::Full { .. }) if full.is_temporary()),
        "{text}"
    );
    assert!(text.contains("part.db") && text.contains("no room is left"), "{text}");
    for _ in 0..3 {
        let again = store.commit(&realm, term, &refused).await.expect_err("the disk is still full");
        assert!(matches!(again, CommitError::Store(StoreError::Full { .. })), "{}", chain(&again));
    }
    assert!(read_all(&store, ledger.run, 100).await == committed, "reading goes on");
    let row = store.run_row(ledger.run).await.expect("a row").expect("the run");
    assert_eq!(row.progress.last_number, committed.len() as u64);

    let error = put_bytes(&blobs, vec![8; 8 << 20].into(), options).await.expect_err("no room");
    let text = chain(&error);
    assert!(matches!(error, BlobError::Full { .. }) && text.contains("blobs/tmp"), "{text}");
    assert_eq!(fs::read_dir(folder.join("blobs/tmp")).expect("the folder").count(), 0);
    let content = part_store::BlobStore::get(&blobs, kept.digest, None).await.expect("a blob");
    assert_eq!(read_to_end(content.stream).await.expect("its bytes"), [7; 1000]);

    fs::remove_file(ballast).expect("room");
    store.commit(&realm, term, &refused).await.expect("a commit once there is room");
    committed.extend(refused);
    assert!(read_all(&store, ledger.run, 100).await == committed);
    store.close().await;
    say("role done");
}

pub(crate) async fn in_a_read_only_folder(folder: &Path) {
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], folder) {
        return;
    }
    let store = SqliteStore::open(folder.join("part.db")).await.expect("a store");
    term(&store, &Realm::mesh()).await;
    store.close().await;
    if !mount(&["-o", "remount,ro"], folder) {
        return;
    }
    for name in ["part.db", "new.db", "new/part.db"] {
        let error = match SqliteStore::open(folder.join(name)).await {
            Ok(store) => {
                let holder = part_store::Holder("{}".to_owned());
                store.begin_term(&Realm::mesh(), &holder, part_core::Term(0)).await.expect_err("a refusal")
            }
            Err(error) => error,
        };
        let text = chain(&error);
        assert!(matches!(error, StoreError::Inaccessible { .. }), "{text}");
        assert!(text.contains(name) && text.contains("yours to write"), "{text}");
    }
    let error = DiskBlobs::open(folder.join("blobs")).await.expect_err("a refusal");
    assert!(
        matches!(error, BlobError::Inaccessible { .. }) && chain(&error).contains("blobs"),
        "{}",
        chain(&error)
    );
    say("role done");
}
