//! The handlers over a store in memory and one on disk.

use super::get_many::get_many;
use super::put_many::put_many;
use super::service::Bulk;
use bytes::Bytes;
use futures::stream;
use part_proto::pieces::{Packer, Unpacked, Unpacker};
use part_proto::v1;
use part_store::{BlobStore, Digest, DiskBlobs, Durability, MemoryBlobs, PutOptions, put_bytes};
use part_workspace::{Entry, Kind, Manifest};
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::{Code, Status};

fn content(number: usize, size: usize) -> Bytes {
    (0..size).map(|place| (place * 7 + number) as u8).collect::<Vec<_>>().into()
}

/// Blobs of all sizes that matter, in requests.
fn packed(blobs: &[Bytes]) -> Vec<Result<v1::PutManyRequest, Status>> {
    let mut packer = Packer::new();
    blobs.iter().for_each(|blob| packer.blob(*Digest::of(blob).as_bytes(), blob.clone()));
    let mut messages = Vec::new();
    while let Some(pieces) = packer.take_full() {
        messages.push(Ok(v1::PutManyRequest { pieces }));
    }
    messages.extend(packer.take_rest().map(|pieces| Ok(v1::PutManyRequest { pieces })));
    messages
}

async fn put(
    bulk: &Bulk,
    messages: Vec<Result<v1::PutManyRequest, Status>>,
) -> Result<v1::PutManyResponse, Status> {
    put_many(&bulk.store, &bulk.known, &bulk.writing, stream::iter(messages)).await
}

async fn got(bulk: &Arc<Bulk>, digests: Vec<Digest>) -> Result<Vec<(Digest, Vec<u8>)>, Status> {
    let (sender, mut messages) = mpsc::channel(1);
    tokio::spawn(get_many(Arc::clone(bulk), digests, sender));
    let (mut unpacker, mut blobs) = (Unpacker::new(), Vec::<(Digest, Vec<u8>)>::new());
    while let Some(message) = messages.recv().await {
        for piece in message?.pieces {
            match unpacker.take(piece).expect("a piece") {
                Unpacked::Whole { digest, data } | Unpacked::First { digest, data } => {
                    blobs.push((Digest::from_bytes(digest), data.to_vec()));
                }
                Unpacked::Middle { data } | Unpacked::Last { data } => {
                    blobs.last_mut().expect("a blob").1.extend_from_slice(&data);
                }
            }
        }
    }
    unpacker.finish().expect("whole blobs");
    Ok(blobs)
}

#[tokio::test]
async fn many_blobs_go_in_and_out_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = DiskBlobs::open(folder.path()).await.expect("a store");
    let stores: [Arc<dyn BlobStore>; 2] = [Arc::new(MemoryBlobs::new()), Arc::new(disk)];
    for store in stores {
        let bulk = Arc::new(Bulk::new(store));
        let mut sizes = vec![0, 64 << 10, (64 << 10) + 1, 3 << 20, 5];
        sizes.extend((0..500).map(|number| number * 11));
        let blobs: Vec<_> = sizes.iter().enumerate().map(|(number, size)| content(number, *size)).collect();
        let stored = put(&bulk, packed(&blobs)).await.expect("stored");
        let bytes = sizes.iter().sum::<usize>() as u64;
        assert_eq!((stored.blobs, stored.bytes), (sizes.len() as u64, bytes));
        let digests: Vec<_> = blobs.iter().rev().map(|blob| Digest::of(blob)).collect();
        assert_eq!(bulk.missing(&digests).await.expect("an answer"), []);
        let back = got(&bulk, digests).await.expect("all of them");
        let expected = blobs.iter().rev().map(|blob| (Digest::of(blob), blob.to_vec()));
        assert!(back.into_iter().eq(expected));
    }
}

#[tokio::test]
async fn the_blob_that_is_wrong_or_missing_is_named() {
    let bulk = Arc::new(Bulk::new(Arc::new(MemoryBlobs::new())));
    let announced = Digest::of(b"announced");
    for size in [10, 100 << 10, 3 << 20] {
        let mut packer = Packer::new();
        packer.blob(*announced.as_bytes(), content(1, size));
        let mut messages = Vec::new();
        while let Some(pieces) = packer.take_full() {
            messages.push(Ok(v1::PutManyRequest { pieces }));
        }
        messages.extend(packer.take_rest().map(|pieces| Ok(v1::PutManyRequest { pieces })));
        let error = put(&bulk, messages).await.expect_err("a refusal");
        assert_eq!(error.code(), Code::DataLoss);
        assert!(error.message().contains(&announced.to_string()), "{error}");
    }
    assert_eq!(bulk.missing(&[announced]).await.expect("an answer"), [announced]);

    let mut cut = packed(&[content(1, 3 << 20)]);
    cut.pop();
    let error = put(&bulk, cut).await.expect_err("a refusal");
    assert_eq!(
        (error.code(), error.message()),
        (Code::InvalidArgument, "the stream ends in the middle of a blob")
    );

    let there = content(2, 5000);
    put(&bulk, packed(std::slice::from_ref(&there))).await.expect("stored");
    let error = got(&bulk, vec![Digest::of(&there), announced]).await.expect_err("one is missing");
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.message().contains(&announced.to_string()), "{error}");
}

#[tokio::test]
async fn what_is_remembered_is_doubted_once_a_blob_is_not_found() {
    let store = MemoryBlobs::new();
    let bulk = Arc::new(Bulk::new(Arc::new(store.clone())));
    let blob = content(1, 100);
    let digest = Digest::of(&blob);
    put(&bulk, packed(&[blob])).await.expect("stored");
    store.retire(&[digest]).await.expect("retired");
    assert_eq!(
        bulk.missing(&[digest]).await.expect("an answer"),
        [],
        "it can still be read and brought back"
    );
    store.delete(&[digest]).await.expect("deleted behind the daemon's back");
    assert_eq!(got(&bulk, vec![digest]).await.expect_err("it is gone").code(), Code::NotFound);
    assert_eq!(bulk.missing(&[digest]).await.expect("an answer"), [digest]);
}

fn manifest(files: &[Bytes]) -> Manifest {
    let entry = |(number, file): (usize, &Bytes)| {
        let digest = part_workspace::Digest(*Digest::of(file).as_bytes());
        let kind = Kind::File { digest, bytes: file.len() as u64, executable: false };
        Entry { path: format!("file-{number:03}"), kind }
    };
    Manifest::new(files.iter().enumerate().map(entry).collect()).expect("a manifest")
}

fn chunks(bytes: &[u8]) -> Vec<Result<v1::PutBlobRequest, Status>> {
    bytes.chunks(1000).map(|data| Ok(v1::PutBlobRequest { data: data.to_vec() })).collect()
}

#[tokio::test]
async fn a_manifest_is_taken_once_all_that_it_names_is_there() {
    let store = MemoryBlobs::new();
    let bulk = Bulk::new(Arc::new(store.clone()));
    let files: Vec<_> = (0..50).map(|number| content(number, 100 + number)).collect();
    let manifest = manifest(&files);
    let (bytes, digest) = (manifest.to_bytes(), Digest::from_bytes(manifest.digest().0));
    assert!(!bulk.find_manifest(digest).await.expect("an answer"));

    put(&bulk, packed(&files[..47])).await.expect("stored");
    let error = bulk.put_manifest(stream::iter(chunks(&bytes))).await.expect_err("a refusal");
    assert_eq!(error.code(), Code::FailedPrecondition);
    let mut absent: Vec<_> = files[47..].iter().map(|file| Digest::of(file)).collect();
    absent.sort();
    let text = error.message();
    assert!(text.contains("3 of the 50") && text.contains(&absent[0].to_string()), "{text}");
    assert!(!bulk.find_manifest(digest).await.expect("an answer"));

    put(&bulk, packed(&files[47..])).await.expect("stored");
    let stored = bulk.put_manifest(stream::iter(chunks(&bytes))).await.expect("stored");
    assert_eq!((stored.digest, stored.bytes), (digest.to_string(), bytes.len() as u64));
    assert!(bulk.find_manifest(digest).await.expect("an answer"));

    // Another daemon has to look.
    let other = Bulk::new(Arc::new(store.clone()));
    assert!(other.find_manifest(digest).await.expect("an answer"));
    store.retire(&absent[..1]).await.expect("retired");
    let third = Bulk::new(Arc::new(store.clone()));
    assert!(!third.find_manifest(digest).await.expect("an answer"), "of what is retired nothing is promised");
    assert!(bulk.find_manifest(digest).await.expect("an answer"), "it comes back when a run needs it");
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let bulk = Bulk::new(Arc::new(MemoryBlobs::new()));
    for wrong in ["", "{}", "a,b,c", r#"{"version":99,"entries":[]}"#] {
        let error = bulk.put_manifest(stream::iter(chunks(wrong.as_bytes()))).await.expect_err("a refusal");
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    }
    let endless = std::iter::repeat_with(|| Ok(v1::PutBlobRequest { data: vec![b' '; 256 << 10] }));
    let error = bulk.put_manifest(stream::iter(endless)).await.expect_err("a refusal");
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    let options = PutOptions { expected: None, limit: 100, durability: Durability::Lazy };
    let put = put_bytes(&*bulk.store, Bytes::from_static(b"no manifest"), options).await.expect("a blob");
    assert!(!bulk.find_manifest(put.digest).await.expect("an answer"));
}

#[tokio::test]
async fn who_stops_listening_stops_the_reading() {
    let bulk = Arc::new(Bulk::new(Arc::new(MemoryBlobs::new())));
    let blobs: Vec<_> = (0..40).map(|number| content(number, 300 << 10)).collect();
    put(&bulk, packed(&blobs)).await.expect("stored");
    let digests = blobs.iter().map(|blob| Digest::of(blob)).collect();
    let (sender, mut messages) = mpsc::channel(1);
    let reading = tokio::spawn(get_many(bulk, digests, sender));
    assert!(messages.recv().await.is_some_and(|message| message.is_ok()));
    drop(messages);
    reading.await.expect("it ends");
}
