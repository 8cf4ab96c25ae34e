//! Blobs in a folder: leftovers, damage, other processes.

use super::child::{Helper, say};
use bytes::Bytes;
use part_store::{BlobError, BlobStore, DiskBlobs, Durability, PutOptions, put_bytes, read_to_end};
use std::fs;
use std::path::Path;

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
