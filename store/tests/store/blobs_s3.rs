//! What only the store in a bucket must do: large uploads, damage, and clear words about a wrong configuration.

use crate::s3::{S3Server, names, with};
use bytes::Bytes;
use futures::TryStreamExt;
use part_store::{
    BlobError, BlobStore, Digest, Durability, PutOptions, S3Blobs, Shelf, put_bytes, read_to_end,
};

const ANY: PutOptions = PutOptions { expected: None, limit: 1 << 30, durability: Durability::Synced };

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn large_blobs_go_in_parts_and_leave_nothing_behind() {
    let server = S3Server::start();
    let blobs = S3Blobs::open(server.options()).await.expect("a store");
    let content: Bytes = (0..(19 << 20) + 5).map(|place: usize| (place % 253) as u8).collect();
    let digest = Digest::of(&content);
    let mut writer = blobs.put(ANY).await.expect("a writer");
    let mut rest = content.clone();
    while !rest.is_empty() {
        writer.write(rest.split_to(rest.len().min(700_001))).await.expect("a write");
    }
    assert_eq!(names(&server.spool()).len(), 1, "it is gathered on this host");
    assert_eq!(blobs.size(digest).await.expect("a size"), None);
    assert_eq!(writer.finish().await.expect("a blob").digest, digest);
    assert_eq!(names(&server.spool()), Vec::<String>::new());
    let opened = blobs.get(digest, None).await.expect("the blob");
    assert!(read_to_end(opened.stream).await.expect("its bytes") == content);
    let opened = blobs.get(digest, Some((9 << 20)..(9 << 20) + 3)).await.expect("the blob");
    assert_eq!(read_to_end(opened.stream).await.expect("its bytes"), content[9 << 20..(9 << 20) + 3]);

    let wrong = PutOptions { expected: Some(Digest::of(b"other")), ..ANY };
    let error = put_bytes(&blobs, content, wrong).await.expect_err("a refusal");
    assert!(matches!(error, BlobError::WrongDigest { .. }), "{error}");
    assert_eq!(names(&server.spool()), Vec::<String>::new());
    let parts = names(&server.files()).into_iter().filter(|name| name.starts_with(".upload"));
    assert_eq!(parts.collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_object_says_so() {
    let server = S3Server::start();
    let blobs = S3Blobs::open(server.options()).await.expect("a store");
    let put = put_bytes(&blobs, Bytes::from_static(b"content"), ANY).await.expect("a blob");
    let text = put.digest.to_string();
    let file = server.file(&format!("some/mesh/{}/{text}", &text[..2]));
    std::fs::write(&file, "Content").expect("damage");
    let opened = blobs.get(put.digest, None).await.expect("the blob");
    let error = read_to_end(opened.stream).await.expect_err("damage");
    assert!(matches!(&error, BlobError::Damaged { place, .. } if place.contains(&text)), "{error}");
    put_bytes(&blobs, Bytes::from_static(b"content"), ANY).await.expect("a blob");
    let opened = blobs.get(put.digest, None).await.expect("the blob");
    assert_eq!(read_to_end(opened.stream).await.expect("its bytes"), b"content");
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_said_at_the_start() {
    let server = S3Server::start();
    let endpoint = format!("http://{}", server.address);
    let no_bucket = part_store::S3Options { bucket: "elsewhere".to_owned(), ..server.options() };
    let no_credentials = part_store::S3Options {
        settings: vec![("AWS_ENDPOINT_URL".to_owned(), endpoint.clone())],
        ..server.options()
    };
    let table = [
        (no_bucket, "bucket elsewhere", "make it, or name another one"),
        (
            with(server.options(), &[("AWS_SECRET_ACCESS_KEY", "wrong")]),
            "bucket blobs",
            "check AWS_ACCESS_KEY_ID",
        ),
        (
            with(server.options(), &[("AWS_ACCESS_KEY_ID", "nobody")]),
            "bucket blobs",
            "check AWS_ACCESS_KEY_ID",
        ),
        (no_credentials, "bucket blobs", "set AWS_ACCESS_KEY_ID"),
        (with(server.options(), &[("AWS_MISSPELT", "x")]), "bucket blobs", "misspelt"),
    ];
    for (options, place, remedy) in table {
        let error = S3Blobs::open(options).await.expect_err("a refusal");
        let text = chain(&error);
        assert!(matches!(error, BlobError::Inaccessible { .. }) && !error.is_temporary(), "{text}");
        assert!(text.contains(place) && text.contains(remedy), "{text}");
        assert!(text.contains(&endpoint) || text.contains("misspelt"), "{text}");
        assert!(!text.contains("a-secret-of-tests"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let server = S3Server::start();
    // Nobody listens on a port that was just given back.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let error = S3Blobs::open(with(server.options(), &[("AWS_ENDPOINT_URL", &endpoint)]))
        .await
        .expect_err("nobody there");
    let text = chain(&error);
    assert!(matches!(error, BlobError::Unavailable { .. }) && error.is_temporary(), "{text}");
    assert!(text.contains(&endpoint), "{text}");
}

#[tokio::test]
async fn listings_of_several_pages_are_whole() {
    let server = S3Server::start();
    let mut expected: Vec<_> = (0..2100).map(|number: u32| Digest::of(&number.to_le_bytes())).collect();
    for digest in &expected {
        // Written behind the server's back: this is about listing.
        let text = digest.to_string();
        let file = server.file(&format!("some/mesh/{}/{text}", &text[..2]));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, "x").expect("an object");
    }
    for foreign in ["some/mesh/notes", "some/meshes/ab/cd", "other"] {
        let file = server.file(foreign);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, "foreign").expect("an object");
    }
    let blobs = S3Blobs::open(server.options()).await.expect("a store");
    let entries: Vec<_> = blobs.list(Shelf::Kept).try_collect().await.expect("a listing");
    let mut listed: Vec<_> = entries.iter().map(|entry| entry.digest).collect();
    listed.sort();
    expected.sort();
    assert!(listed == expected, "{} listed", listed.len());
}
