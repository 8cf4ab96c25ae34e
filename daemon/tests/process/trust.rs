//! A daemon with TLS: tokens, joining, certificates.

use crate::common::wait_until;
use crate::partd::{Partd, command};
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::trust_service_client::TrustServiceClient;
use part_proto::v1::{JoinRequest, JoinResponse, LinkState, ListWorkersRequest, WorkerInfo};
use part_proto::{LINK_PROTOCOL, LINK_PROTOCOL_OLDEST};
use part_trust::{Address, Credentials, Dialer, Token, Trust, certificates_of, private_key_of};
use part_worker::join::{JoinError, JoinOptions, Stop, work};
use rcgen::{CertificateParams, KeyPair};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tonic::{Code, Request, Status};

/// A daemon with TLS in a folder of its own.
struct Secure {
    partd: Partd,
    place: tempfile::TempDir,
}

impl Secure {
    fn start() -> Secure {
        let place = tempfile::tempdir().expect("a folder");
        let tls = place.path().join("tls");
        let made = Command::new(env!("CARGO_BIN_EXE_partd"))
            .args(["certs", "--name", "here", "--host", "127.0.0.1", "--dir"])
            .arg(&tls)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("partd starts").success());
        let home = place.path().join("home");
        let mut started = command(&home);
        for (name, value) in variables(&tls) {
            started.env(name, value);
        }
        Secure { partd: Partd::from(started, &home), place }
    }

    fn tls(&self) -> PathBuf {
        self.place.path().join("tls")
    }

    fn address(&self) -> Address {
        self.partd.address.parse().expect("an address")
    }

    /// A token out of the daemon's own program, while the daemon runs.
    fn token(&self, arguments: &[&str]) -> Token {
        let mut made = Command::new(env!("CARGO_BIN_EXE_partd"));
        made.args(["token", "create", "--role"]).args(arguments).arg("--home").arg(&self.partd.home);
        for (name, value) in variables(&self.tls()) {
            made.env(name, value);
        }
        let made = made.env_remove("PARTD_CONFIG").stderr(Stdio::null()).output().expect("partd starts");
        let token: Token =
            String::from_utf8(made.stdout).expect("text").parse().expect("a token and nothing else");
        assert!(token.authority().is_some(), "it says which daemon may see it");
        token
    }

    fn token_file(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.place.path().join(name);
        std::fs::write(&path, self.token(arguments).text()).expect("written");
        path
    }

    fn dialer(&self, credentials: Option<Credentials>) -> Dialer {
        let trust = Trust::file(&self.tls().join("ca.pem")).expect("an authority");
        Dialer::new(&trust, credentials).expect("a dialer")
    }

    async fn join(&self, shown: Option<Credentials>, request: JoinRequest) -> Result<JoinResponse, Status> {
        let channel = self.dialer(shown).connect(&self.address()).await.expect("connected");
        TrustServiceClient::new(channel).join(request).await.map(tonic::Response::into_inner)
    }

    async fn worker(&self, token: &Token, name: &str) -> Option<WorkerInfo> {
        let channel = self.dialer(None).connect(&self.address()).await.expect("connected");
        let mut request = Request::new(ListWorkersRequest {});
        let bearer = format!("Bearer {}", token.text()).parse().expect("a header");
        request.metadata_mut().insert("authorization", bearer);
        let listed =
            MeshServiceClient::new(channel).list_workers(request).await.expect("listed").into_inner();
        let mut present = listed.workers.into_iter().filter(|worker| worker.link() == LinkState::Present);
        present.find(|worker| worker.worker == name)
    }

    fn options(&self, home: &str, name: Option<&str>, token_file: Option<PathBuf>) -> JoinOptions {
        JoinOptions {
            addresses: vec![self.address()],
            token_file,
            ca: None,
            name: name.map(str::to_owned),
            slots: 1,
            extra_slots: None,
            labels: [("rack".to_owned(), "b2".to_owned())].into(),
            home: self.place.path().join(home),
            drain_grace: Duration::from_secs(5),
        }
    }
}

fn variables(tls: &Path) -> [(&'static str, PathBuf); 4] {
    [
        ("PARTD_TLS_CA", tls.join("ca.pem")),
        ("PARTD_TLS_CA_KEY", tls.join("ca.key")),
        ("PARTD_TLS_CERT", tls.join("here.pem")),
        ("PARTD_TLS_KEY", tls.join("here.key")),
    ]
}

fn request(token: Option<&Token>, name: &str, key: &KeyPair) -> JoinRequest {
    let csr = CertificateParams::default().serialize_request(key).expect("a request");
    JoinRequest {
        token: token.map(Token::text).unwrap_or_default(),
        name: name.to_owned(),
        csr_pem: csr.pem().expect("text"),
        protocol: LINK_PROTOCOL_OLDEST,
        protocol_newest: LINK_PROTOCOL,
        version: "test".to_owned(),
    }
}

fn credentials(response: &JoinResponse, key: &KeyPair) -> Credentials {
    let chain = certificates_of(response.certificate_pem.as_bytes(), "test").expect("a certificate");
    Credentials { chain, key: private_key_of(key.serialize_pem().as_bytes(), "test").expect("a key") }
}

#[tokio::test]
async fn a_token_gives_one_certificate_and_the_certificate_the_next() {
    let mesh = Secure::start();
    let (token, key, other) =
        (mesh.token(&["worker"]), KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    // What is refused does not use the token up.
    let client = mesh.token(&["submit"]);
    let table = [
        (request(Some(&client), "w", &key), Code::PermissionDenied, "is for clients"),
        (request(None, "w", &key), Code::Unauthenticated, "a join token is missing"),
        (request(Some(&token), "a/b", &key), Code::InvalidArgument, "no slash"),
        (request(Some(&token), "here", &key), Code::AlreadyExists, "is in the mesh already"),
        (
            JoinRequest { csr_pem: "nonsense".into(), ..request(Some(&token), "w", &key) },
            Code::InvalidArgument,
            "",
        ),
        (
            JoinRequest { protocol: 90, protocol_newest: 99, ..request(Some(&token), "w", &key) },
            Code::FailedPrecondition,
            "upgrade the daemons first",
        ),
    ];
    for (request, code, words) in table {
        let status = mesh.join(None, request).await.expect_err("refused");
        assert_eq!(status.code(), code, "{status:?}");
        assert!(status.message().contains(words), "{status:?}");
    }
    let first = mesh.join(None, request(Some(&token), "w", &key)).await.expect("admitted");
    // The answer may have got lost: the same key may ask again, another may not.
    mesh.join(None, request(Some(&token), "w", &key)).await.expect("admitted again");
    let status = mesh.join(None, request(Some(&token), "w", &other)).await.expect_err("used up");
    assert!(status.message().contains("is used up"), "{status:?}");
    // The certificate is enough for a newer one of the same name only.
    let renewed =
        mesh.join(Some(credentials(&first, &key)), request(None, "w", &other)).await.expect("renewed");
    mesh.join(Some(credentials(&renewed, &other)), request(None, "w", &other)).await.expect("renewed again");
    let status =
        mesh.join(Some(credentials(&first, &key)), request(None, "v", &key)).await.expect_err("not its name");
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_worker_joins_by_fingerprint_works_and_comes_back_without_a_token() {
    let mesh = Secure::start();
    let client = mesh.token(&["view"]);
    let token = mesh.token_file("token", &["worker"]);
    for file in [Some(token.clone()), None] {
        let stop = Stop::default();
        let name = file.as_ref().map(|_| "guest 1");
        let working = tokio::spawn(work(mesh.options("w", name, file), stop.clone()));
        let mut found = None;
        while found.is_none() {
            assert!(!working.is_finished(), "it goes on");
            found = mesh.worker(&client, "guest 1").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(found.expect("there").capabilities.get("label.rack").map(String::as_str), Some("b2"));
        let taken = work(mesh.options("w", None, None), Stop::default()).await;
        assert!(matches!(taken, Err(JoinError::HomeTaken { .. })), "one worker for each folder");
        stop.drain.cancel();
        working.await.expect("no panic").expect("it ends well");
    }
    let again = work(mesh.options("other", Some("guest 2"), Some(token)), Stop::default()).await;
    let error = again.expect_err("the token is used up").to_string();
    assert!(error.contains("is used up"), "{error}");
    let nothing = JoinOptions { ca: Some(mesh.tls().join("ca.pem")), ..mesh.options("empty", None, None) };
    let error = work(nothing, Stop::default()).await.expect_err("nothing to show").to_string();
    assert!(error.contains("partd token create --role worker"), "{error}");
}

#[tokio::test]
async fn the_wrong_daemon_learns_no_secret() {
    let (mesh, other) = (Secure::start(), Secure::start());
    let token = mesh.token_file("token", &["worker"]);
    // Somebody else at the address.
    let lured = JoinOptions { addresses: vec![other.address()], ..mesh.options("w", Some("w"), Some(token)) };
    let error = work(lured, Stop::default()).await.expect_err("not the mesh").to_string();
    assert!(error.contains("was not signed by the authority"), "{error}");
    // A token without a fingerprint is not shown to the network.
    let bare = mesh.place.path().join("bare");
    std::fs::write(&bare, Token::new(None).expect("random").text()).expect("written");
    let address = "192.0.2.1:1".parse().expect("an address");
    let plain = JoinOptions { addresses: vec![address], ..mesh.options("w", Some("w"), Some(bare)) };
    let error = work(plain, Stop::default()).await.expect_err("plain text").to_string();
    assert!(error.contains("not sent to 192.0.2.1:1 in plain text"), "{error}");
}

#[tokio::test]
async fn a_silent_socket_does_not_keep_a_daemon_with_tls_from_ending() {
    let mut mesh = Secure::start();
    let silent = std::net::TcpStream::connect(&mesh.partd.address).expect("accepted");
    let status = mesh.partd.terminate().await;
    assert!(status.success());
    drop(silent);
    wait_until("its port is free", || std::net::TcpStream::connect(&mesh.partd.address).is_err()).await;
}
