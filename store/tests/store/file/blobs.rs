//! Blobs in a folder: leftovers, damage, other processes.

use super::child::{Helper, say};
use bytes::Bytes;
use futures::TryStreamExt;
use part_store::{BlobError, BlobStore, DiskBlobs, Durability, PutOptions, Shelf, put_bytes, read_to_end};
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

const ANY: PutOptions = PutOptions { expected: None, limit: 1 << 30, durability: Durability::Lazy };

fn unfinished(folder: &Path) -> usize {
    fs::read_dir(folder.join("tmp")).expect("the folder").count()
}

/// A child that has begun a blob and then waits to be killed.
pub(crate) async fn hold_a_blob(folder: &Path) {
    let blobs = DiskBlobs::open(folder).await.expect("blobs");
    let mut writer = blobs.put(ANY).await.expect("a writer");
    writer.write(vec![1; 1 << 20].into()).await.expect("a write");
    say("held");
    // Ends with the parent's word, or with the parent.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a word");
    std::process::exit(0);
}

#[tokio::test]
async fn leftovers_of_dead_writers_are_swept_and_the_living_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Helper::start("hold", folder.path(), &[]).expect("a child");
    child.said("held").expect("a child that writes");
    fs::write(folder.path().join("tmp/1-leftover"), "half").expect("a file");
    let blobs = DiskBlobs::open(folder.path()).await.expect("blobs");
    assert_eq!(unfinished(folder.path()), 1, "the child is still writing");

    let mut own = blobs.put(ANY).await.expect("a writer");
    own.write(vec![2; 300 << 10].into()).await.expect("a write");
    child.kill();
    child.wait();
    DiskBlobs::open(folder.path()).await.expect("blobs");
    assert_eq!(unfinished(folder.path()), 1, "only ours is left");
    let put = own.finish().await.expect("a blob");
    assert_eq!((put.bytes, unfinished(folder.path())), (300 << 10, 0));
}

#[tokio::test]
async fn a_damaged_blob_says_so_and_is_mended_by_putting_it_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = DiskBlobs::open(folder.path()).await.expect("blobs");
    let content = Bytes::from(vec![3; 700 << 10]);
    let put = put_bytes(&blobs, content.clone(), ANY).await.expect("a blob");
    let text = put.digest.to_string();
    let path = folder.path().join(&text[..2]).join(&text[2..]);
    for damaged in [vec![3; 100], Vec::new(), vec![4; 700 << 10]] {
        fs::write(&path, damaged).expect("damage");
        let opened = blobs.get(put.digest, None).await.expect("the blob");
        let error = read_to_end(opened.stream).await.expect_err("damage");
        assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&text[2..]), "{error}");
        put_bytes(&blobs, content.clone(), ANY).await.expect("a blob");
        let opened = blobs.get(put.digest, None).await.expect("the blob");
        assert!(read_to_end(opened.stream).await.expect("its bytes") == content);
    }
}

#[tokio::test]
async fn an_unusable_folder_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = DiskBlobs::open(file.join("blobs")).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::Inaccessible { .. }), "{error}");
    assert!(error.to_string().contains("file/blobs"), "{error}");
}

#[tokio::test]
async fn a_shared_folder_has_one_id_however_many_open_it_at_once() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let opened = futures::future::join_all((0..8).map(|_| DiskBlobs::open_shared(folder.path()))).await;
    let ids: Vec<_> = opened.into_iter().map(|opened| opened.expect("blobs").1).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 32), "{ids:?}");
    let (blobs, id) = DiskBlobs::open_shared(folder.path()).await.expect("blobs");
    assert_eq!((id, unfinished(folder.path())), (ids[0].clone(), 0));
    assert_ne!(DiskBlobs::open_shared(other.path()).await.expect("blobs").1, ids[0]);
    let put = put_bytes(&blobs, Bytes::from_static(b"shared"), ANY).await.expect("a blob");
    let entries: Vec<_> = blobs.list(Shelf::Kept).try_collect().await.expect("a listing");
    assert_eq!(entries.iter().map(|entry| entry.digest).collect::<Vec<_>>(), [put.digest]);
}

#[tokio::test]
async fn a_shared_folder_that_is_not_mounted_or_damaged_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("mount");
    let error = DiskBlobs::open_shared(&missing).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::Inaccessible { .. }), "{error}");
    assert!(super::refusals::chain(&error).contains("mount the shared folder there first"));
    assert!(!missing.exists(), "none is made up");
    fs::write(folder.path().join("part-blobs.id"), "").expect("a file");
    let error = DiskBlobs::open_shared(folder.path()).await.expect_err("a refusal");
    let text = super::refusals::chain(&error);
    assert!(text.contains("part-blobs.id") && text.contains("remove the file"), "{text}");
}

#[tokio::test]
async fn leftovers_of_other_hosts_are_swept_by_age() {
    let folder = tempfile::tempdir().expect("a folder");
    DiskBlobs::open_shared(folder.path()).await.expect("blobs");
    for (name, hours) in [("young", 1), ("old", 48)] {
        let file = File::create(folder.path().join("tmp").join(name)).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).expect("a time");
    }
    DiskBlobs::open_shared(folder.path()).await.expect("blobs");
    assert!(
        folder.path().join("tmp/young").exists(),
        "its writer may be on a host whose locks we do not see"
    );
    assert_eq!(unfinished(folder.path()), 1);
}

#[tokio::test]
async fn what_is_no_blob_is_not_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = DiskBlobs::open(folder.path()).await.expect("blobs");
    let put = put_bytes(&blobs, Bytes::from_static(b"listed"), ANY).await.expect("a blob");
    for name in ["00/notes.txt", "zz/other", &format!("{}/short", &put.digest.to_string()[..2])] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "foreign").expect("a file");
    }
    let entries: Vec<_> = blobs.list(Shelf::Kept).try_collect().await.expect("a listing");
    assert_eq!(
        entries.iter().map(|entry| (entry.digest, entry.bytes)).collect::<Vec<_>>(),
        [(put.digest, 6)]
    );
}
