//! What every store of blobs must do.

use super::factory::BlobFactory;
use bytes::Bytes;
use futures::TryStreamExt;
use part_core::Timestamp;
use part_store::{
    BatchRead, BlobError, BlobStore, Digest, Durability, PutOptions, Shelf, put_bytes, read_to_end,
};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

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

async fn listed(store: &dyn BlobStore, shelf: Shelf) -> BTreeMap<Digest, u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as u64;
    let entries: Vec<_> = store.list(shelf).try_collect().await.expect("a listing");
    // Some stores keep whole seconds only.
    let young = Timestamp(since - 60_000)..Timestamp(since + 60_000);
    assert!(entries.iter().all(|entry| young.contains(&entry.since)), "{entries:?}");
    let by_digest: BTreeMap<_, _> = entries.iter().map(|entry| (entry.digest, entry.bytes)).collect();
    assert_eq!(by_digest.len(), entries.len(), "each once");
    by_digest
}

pub(crate) async fn batches_go_in_and_out(factory: &impl BlobFactory) {
    let (store, other) = (factory.blobs().await, factory.blobs().await);
    let blobs: Vec<Bytes> = (0..40).map(|size| bytes(size * 100)).collect();
    let named: Vec<_> = blobs.iter().map(|blob| (Digest::of(blob), blob.clone())).collect();
    store.put_batch(named.clone(), Durability::Lazy).await.expect("a batch");
    store.put_batch(named, Durability::Synced).await.expect("the same again");
    store.settle().await.expect("what is durable");
    let digests: Vec<_> = blobs.iter().rev().map(|blob| Digest::of(blob)).collect();
    let read = other.read_batch(&digests, 3000).await.expect("a batch");
    let expected = blobs.iter().rev().map(|blob| match blob.len() {
        size if size > 3000 => BatchRead::Larger(size as u64),
        _ => BatchRead::Whole(blob.clone()),
    });
    assert_eq!(read, expected.collect::<Vec<_>>());
    let absent = Digest::of(b"absent");
    let error = other.read_batch(&[digests[0], absent], 3000).await.expect_err("one is missing");
    assert!(matches!(error, BlobError::NotFound { digest, .. } if digest == absent), "{error}");
    let wrong = vec![(absent, Bytes::from_static(b"something else"))];
    let error = store.put_batch(wrong, Durability::Lazy).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::WrongDigest { expected, .. } if expected == absent), "{error}");
    assert_eq!(store.missing(&[absent]).await.expect("an answer"), [absent]);
}

pub(crate) async fn what_is_there_is_listed(factory: &impl BlobFactory) {
    let (store, other) = (factory.blobs().await, factory.blobs().await);
    assert!(listed(&*store, Shelf::Kept).await.is_empty());
    assert!(listed(&*store, Shelf::Retired).await.is_empty());
    let blobs: Vec<_> = (0..300).map(|size| Bytes::from(format!("{size:0$}", size % 50))).collect();
    let named = blobs.iter().map(|blob| (Digest::of(blob), blob.clone())).collect();
    store.put_batch(named, Durability::Lazy).await.expect("a batch");
    let mut unfinished = store.put(ANY).await.expect("a writer");
    unfinished.write(bytes(400 << 10)).await.expect("a write");
    let expected: BTreeMap<_, _> = blobs.iter().map(|blob| (Digest::of(blob), blob.len() as u64)).collect();
    assert_eq!(listed(&*other, Shelf::Kept).await, expected);
    assert!(listed(&*other, Shelf::Retired).await.is_empty());
}

pub(crate) async fn blobs_are_retired_before_they_are_deleted(factory: &impl BlobFactory) {
    let (store, other) = (factory.blobs().await, factory.blobs().await);
    let [kept, back, gone, again] = ["kept", "back", "gone", "again"].map(Bytes::from);
    let digests = [&kept, &back, &gone, &again].map(|blob| Digest::of(blob));
    let [kept_digest, back_digest, gone_digest, again_digest] = digests;
    for blob in [&kept, &back, &gone, &again] {
        put_bytes(&*store, blob.clone(), ANY).await.expect("a blob");
    }
    let absent = Digest::of(b"absent");
    let retired = [back_digest, gone_digest, again_digest, absent];
    store.retire(&retired).await.expect("what is missing is passed over");
    store.retire(&retired).await.expect("once more is harmless");
    assert_eq!(other.missing(&digests).await.expect("an answer"), retired[..3]);
    assert_eq!(other.size(back_digest).await.expect("a size"), None);
    assert_eq!(listed(&*other, Shelf::Kept).await.into_keys().collect::<Vec<_>>(), [kept_digest]);
    assert_eq!(listed(&*other, Shelf::Retired).await.len(), 3);
    for range in [None, Some(0..2)] {
        let opened = other.get(back_digest, range.clone()).await.expect("a retired blob can still be read");
        let expected = if range.is_some() { &back[..2] } else { &back[..] };
        assert_eq!(read_to_end(opened.stream).await.expect("its bytes"), expected);
    }

    put_bytes(&*other, again.clone(), ANY).await.expect("a blob");
    store.revive(&[back_digest, kept_digest, absent]).await.expect("it is back");
    assert_eq!(listed(&*other, Shelf::Retired).await.len(), 2);
    store
        .delete(&[back_digest, gone_digest, again_digest, kept_digest, absent])
        .await
        .expect("only what is retired");
    store.delete(&[gone_digest]).await.expect("once more is harmless");
    assert!(listed(&*other, Shelf::Retired).await.is_empty());
    assert_eq!(other.missing(&digests).await.expect("an answer"), [gone_digest]);
    let error = other.get(gone_digest, None).await.expect_err("it is gone");
    assert!(matches!(error, BlobError::NotFound { digest, .. } if digest == gone_digest), "{error}");
    for (digest, blob) in [(kept_digest, kept), (back_digest, back), (again_digest, again)] {
        let opened = other.get(digest, None).await.expect("the blob");
        assert_eq!(read_to_end(opened.stream).await.expect("its bytes"), blob);
    }
}
