//! Who may call what, over real connections with real certificates and tokens.

use crate::clock::Clock;
use crate::commands::{CertsArgs, make_certificates};
use crate::config::TlsFiles;
use crate::serve::{Listener, serve};
use crate::trust::{Certificates, Gate, Peer, guarded};
use axum::routing::any;
use axum::{Extension, Router};
use part_core::Timestamp;
use part_store::{MemoryStore, Store, TokenRole, TokenRow};
use part_trust::{Address, Credentials, Dialer, Token, Trust, certificates_of, private_key_of};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;
use tower::{Service, ServiceExt};

const SUBMIT: &str = "/part.v1.RunService/Submit";
const WATCH: &str = "/part.v1.RunService/Watch";
const LINK: &str = "/part.v1.WorkerService/Link";
const JOIN: &str = "/part.v1.TrustService/Join";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// A server that answers every allowed call with who it thinks called.
struct Bench {
    address: Address,
    store: Arc<MemoryStore>,
    certificates: Arc<Certificates>,
    trust: Trust,
    _folder: tempfile::TempDir,
    _served: AbortOnDropHandle<()>,
}

impl Bench {
    async fn start() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path();
        let hosts = vec!["127.0.0.1".to_owned()];
        let args = CertsArgs { dir: dir.to_owned(), name: "h".to_owned(), hosts, force: false };
        make_certificates(&args).map(drop).expect("made");
        let certificates = Certificates::load(files(dir), "h").expect("usable");
        let store = Arc::new(MemoryStore::new());
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        let who = async |Extension(peer): Extension<Peer>| peer.to_string();
        let routes = guarded(Router::new().fallback(any(who)), Gate::open().guard(shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string().parse().expect("an address");
        let listener = Listener::Tls(listener, Arc::clone(&certificates));
        let served = tokio::spawn(serve(listener, routes, CancellationToken::new()));
        let trust = Trust::file(&dir.join("ca.pem")).expect("an authority");
        let served = AbortOnDropHandle::new(served);
        Bench { address, store, certificates, trust, _folder: folder, _served: served }
    }

    async fn token(&self, role: TokenRole, expires_at: Option<Timestamp>) -> Token {
        let token = Token::new(None).expect("random");
        let row = TokenRow {
            id: token.id(),
            hash: *token.hash().as_bytes(),
            role,
            label: "ci".to_owned(),
            created_at: Timestamp(1),
            expires_at,
            uses_left: None,
            revoked: false,
        };
        assert!(self.store.add_token(&row).await.expect("added"));
        token
    }

    /// What a worker has that joined.
    fn worker(&self, name: &str) -> Credentials {
        let key = rcgen::KeyPair::generate().expect("a key");
        let request = rcgen::CertificateParams::default().serialize_request(&key).expect("a request");
        let request = request.pem().expect("text");
        let made = self.certificates.sign(|authority| authority.worker(name, &request));
        let made = made.expect("the key is there").expect("signed");
        let chain = certificates_of(made.pem.as_bytes(), "test").expect("a certificate");
        Credentials { chain, key: private_key_of(key.serialize_pem().as_bytes(), "test").expect("a key") }
    }

    /// The code and the words of an answer; the words of an allowed call say who called.
    async fn call(
        &self,
        path: &str,
        credentials: Option<Credentials>,
        bearer: Option<&str>,
    ) -> (Code, String) {
        let dialer = Dialer::new(&self.trust, credentials).expect("a dialer");
        let mut channel = dialer.connect(&self.address).await.expect("connected");
        let mut request = http::Request::post(path).header("content-type", "application/grpc");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(tonic::body::Body::empty()).expect("a request");
        let answer = channel.ready().await.expect("ready").call(request).await.expect("answered");
        match tonic::Status::from_header_map(answer.headers()) {
            Some(status) => (status.code(), status.message().to_owned()),
            None => {
                let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1000).await;
                (Code::Ok, String::from_utf8(body.expect("a body").to_vec()).expect("text"))
            }
        }
    }
}

fn files(dir: &Path) -> TlsFiles {
    let file = |name: &str| dir.join(name);
    TlsFiles { ca: file("ca.pem"), ca_key: Some(file("ca.key")), cert: file("h.pem"), key: file("h.key") }
}

#[tokio::test]
async fn tokens_open_what_their_role_says_and_refusals_say_what_is_missing() {
    let bench = Bench::start().await;
    let text = |token: Token| token.text();
    let view = text(bench.token(TokenRole::View, None).await);
    let submit = text(bench.token(TokenRole::Submit, None).await);
    let joins = text(bench.token(TokenRole::Worker, None).await);
    let past = Timestamp(Clock::start().now().0 - 3_600_000);
    let expired = text(bench.token(TokenRole::Admin, Some(past)).await);
    let unknown = Token::new(None).expect("random").text();
    let revoked = bench.token(TokenRole::Admin, None).await;
    bench.store.revoke_token(&revoked.id()).await.expect("revoked");
    let revoked = revoked.text();
    let table = [
        (SUBMIT, None, Code::Unauthenticated, "partd token create --role submit"),
        (WATCH, None, Code::Unauthenticated, "partd token create --role view"),
        (REFLECT, None, Code::Unauthenticated, "a token is missing"),
        (LINK, None, Code::Unauthenticated, "certificate of this mesh"),
        (JOIN, None, Code::Ok, "somebody unknown"),
        ("/part.v1.Nothing/AtAll", None, Code::Unauthenticated, "--role admin"),
        (WATCH, Some(&view), Code::Ok, "(view, \"ci\")"),
        (SUBMIT, Some(&view), Code::PermissionDenied, "that takes the role submit"),
        (SUBMIT, Some(&submit), Code::Ok, "(submit, \"ci\")"),
        (LINK, Some(&submit), Code::PermissionDenied, "may not call"),
        (WATCH, Some(&joins), Code::Unauthenticated, "is for workers that join"),
        (SUBMIT, Some(&expired), Code::Unauthenticated, "expired 1 h ago"),
        (SUBMIT, Some(&revoked), Code::Unauthenticated, "was revoked"),
        (SUBMIT, Some(&unknown), Code::Unauthenticated, "not one of this mesh"),
        (SUBMIT, Some(&"secret".to_owned()), Code::Unauthenticated, "not one of this mesh"),
    ];
    for (path, token, code, words) in table {
        let (got, said) = bench.call(path, None, token.map(String::as_str)).await;
        assert_eq!(got, code, "{path}: {said}");
        assert!(said.contains(words), "{path}: {said:?} without {words:?}");
    }
}

#[tokio::test]
async fn certificates_say_who_is_there() {
    let bench = Bench::start().await;
    let (code, said) = bench.call(LINK, Some(bench.worker("mac mini/3")), None).await;
    assert_eq!((code, said.as_str()), (Code::Ok, "worker \"mac mini/3\""));
    let (code, said) = bench.call(SUBMIT, Some(bench.worker("w")), None).await;
    assert_eq!(code, Code::PermissionDenied, "{said}");
    let own = Credentials::files(&bench._folder.path().join("h.pem"), &bench._folder.path().join("h.key"));
    let (code, said) = bench.call(SUBMIT, Some(own.expect("there")), None).await;
    assert_eq!((code, said.as_str()), (Code::Ok, "daemon \"h\""));
}

#[tokio::test]
async fn a_certificate_of_another_mesh_opens_nothing() {
    let (ours, other) = (Bench::start().await, Bench::start().await);
    let dialer = Dialer::new(&ours.trust, Some(other.worker("w"))).expect("a dialer");
    // TLS 1.3 lets a client believe that it is connected; what it asks then fails.
    let outcome = async {
        let mut channel = dialer.connect(&ours.address).await.map_err(|error| error.to_string())?;
        let request = http::Request::post(LINK).body(tonic::body::Body::empty()).expect("a request");
        let ready = channel.ready().await.map_err(|error| error.to_string())?;
        ready.call(request).await.map_err(|error| error.to_string())
    };
    let answer = outcome.await;
    assert!(answer.is_err(), "{answer:?}");
}
