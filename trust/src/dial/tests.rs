//! Real sockets, real handshakes.

use super::{Credentials, DialError, Dialer, Trust};
use crate::{Address, Fingerprint};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

fn leaf(issuer: &Authority, hosts: &[&str], usage: ExtendedKeyUsagePurpose, ends: i32) -> Credentials {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("hosts");
    params.extended_key_usages = vec![usage];
    params.not_after = rcgen::date_time_ymd(ends, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("signed");
    let chain = vec![certificate.der().clone(), issuer.der().clone()];
    Credentials { chain, key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key") }
}

/// Ends with the value.
struct Server {
    address: Address,
    _task: AbortOnDropHandle<()>,
}

/// A server that shakes hands and then says nothing; without `tls` it says what a plain HTTP server would.
async fn server(issuer: &Authority, tls: Option<Credentials>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string().parse().expect("an address");
    let acceptor = tls.map(|Credentials { chain, key }| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone()).expect("an authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = verifier.allow_unauthenticated().build().expect("a verifier");
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&version::TLS13]).expect("1.3");
        let config =
            builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).expect("a pair");
        TlsAcceptor::from(Arc::new(config))
    });
    let task = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            match &acceptor {
                // Those that give up are not its concern.
                Some(acceptor) => open.extend(acceptor.accept(stream).await),
                None => drop(
                    tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n").await,
                ),
            }
        }
    });
    Server { address, _task: AbortOnDropHandle::new(task) }
}

fn told(dialed: Result<tonic::transport::Channel, DialError>) -> String {
    dialed.map_or_else(|error| error.to_string(), |_| "connected".to_owned())
}

#[tokio::test]
async fn each_trouble_with_a_certificate_is_told_as_what_it_is() {
    let (ours, other) = (authority(), authority());
    let of = |issuer: &Authority, hosts: &[&str], ends| {
        leaf(issuer, hosts, ExtendedKeyUsagePurpose::ServerAuth, ends)
    };
    let trusting = |der: &CertificateDer<'static>| Trust::Authorities(vec![der.clone()]);
    let pinned = |issuer: &Authority| Trust::Fingerprint(Fingerprint::of(issuer.der()));
    let here: &[&str] = &["127.0.0.1", "localhost"];
    let worker = leaf(&ours, here, ExtendedKeyUsagePurpose::ClientAuth, 2090);
    let table = [
        (Some(of(&ours, here, 2090)), trusting(ours.der()), "connected"),
        (Some(of(&ours, here, 2090)), pinned(&ours), "connected"),
        (Some(of(&ours, here, 2090)), trusting(other.der()), "was not signed by the authority"),
        (Some(of(&ours, here, 2090)), pinned(&other), "was not signed by the authority"),
        (Some(of(&ours, &["ci.example"], 2090)), pinned(&ours), "is for ci.example, not for 127.0.0.1"),
        (Some(of(&ours, &["10.0.0.9"], 2090)), trusting(ours.der()), "is for 10.0.0.9, not for 127.0.0.1"),
        (Some(of(&ours, here, 1999)), pinned(&ours), "has expired"),
        (Some(of(&ours, here, 1999)), trusting(ours.der()), "has expired"),
        // A worker's certificate makes nobody a daemon.
        (Some(worker), trusting(ours.der()), "TLS with"),
        (None, trusting(ours.der()), "does not speak TLS"),
    ];
    for (index, (tls, trust, wanted)) in table.into_iter().enumerate() {
        let server = server(&ours, tls).await;
        let dialer = Dialer::new(&trust, None).expect("a dialer");
        let got = told(dialer.connect(&server.address).await);
        assert!(got.contains(wanted), "{index}: {got:?} instead of {wanted:?}");
    }
}

#[tokio::test]
async fn what_is_shown_can_be_renewed_under_an_open_channel() {
    let ours = authority();
    let usage = ExtendedKeyUsagePurpose::ServerAuth;
    let server = server(&ours, Some(leaf(&ours, &["127.0.0.1"], usage, 2090))).await;
    let dialer = Dialer::new(&Trust::Authorities(vec![authority().der().clone()]), None).expect("a dialer");
    let error = dialer.connect(&server.address).await.expect_err("another mesh");
    assert!(!error.may_pass(), "{error}");
    let mine = leaf(&ours, &[], ExtendedKeyUsagePurpose::ClientAuth, 2090);
    let clone = dialer.clone();
    clone.renew(&Trust::Authorities(vec![ours.der().clone()]), Some(mine)).expect("renewed");
    assert_eq!(told(dialer.connect(&server.address).await), "connected");
}

#[tokio::test]
async fn who_is_not_there_may_come() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address: Address = listener.local_addr().expect("bound").to_string().parse().expect("an address");
    drop(listener);
    let error = Dialer::plain().connect(&address).await.expect_err("nobody listens");
    assert!(error.may_pass() && error.to_string().contains(&address.to_string()), "{error}");
}
