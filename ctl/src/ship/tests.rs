//! Shipping to a daemon that only keeps bytes: what it is asked, and what it gets.

use super::parcel::Contents;
use super::progress::Progress;
use super::send::Sent;
use super::work::pack_and_send;
use crate::config;
use crate::error::CliError;
use crate::mesh::Mesh;
use part_core::{RunPolicy, Source, Submission, SubmissionId, Workspace};
use part_proto::pieces::{Unpacked, Unpacker};
use part_proto::v1::blob_service_server::{BlobService, BlobServiceServer};
use part_proto::v1::{self, FindManifestResponse, MissingResponse, PutBlobResponse, PutManyResponse};
use part_workspace::{Digest, Manifest, Snapshot};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// What happens when the daemon is asked what is missing: files change.
type OnMissing = Box<dyn Fn() + Send>;

/// A daemon that keeps blobs.
#[derive(Clone, Default)]
struct Daemon(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    blobs: HashMap<Digest, Vec<u8>>,
    /// Names of the calls that came.
    calls: Vec<&'static str>,
    /// PutMany breaks off after so many blobs, once for each number.
    breaks: Vec<usize>,
    on_missing: Option<OnMissing>,
}

impl Daemon {
    async fn start() -> (Daemon, Mesh) {
        let daemon = Daemon::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = Server::builder().add_service(BlobServiceServer::new(daemon.clone()));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
        (daemon, Mesh::through(endpoint.connect().await.expect("it listens")))
    }

    fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().expect("no test panics while it looks"))
    }

    /// The calls since the last time.
    fn calls(&self) -> Vec<&'static str> {
        self.kept(|kept| std::mem::take(&mut kept.calls))
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(bytes.try_into().expect("32 bytes"))
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BlobService for Daemon {
    type GetStream = Answers<v1::BlobChunk>;
    type GetManyStream = Answers<v1::GetManyResponse>;

    async fn put(
        &self,
        _: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<PutBlobResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get(&self, _: Request<v1::GetBlobRequest>) -> Result<Response<Self::GetStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_many(
        &self,
        _: Request<v1::GetManyRequest>,
    ) -> Result<Response<Self::GetManyStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn missing(
        &self,
        request: Request<v1::MissingRequest>,
    ) -> Result<Response<MissingResponse>, Status> {
        self.kept(|kept| {
            kept.calls.push("missing");
            kept.on_missing.iter().for_each(|change| change());
            let mut digests = request.into_inner().digests;
            digests.retain(|wanted| !kept.blobs.contains_key(&digest(wanted)));
            Ok(Response::new(MissingResponse { digests }))
        })
    }

    async fn put_many(
        &self,
        request: Request<Streaming<v1::PutManyRequest>>,
    ) -> Result<Response<PutManyResponse>, Status> {
        let most = self.kept(|kept| {
            kept.calls.push("put_many");
            if kept.breaks.is_empty() { usize::MAX } else { kept.breaks.remove(0) }
        });
        let mut messages = request.into_inner();
        let (mut unpacker, mut open, mut blobs) = (Unpacker::new(), (Digest([0; 32]), Vec::new()), 0);
        while let Some(message) = messages.next().await {
            for piece in message?.pieces {
                let last = match unpacker.take(piece).expect("pieces that make sense") {
                    Unpacked::Whole { digest, data } => {
                        open = (Digest(digest), data.to_vec());
                        true
                    }
                    Unpacked::First { digest, data } => {
                        open = (Digest(digest), data.to_vec());
                        false
                    }
                    Unpacked::Middle { data } => {
                        open.1.extend(data);
                        false
                    }
                    Unpacked::Last { data } => {
                        open.1.extend(data);
                        true
                    }
                };
                if last {
                    assert_eq!(Digest::of(&open.1), open.0, "nothing wrong is sent");
                    if blobs >= most {
                        return Err(Status::unavailable("the daemon went away"));
                    }
                    blobs += 1;
                    self.kept(|kept| kept.blobs.insert(open.0, std::mem::take(&mut open.1)));
                }
            }
        }
        unpacker.finish().map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(Response::new(PutManyResponse { blobs: blobs as u64, bytes: 0 }))
    }

    async fn find_manifest(
        &self,
        request: Request<v1::FindManifestRequest>,
    ) -> Result<Response<FindManifestResponse>, Status> {
        let wanted = digest(&request.into_inner().digest);
        let complete = self.kept(|kept| {
            kept.calls.push("find_manifest");
            kept.blobs.contains_key(&wanted)
        });
        Ok(Response::new(FindManifestResponse { complete }))
    }

    async fn put_manifest(
        &self,
        request: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<PutBlobResponse>, Status> {
        let mut bytes = Vec::new();
        let mut chunks = request.into_inner();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk?.data);
        }
        let manifest = Manifest::from_bytes(&bytes).expect("a manifest");
        self.kept(|kept| {
            kept.calls.push("put_manifest");
            if manifest.digests().any(|digest| !kept.blobs.contains_key(&digest)) {
                return Err(Status::failed_precondition("files are missing"));
            }
            let digest = Digest::of(&bytes);
            kept.blobs.insert(digest, bytes);
            Ok(Response::new(PutBlobResponse { digest: digest.to_string(), bytes: 0 }))
        })
    }
}

fn workspace(files: usize) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("part.toml"), "[suites.x]\nframework = \"go\"\n").expect("a file");
    for number in 0..files {
        fs::write(place.path().join(format!("{number}.txt")), format!("content {number}")).expect("a file");
    }
    place
}

fn contents(place: &Path) -> Contents {
    let (project, _) = config::load(None, place).expect("a project");
    let submission = Submission {
        id: SubmissionId(1),
        project: String::new(),
        build: String::new(),
        source: Source::default(),
        workspace: Workspace::InPlace(String::new()),
        policy: RunPolicy::default(),
        content: None,
        groups: Vec::new(),
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    };
    Contents::new(&project, &submission)
}

async fn ship(mesh: &Mesh, place: &Path) -> Result<(Arc<Snapshot>, Sent), CliError> {
    pack_and_send(mesh.clients(), &contents(place), &[], &[], &Arc::new(Progress::default())).await
}

#[tokio::test]
async fn only_what_the_mesh_lacks_is_sent() {
    let (daemon, mesh) = Daemon::start().await;
    let place = workspace(20);
    fs::write(place.path().join("large"), vec![7_u8; 3 << 20]).expect("a file");
    fs::write(place.path().join("empty"), "").expect("a file");
    fs::write(place.path().join("twice.txt"), "content 1").expect("a file");
    let (snapshot, sent) = ship(&mesh, place.path()).await.expect("shipped");
    assert_eq!(sent.files, 23, "each content once");
    assert_eq!(daemon.calls(), ["find_manifest", "missing", "put_many", "put_manifest"]);
    let manifest =
        daemon.kept(|kept| kept.blobs.get(&snapshot.manifest.digest()).cloned()).expect("a manifest");
    assert_eq!(Manifest::from_bytes(&manifest).expect("a manifest").counts().files, 24);

    let (_, sent) = ship(&mesh, place.path()).await.expect("shipped");
    assert_eq!(
        (sent, daemon.calls()),
        (Sent::default(), vec!["find_manifest"]),
        "a question and nothing else"
    );
    fs::write(place.path().join("3.txt"), "changed").expect("a file");
    let (_, sent) = ship(&mesh, place.path()).await.expect("shipped");
    assert_eq!(sent, Sent { files: 1, bytes: 7 });
    fs::remove_file(place.path().join("4.txt")).expect("removed");
    let (_, sent) = ship(&mesh, place.path()).await.expect("shipped");
    assert_eq!(sent, Sent::default());
    daemon.calls();
}

#[tokio::test]
async fn what_has_arrived_is_not_sent_again_when_the_connection_breaks() {
    let (daemon, mesh) = Daemon::start().await;
    let place = workspace(30);
    daemon.kept(|kept| kept.breaks = vec![10, 0, 15]);
    ship(&mesh, place.path()).await.expect("shipped");
    assert_eq!(daemon.calls().iter().filter(|call| **call == "put_many").count(), 4);
    // No end of it: that is said, after some tries.
    fs::write(place.path().join("new.txt"), "new").expect("a file");
    daemon.kept(|kept| kept.breaks = vec![0; 100]);
    let error = ship(&mesh, place.path()).await.expect_err("it never arrives");
    assert!(error.to_string().contains("cannot send the workspace"), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_looked_at_once_more() {
    let (daemon, mesh) = Daemon::start().await;
    let place = workspace(3);
    let file = place.path().join("1.txt");
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let (path, most) = (file.clone(), 1);
    let change = move |most: usize| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if turn < most {
            fs::write(&path, format!("CHANGED {turn}")).expect("a file");
        }
    };
    daemon.kept(|kept| kept.on_missing = Some(Box::new(move || change(most))));
    let (snapshot, _) = ship(&mesh, place.path()).await.expect("shipped");
    let sent = daemon.kept(|kept| kept.blobs.contains_key(&Digest::of(b"CHANGED 0")));
    assert!(sent && snapshot.sources.contains_key(&Digest::of(b"CHANGED 0")));

    let path = file.clone();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let change = move || {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        fs::write(&path, format!("again and again {turn}")).expect("a file");
    };
    fs::write(&file, "something new").expect("a file");
    daemon.kept(|kept| kept.on_missing = Some(Box::new(change)));
    let error = ship(&mesh, place.path()).await.expect_err("it keeps changing");
    assert!(error.to_string().ends_with("1.txt changes while it is sent"), "{error}");
}
