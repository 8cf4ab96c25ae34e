//! What every store of blobs must do.

use super::factory::BlobFactory;
use bytes::Bytes;
use part_store::{BlobError, Digest, Durability, PutOptions, put_bytes, read_to_end};

const ANY: PutOptions = PutOptions { expected: None, limit: 1 << 30, durability: Durability::Synced };

fn bytes(size: usize) -> Bytes {
    (0..size).map(|place| (place % 251) as u8).collect::<Vec<u8>>().into()
}

pub(crate) async fn what_is_put_comes_back(factory: &impl BlobFactory) {
    let (store, other) = (factory.blobs().await, factory.blobs().await);
    for size in [0, 1, 4096, 256 << 10, (1 << 20) + 17] {
        let content = bytes(size);
        let mut writer =
            store.put(PutOptions { durability: Durability::Lazy, ..ANY }).await.expect("a writer");
        let mut rest = content.clone();
        while !rest.is_empty() {
            writer.write(rest.split_to(rest.len().min(10_007))).await.expect("a write");
        }
        assert_eq!(
            store.size(Digest::of(&content)).await.expect("a size"),
            None,
            "not before it is finished"
        );
        let put = writer.finish().await.expect("a blob");
        assert_eq!((put.digest, put.bytes), (Digest::of(&content), size as u64));
        let again = PutOptions { expected: Some(put.digest), ..ANY };
        assert_eq!(put_bytes(&*other, content.clone(), again).await.expect("a blob"), put);
        let opened = other.get(put.digest, None).await.expect("the blob");
        assert_eq!(opened.size, size as u64);
        assert!(read_to_end(opened.stream).await.expect("the bytes") == content, "{size}");
        assert_eq!(other.size(put.digest).await.expect("a size"), Some(size as u64));
    }
}

pub(crate) async fn ranges_are_cut_to_size(factory: &impl BlobFactory) {
    let store = factory.blobs().await;
    let content = bytes(600 << 10);
    let digest = put_bytes(&*store, content.clone(), ANY).await.expect("a blob").digest;
    let size = content.len();
    #[expect(clippy::reversed_empty_ranges, reason = "a client may send it")]
    let table = [
        (0..10, 0..10),
        (5..5, 0..0),
        (size - 3..size + 100, size - 3..size),
        (size..usize::MAX, 0..0),
        (1..size, 1..size),
        (300 << 10..400 << 10, 300 << 10..400 << 10),
        (10..5, 0..0),
        (size + 7..size + 9, 0..0),
    ];
    for (asked, expected) in table {
        let range = asked.start as u64..asked.end as u64;
        let opened = store.get(digest, Some(range)).await.expect("the blob");
        assert_eq!(opened.size, size as u64, "the size is that of the whole blob");
        assert!(read_to_end(opened.stream).await.expect("the bytes") == content[expected], "{asked:?}");
    }
}

pub(crate) async fn too_large_or_wrong_leaves_nothing(factory: &impl BlobFactory) {
    let store = factory.blobs().await;
    let content = bytes(1 << 20);
    let digest = Digest::of(&content);
    let small = PutOptions { limit: (1 << 20) - 1, ..ANY };
    let error = put_bytes(&*store, content.clone(), small).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::TooLarge { limit } if limit == small.limit), "{error}");
    let wrong = PutOptions { expected: Some(Digest::of(b"other")), ..ANY };
    let error = put_bytes(&*store, content.clone(), wrong).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::WrongDigest { found, .. } if found == digest), "{error}");
    let mut dropped = store.put(ANY).await.expect("a writer");
    dropped.write(content.clone()).await.expect("a write");
    drop(dropped);
    assert_eq!(store.size(digest).await.expect("a size"), None);
    let error = store.get(digest, None).await.expect_err("nothing there");
    assert!(matches!(error, BlobError::NotFound { .. }) && error.to_string().contains(&digest.to_string()));
    let exact = PutOptions { limit: 1 << 20, ..ANY };
    put_bytes(&*store, content, exact).await.expect("a blob of just the size allowed");
}

pub(crate) async fn missing_blobs_are_named(factory: &impl BlobFactory) {
    let store = factory.blobs().await;
    let digests: Vec<Digest> = (0..10u8).map(|number| Digest::of(&[number])).collect();
    for number in [0u8, 4, 9] {
        put_bytes(&*store, vec![number].into(), ANY).await.expect("a blob");
    }
    let missing = store.missing(&digests).await.expect("an answer");
    assert_eq!(missing, [1, 2, 3, 5, 6, 7, 8].map(|place: usize| digests[place]));
    assert!(store.missing(&[]).await.expect("an answer").is_empty());
}

pub(crate) async fn many_may_put_the_same_blob_at_once(factory: &impl BlobFactory) {
    let store = factory.blobs().await;
    let content = bytes(300 << 10);
    let puts = (0..8).map(|_| put_bytes(&*store, content.clone(), ANY));
    for put in futures::future::join_all(puts).await {
        assert_eq!(put.expect("a blob").digest, Digest::of(&content));
    }
    let opened = store.get(Digest::of(&content), None).await.expect("the blob");
    assert!(read_to_end(opened.stream).await.expect("the bytes") == content);
}
