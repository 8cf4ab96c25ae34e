//! An etcd that does not let us in: each with one clear error, at once where waiting cannot help.

use crate::certificates::Authority;
use crate::cluster::{ClusterError, EtcdOptions, join};
use crate::server::{Etcd, Protection};
use crate::support::{host, member, options, refusal, wait_for};
use std::time::Duration;

#[tokio::test]
async fn a_wrong_endpoint_is_tried_for_a_bounded_time() {
    let Some(mut etcd) = Etcd::one().await else { return };
    let here = options(&etcd, 2);
    etcd.kill();
    let (error, after) = refusal(here.clone(), member("a")).await;
    let text = error.to_string();
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error:?}");
    assert!(text.contains(&here.cluster.etcd.endpoints[0]) && text.contains("--etcd"), "{text}");
    assert!(after >= Duration::from_secs(6) && after < Duration::from_secs(20), "{after:?}");

    // One that comes in time is waited for.
    let (joined, ()) = tokio::join!(join(here, member("a")), etcd.revive(false));
    joined.expect("joined");
}

#[tokio::test]
async fn a_frozen_etcd_is_called_slow() {
    let Some(mut etcd) = Etcd::one().await else { return };
    etcd.freeze(0, true);
    let (error, _) = refusal(options(&etcd, 2), member("a")).await;
    assert!(error.to_string().contains("answers slower than"), "{error}");
}

#[tokio::test]
async fn passwords_and_rights() {
    let Some(etcd) = Etcd::one().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let as_user = |user: &str, password: &str| {
        let file = folder.path().join(format!("{user}-{password}"));
        std::fs::write(&file, format!("{password}\n")).expect("written");
        let mut options = options(&etcd, 3);
        options.cluster.etcd.user = Some(user.to_owned());
        options.cluster.etcd.password_file = Some(file);
        options
    };
    let (error, _) = refusal(as_user("part", "secret"), member("a")).await;
    assert!(error.to_string().contains("not switched on"), "{error}");

    etcd.ctl(&["user", "add", "root:root"]);
    etcd.ctl(&["user", "grant-role", "root", "root"]);
    etcd.ctl(&["role", "add", "part"]);
    etcd.ctl(&["role", "grant-permission", "part", "--prefix=true", "readwrite", "part/"]);
    etcd.ctl(&["user", "add", "part:secret"]);
    etcd.ctl(&["user", "grant-role", "part", "part"]);
    etcd.ctl(&["user", "add", "stranger:secret"]);
    etcd.ctl(&["auth", "enable"]);

    let rows: [(&str, EtcdOptions, &str); 3] = [
        ("nobody", options(&etcd, 3), "cluster.user and cluster.password-file"),
        ("a wrong password", as_user("part", "wrong"), "refuses this user name or password"),
        ("without rights", as_user("stranger", "secret"), "grant-permission"),
    ];
    for (who, options, says) in rows {
        let (error, after) = refusal(options, member("a")).await;
        assert!(matches!(error, ClusterError::Refused { .. }), "{who}: {error:?}");
        assert!(error.to_string().contains(says), "{who}: {error}");
        assert!(after < Duration::from_secs(5), "{who}: at once, not after {after:?}");
    }
    let a = join(as_user("part", "secret"), member("a")).await.expect("joined");
    wait_for("the office", &a, |view| view.in_office && view.degraded.is_none()).await;
}

#[tokio::test]
async fn tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, other) = (Authority::new(folder.path(), "ours"), Authority::new(folder.path(), "other"));
    let protection =
        Protection { server: Some(ours.issue("server")), clients_of: Some(ours.certificate.clone()) };
    let Some(etcd) = Etcd::start(1, protection).await else { return };
    let with = |ca: Option<&Authority>, client: Option<&Authority>| {
        let mut options = options(&etcd, 3);
        options.cluster.etcd.ca = ca.map(|authority| authority.certificate.clone());
        if let Some(authority) = client {
            let (cert, key) = authority.issue("client");
            (options.cluster.etcd.cert, options.cluster.etcd.key) = (Some(cert), Some(key));
        }
        options
    };
    let rows = [
        ("no authority", with(None, Some(&ours)), "cluster.ca"),
        ("another authority", with(Some(&other), Some(&ours)), "cluster.ca"),
        // etcd may hang up before its reason has come through.
        ("no certificate", with(Some(&ours), None), "set cluster.cert and cluster.key"),
        ("another's certificate", with(Some(&ours), Some(&other)), "set cluster.cert and cluster.key"),
    ];
    for (what, options, says) in rows {
        let (error, after) = refusal(options, member("a")).await;
        assert!(error.to_string().contains(says), "{what}: {error}");
        assert!(
            says != "cluster.ca" || after < Duration::from_secs(5),
            "{what}: at once, not after {after:?}"
        );
    }
    let mut plain = options(&etcd, 2);
    plain.cluster.etcd.endpoints = vec![etcd.endpoints()[0].replace("https", "http")];
    let (error, _) = refusal(plain, member("a")).await;
    assert!(error.to_string().contains("write https://"), "{error}");

    let a = join(with(Some(&ours), Some(&ours)), member("a")).await.expect("joined");
    wait_for("the office", &a, |view| view.in_office).await;
}

#[tokio::test]
async fn tls_where_there_is_none_and_missing_files() {
    let Some(etcd) = Etcd::one().await else { return };
    let mut https = options(&etcd, 2);
    https.cluster.etcd.endpoints = vec![etcd.endpoints()[0].replace("http", "https")];
    let (error, _) = refusal(https, member("a")).await;
    assert!(error.to_string().contains("write http://"), "{error}");

    let mut files = options(&etcd, 3);
    files.cluster.etcd.ca = Some("/nowhere/ca.pem".into());
    let (error, _) = refusal(files.clone(), member("a")).await;
    assert!(error.to_string().contains("cluster.ca is set"), "{error}");
    files.cluster.etcd.endpoints = vec!["https://127.0.0.1:1".to_owned()];
    let (error, _) = refusal(files, member("a")).await;
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test]
async fn two_meshes_in_one_etcd_need_two_prefixes() {
    let Some(etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", 3).await;
    let mut other = options(&etcd, 3);
    other.mesh = "another database".to_owned();
    let (error, _) = refusal(other.clone(), member("b")).await;
    for part in ["\"part\"", "the database", "another database", "cluster.prefix"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    other.cluster.prefix = "part2".to_owned();
    let b = join(other, member("b")).await.expect("joined");
    for one in [&a, &b] {
        let view = wait_for("the office", one, |view| view.in_office).await;
        assert_eq!(view.members.len(), 1, "neither sees the other");
    }
    assert_ne!(a.now().mesh, b.now().mesh);
}
