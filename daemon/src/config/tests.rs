#![cfg(test)]

use super::load::{DEFAULT, Given, load};
use super::model::*;
use crate::DaemonError;
use std::time::Duration;

fn from_text(text: &str, given: Given) -> Result<DaemonConfig, DaemonError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("partd.toml");
    std::fs::write(&path, text).expect("written");
    load(Some(&path), given)
}

#[test]
fn the_default_file_is_the_default() {
    let home = Some("h");
    let given = || Given::default().with("home", home).with("name", Some("n"));
    let from_file = from_text(DEFAULT, given()).expect("valid");
    let bare = load(None, given()).expect("valid");
    assert_eq!(from_file.warnings, Vec::<String>::new());
    assert_eq!(
        (from_file.listen, from_file.slots, from_file.extra_slots, from_file.drain_grace, from_file.labels),
        (bare.listen, bare.slots, None, bare.drain_grace, bare.labels)
    );
}

#[test]
fn all_problems_come_at_once() {
    let error = from_text(
        "listen = \"nowhere\"\nslots = 99999\nextra-slots = \"5000\"\n[drain]\ngrace = \"soon\"\n",
        Given::default(),
    );
    let text = error.expect_err("wrong").to_string();
    for part in ["listen: \"nowhere\"", "slots: 99999", "extra-slots: \"5000\"", "drain.grace: \"soon\""] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_syntax_error_points_at_its_line() {
    let text = from_text("listen = \"127.0.0.1:1\"\nslots = = 3\n", Given::default())
        .expect_err("wrong")
        .to_string();
    assert!(text.contains("line 2"), "{text}");
}

#[test]
fn unknown_keys_are_named() {
    let config = from_text("slotz = 3\n[drain]\ngrase = \"1m\"\n", Given::default()).expect("valid");
    assert!(config.warnings[0].contains("`drain.grase`") && config.warnings[1].contains("`slotz`"));
}

fn exposed() -> Given {
    Given::default().with("listen", Some("0.0.0.0:7433")).with("advertise", Some("h:7433"))
}

#[test]
fn other_machines_are_kept_out_unless_told_otherwise() {
    assert!(matches!(load(None, exposed()), Err(DaemonError::Exposed { .. })));
    assert!(load(None, Given { insecure_listen: true, ..exposed() }).is_ok());
    let tls = exposed().with("tls.ca", Some("a")).with("tls.cert", Some("b")).with("tls.key", Some("c"));
    assert!(load(None, tls).is_ok());
}

#[test]
fn several_daemons_need_what_they_can_share() {
    let given = Given::default().with("cluster.etcd", Some("10.0.0.1:2379, http://10.0.0.2:2379"));
    let text = load(None, given.clone()).expect_err("SQLite").to_string();
    assert!(text.contains("several daemons cannot share SQLite"), "{text}");
    assert!(text.contains("several daemons cannot use a private folder"), "{text}");
    let given = given
        .with("store.database", Some("postgres://u:secret@db/part"))
        .with("store.blobs", Some("s3://bucket/a/b/"));
    let config = load(None, given.clone()).expect("valid");
    let cluster = config.cluster.expect("several daemons");
    assert_eq!(cluster.etcd.endpoints, ["http://10.0.0.1:2379", "http://10.0.0.2:2379"]);
    assert_eq!((cluster.prefix.as_str(), cluster.lease_ttl), ("part", Duration::from_secs(10)));
    assert_eq!(config.blobs, BlobPlace::S3 { bucket: "bucket".to_owned(), prefix: "a/b".to_owned() });
    assert!(config.origins.iter().all(|(_, value, _)| !value.contains("secret")), "{:?}", config.origins);
    let everywhere = given.with("listen", Some("0.0.0.0:1"));
    let text = load(None, everywhere).expect_err("nobody could connect").to_string();
    assert!(text.contains("advertise: other hosts cannot connect to 0.0.0.0:1"), "{text}");
}

#[test]
fn places_are_checked() {
    let table = [
        ("store.database", "mysql://x", "is not the URL of a PostgreSQL database"),
        ("store.blobs", "gs://x", "is neither a folder nor s3://BUCKET/PREFIX"),
        ("store.blobs", "s3:///x", "names no bucket"),
        ("advertise", "nowhere", "is not HOST:PORT"),
        ("cluster.etcd", "nowhere", "is not an endpoint"),
        ("retention.runs", "a while", "is not a duration"),
        ("retention.blobs", "much", "is not a size"),
        ("tls.ca", "ca.pem", "give all three"),
    ];
    for (key, value, expected) in table {
        let text = load(None, Given::default().with(key, Some(value))).expect_err("wrong").to_string();
        assert!(text.contains(key) && text.contains(expected), "{key} {value}: {text}");
    }
}
