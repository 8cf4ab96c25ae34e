//! Real sockets: silent ones, greedy ones, and those that do not want to end.

use super::accept::serve_within;
use super::{Limits, Listener};
use crate::bounds;
use crate::commands::{CertsArgs, make_certificates};
use crate::config::TlsFiles;
use crate::trust::Certificates;
use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use part_trust::{Address, DialError, Dialer, Trust};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Service, ServiceExt};

/// Nothing here takes as long, unless it hangs.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// A server in this process.
struct Bench {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    /// Lets calls of `/slow` end.
    release: watch::Sender<bool>,
    most_at_a_time: Arc<AtomicUsize>,
    tls: Option<tempfile::TempDir>,
}

impl Bench {
    async fn start(tls: bool, limits: Limits) -> Bench {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        let tls = tls.then(|| tempfile::tempdir().expect("a folder"));
        let listener = match &tls {
            None => Listener::Tcp(socket),
            Some(dir) => Listener::Tls(socket, certificates(dir.path())),
        };
        let (release, released) = watch::channel(false);
        let most = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let routes = routes(released, Arc::clone(&most));
        let served = tokio::spawn(serve_within(listener, routes, stop.clone(), limits));
        Bench { address, stop, served, release, most_at_a_time: most, tls }
    }

    fn address(&self) -> Address {
        self.address.to_string().parse().expect("an address")
    }

    fn dialer(&self) -> Dialer {
        let trust =
            self.tls.as_ref().map(|dir| Trust::file(&dir.path().join("ca.pem")).expect("an authority"));
        Dialer::new(&trust.unwrap_or(Trust::Plain), None).expect("a dialer")
    }

    async fn channel(&self) -> Channel {
        self.dialer().connect(&self.address()).await.expect("connected")
    }

    async fn silent(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("accepted")
    }

    async fn stopped(self) {
        self.stop.cancel();
        timeout(LONG, self.served).await.expect("it ends").expect("no panic");
    }
}

fn certificates(dir: &Path) -> Arc<Certificates> {
    let hosts = vec!["127.0.0.1".to_owned()];
    make_certificates(&CertsArgs { dir: dir.to_owned(), name: "h".to_owned(), hosts, force: true })
        .map(drop)
        .expect("made");
    let file = |name: &str| dir.join(name);
    let files = TlsFiles {
        ca: file("ca.pem"),
        ca_key: Some(file("ca.key")),
        cert: file("h.pem"),
        key: file("h.key"),
    };
    Certificates::load(files, "h").expect("usable")
}

fn routes(released: watch::Receiver<bool>, most: Arc<AtomicUsize>) -> Router {
    let now = Arc::new(AtomicUsize::new(0));
    let slow = move || {
        let (mut released, most, now) = (released.clone(), Arc::clone(&most), Arc::clone(&now));
        async move {
            let running = now.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(running, Ordering::SeqCst);
            drop(released.wait_for(|released| *released).await);
            now.fetch_sub(1, Ordering::SeqCst);
            "ok"
        }
    };
    let endless = || async { Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>()) };
    Router::new()
        .route("/quick", post(|| async { "ok" }))
        .route("/endless", post(endless))
        .route("/slow", post(slow))
}

type Answer = http::Response<tonic::body::Body>;

async fn call(channel: &Channel, path: &str) -> Result<Answer, tonic::transport::Error> {
    let request = http::Request::post(path).body(tonic::body::Body::empty()).expect("a request");
    let mut channel = channel.clone();
    channel.ready().await?.call(request).await
}

async fn call_in_time(channel: &Channel, path: &str) -> u16 {
    timeout(LONG, call(channel, path)).await.expect("in time").expect("answered").status().as_u16()
}

/// Resolves when the other side has closed.
async fn closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    // Closed in order or reset: gone either way.
    drop(timeout(LONG, socket.read_to_end(&mut rest)).await.expect("it is closed"));
}

#[tokio::test]
async fn who_says_nothing_is_cut_and_never_holds_up_the_end() {
    for tls in [false, true] {
        let short = Limits { handshake: SHORT, first_head: SHORT, ..Limits::DEFAULT };
        let bench = Bench::start(tls, short).await;
        let (silent, mut stammering) = (bench.silent().await, bench.silent().await);
        // The beginning of a handshake or of a request, and no more.
        stammering.write_all(if tls { b"\x16\x03" } else { b"PRI * HT" }).await.expect("taken");
        closed(silent).await;
        closed(stammering).await;
        bench.stopped().await;
        // With limits that are of no help the end itself must see to it.
        let bench = Bench::start(tls, Limits { handshake: LONG, first_head: LONG, ..short }).await;
        let silent = bench.silent().await;
        let channel = bench.channel().await;
        assert_eq!(call_in_time(&channel, "/quick").await, 200);
        bench.stopped().await;
        closed(silent).await;
    }
}

#[tokio::test]
async fn a_handshake_alone_is_no_greeting() {
    let bench = Bench::start(true, Limits { first_head: SHORT, ..Limits::DEFAULT }).await;
    let dir = bench.tls.as_ref().expect("with TLS");
    let authority =
        part_trust::certificates(&dir.path().join("ca.pem")).expect("an authority").swap_remove(0);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, bench.silent().await).await.expect("hands shaken");
    let mut rest = Vec::new();
    drop(timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it is closed"));
    bench.stopped().await;
}

#[tokio::test]
async fn an_open_stream_is_cut_at_the_end() {
    for tls in [false, true] {
        let bench = Bench::start(tls, Limits { farewell: SHORT, ..Limits::DEFAULT }).await;
        let channel = bench.channel().await;
        let mut answer = call(&channel, "/endless").await.expect("answered");
        bench.stopped().await;
        let next = timeout(LONG, http_body_next(answer.body_mut())).await.expect("it ends");
        assert!(next, "cut, not ended in order");
    }
}

/// Waits for the body's next frame; true when it is an error.
async fn http_body_next(body: &mut tonic::body::Body) -> bool {
    use hyper::body::Body as _;
    let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut *body).poll_frame(cx)).await;
    frame.is_some_and(|frame| frame.is_err())
}

/// As many as this process may open, with as many at the other end.
fn many() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Raised as far as is allowed; where it is not, there are fewer.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let now = if raised.is_ok() { maximum } else { getrlimit(Resource::Nofile).current };
    let may = now.unwrap_or(u64::MAX);
    usize::try_from(may.saturating_sub(400) / 2).unwrap_or(usize::MAX).min(2000)
}

#[tokio::test]
async fn calls_proceed_among_thousands_that_say_nothing() {
    for tls in [false, true] {
        let bench = Bench::start(tls, Limits::DEFAULT).await;
        let before = bench.channel().await;
        assert_eq!(call_in_time(&before, "/quick").await, 200);
        let mut silent = Vec::new();
        for _ in 0..many() {
            silent.push(bench.silent().await);
        }
        // A new connection from the same address finds its place: it may have to come again.
        let dialer = bench.dialer();
        let after = timeout(LONG, async {
            loop {
                if let Ok(channel) = dialer.connect(&bench.address()).await
                    && let Ok(answer) = call(&channel, "/quick").await
                {
                    return answer.status().as_u16();
                }
                tokio::time::sleep(bounds::UNPROVEN_REST / 10).await;
            }
        });
        assert_eq!(after.await.expect("a new connection is served"), 200);
        if !tls {
            assert_eq!(call_in_time(&before, "/quick").await, 200, "who was there stays");
        }
        bench.stopped().await;
    }
}

#[tokio::test]
async fn a_flood_of_calls_on_one_connection_is_bounded_and_served() {
    let bench = Bench::start(false, Limits::DEFAULT).await;
    let (greedy, modest) = (bench.channel().await, bench.channel().await);
    let mut calls: FuturesUnordered<_> = (0..1000).map(|_| call_in_time(&greedy, "/slow")).collect();
    // The modest one is answered while all of these wait.
    let first = timeout(LONG, async {
        tokio::select! {
            _ = calls.next() => panic!("nothing was released"),
            status = async {
                while bench.most_at_a_time.load(Ordering::SeqCst) < bounds::STREAMS as usize {
                    tokio::task::yield_now().await;
                }
                call_in_time(&modest, "/quick").await
            } => status,
        }
    });
    assert_eq!(first.await.expect("in time"), 200);
    bench.release.send_replace(true);
    let answered: Vec<u16> = calls.by_ref().collect().await;
    assert_eq!((answered.len(), answered.iter().all(|status| *status == 200)), (1000, true));
    assert!(bench.most_at_a_time.load(Ordering::SeqCst) <= bounds::STREAMS as usize);
    bench.stopped().await;
}

#[tokio::test]
async fn an_old_connection_makes_place_for_a_new_one() {
    let limits = Limits { age: SHORT, age_grace: SHORT, ..Limits::DEFAULT };
    let bench = Bench::start(false, limits).await;
    let channel = bench.channel().await;
    let mut answer = call(&channel, "/endless").await.expect("answered");
    assert!(timeout(LONG, http_body_next(answer.body_mut())).await.expect("it ends"), "cut after its grace");
    // The channel opens another connection by itself.
    let again = timeout(LONG, async {
        loop {
            if let Ok(answer) = call(&channel, "/quick").await {
                return answer.status().as_u16();
            }
        }
    });
    assert_eq!(again.await.expect("in time"), 200);
    bench.stopped().await;
}

#[tokio::test]
async fn a_stranger_is_not_kept() {
    let bench = Bench::start(true, Limits { unproven_age: SHORT, ..Limits::DEFAULT }).await;
    let channel = bench.channel().await;
    let mut answer = call(&channel, "/endless").await.expect("answered");
    assert!(timeout(LONG, http_body_next(answer.body_mut())).await.expect("it ends"), "cut");
    bench.stopped().await;
}

#[tokio::test]
async fn plain_text_and_tls_are_told_apart() {
    let (plain, secure) =
        (Bench::start(false, Limits::DEFAULT).await, Bench::start(true, Limits::DEFAULT).await);
    // Plain text where TLS is spoken: an answer in words.
    let channel = Dialer::plain().connect(&secure.address()).await.expect("connected");
    let mut health = HealthClient::new(channel);
    let status = health.check(HealthCheckRequest::default()).await.expect_err("refused");
    assert!(status.message().contains("this daemon speaks TLS"), "{status:?}");
    let mut socket = secure.silent().await;
    socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("taken");
    let mut page = String::new();
    timeout(LONG, socket.read_to_string(&mut page)).await.expect("in time").expect("text");
    assert!(page.starts_with("HTTP/1.1 400") && page.contains("https://"), "{page}");
    // TLS where plain text is spoken.
    let error = secure.dialer().connect(&plain.address()).await.expect_err("no TLS there");
    assert!(matches!(error, DialError::NotTls { .. }), "{error}");
    plain.stopped().await;
    secure.stopped().await;
}
