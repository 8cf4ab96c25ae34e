//! Sending what the mesh lacks.

use super::progress::Progress;
use crate::error::CliError;
use crate::mesh::Clients;
use part_proto::CHUNK_BYTES;
use part_proto::pieces::{DIGESTS_PER_QUESTION, Packer, raw_digest};
use part_proto::v1::{FindManifestRequest, MissingRequest, PutBlobRequest, PutManyRequest};
use part_workspace::{Digest, Snapshot};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Code, Status};

/// Tries without any progress after which the daemon is taken for gone.
const TRIES: u32 = 6;
/// Before the second of them; doubled for each further one. Tests need no patience with a daemon of their own.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });
/// Messages of at most 1 MiB on their way; more files are not read before.
const QUEUE: usize = 4;
/// Bytes of a file that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Why it was not sent.
pub(super) enum SendError {
    /// This file is not what it was when it was hashed.
    Changed(PathBuf),
    /// Anything else.
    Other(CliError),
}

/// Why one try was not enough.
enum Broken {
    /// This file is not what it was when it was hashed.
    Changed(PathBuf),
    /// The call was refused, or the connection broke.
    Status { doing: &'static str, status: Box<Status> },
    /// A file cannot be read.
    File(PathBuf, io::Error),
}

fn status(doing: &'static str) -> impl FnOnce(Status) -> Broken {
    move |status| Broken::Status { doing, status: Box::new(status) }
}

/// Sends what the mesh lacks of a workspace. What has arrived before a connection breaks is not sent again.
pub(super) async fn send(
    clients: &Clients,
    root: &Path,
    snapshot: &Arc<Snapshot>,
    progress: &Arc<Progress>,
) -> Result<Sent, SendError> {
    let manifest = snapshot.manifest.to_bytes();
    let digest = Digest::of(&manifest);
    let mut sent = Sent::default();
    let (mut tries, mut least) = (0, usize::MAX);
    loop {
        let mut lacking = least;
        let tried =
            send_once(clients, root, snapshot, (digest, &manifest), progress, &mut sent, &mut lacking).await;
        let (doing, status) = match tried {
            Ok(()) => return Ok(sent),
            Err(Broken::Changed(file)) => return Err(SendError::Changed(file)),
            Err(Broken::File(file, error)) => {
                return Err(SendError::Other(CliError::file("read", &file, error)));
            }
            Err(Broken::Status { doing, status }) => (doing, status),
        };
        if lacking < least {
            (tries, least) = (0, lacking);
        }
        tries += 1;
        if tries >= TRIES || !may_pass(status.code()) {
            return Err(SendError::Other(clients.error(doing, &status)));
        }
        tracing::debug!(%status, tries, "the workspace is not sent yet; trying again");
        tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
    }
}

/// True for trouble that another try may find gone.
fn may_pass(code: Code) -> bool {
    match code {
        Code::Unavailable
        | Code::Unknown
        | Code::Internal
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        // Something was removed while we sent: ask anew.
        | Code::FailedPrecondition => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

async fn send_once(
    clients: &Clients,
    root: &Path,
    snapshot: &Arc<Snapshot>,
    (digest, manifest): (Digest, &[u8]),
    progress: &Arc<Progress>,
    sent: &mut Sent,
    lacking: &mut usize,
) -> Result<(), Broken> {
    let request = FindManifestRequest { digest: digest.0.to_vec() };
    let found = clients.blobs().find_manifest(request).await.map_err(status("ask for the workspace"))?;
    if found.into_inner().complete {
        return Ok(());
    }
    let missing = missing(clients, snapshot).await?;
    *lacking = missing.len();
    let bytes =
        missing.iter().filter_map(|digest| snapshot.sources.get(digest)).map(|(_, bytes)| bytes).sum();
    progress.begin(missing.len() as u64, bytes);
    if !missing.is_empty() {
        put(clients, root, snapshot, missing, progress, sent).await?;
    }
    let chunks: Vec<PutBlobRequest> =
        manifest.chunks(CHUNK_BYTES).map(|chunk| PutBlobRequest { data: chunk.to_vec() }).collect();
    let put = clients.blobs().put_manifest(tokio_stream::iter(chunks)).await;
    put.map_err(status("send the list of files")).map(drop)
}

/// What the mesh lacks.
async fn missing(clients: &Clients, snapshot: &Snapshot) -> Result<Vec<Digest>, Broken> {
    let digests: Vec<Digest> = snapshot.manifest.digests().collect();
    let mut missing = Vec::new();
    for digests in digests.chunks(DIGESTS_PER_QUESTION) {
        let request = MissingRequest { digests: digests.iter().map(|digest| digest.0.to_vec()).collect() };
        let answer = clients.blobs().missing(request).await.map_err(status("ask what to send"))?;
        for digest in answer.into_inner().digests {
            let wrong = |error: part_proto::pieces::PieceError| Broken::Status {
                doing: "ask what to send",
                status: Box::new(Status::invalid_argument(error.to_string())),
            };
            missing.push(Digest(raw_digest(&digest).map_err(wrong)?));
        }
    }
    Ok(missing)
}

/// Sends files. A thread reads them; at most a few messages are in memory.
async fn put(
    clients: &Clients,
    root: &Path,
    snapshot: &Arc<Snapshot>,
    missing: Vec<Digest>,
    progress: &Arc<Progress>,
    sent: &mut Sent,
) -> Result<(), Broken> {
    let (messages, stream) = mpsc::channel(QUEUE);
    let (root, snapshot, progress) = (root.to_owned(), Arc::clone(snapshot), Arc::clone(progress));
    let reading =
        tokio::task::spawn_blocking(move || read_all(&root, &snapshot, &missing, &messages, &progress));
    let put = clients.blobs().put_many(tokio_stream::wrappers::ReceiverStream::new(stream)).await;
    let read = reading.await.unwrap_or_else(|error| {
        Err(Broken::Status {
            doing: "send the workspace",
            status: Box::new(Status::aborted(error.to_string())),
        })
    });
    let (files, bytes) = match (read, put) {
        // Why the stream broke off is what matters, not what the daemon says to that.
        (Err(broken @ (Broken::Changed(_) | Broken::File(..))), _) => return Err(broken),
        (_, Err(error)) => return Err(status("send the workspace")(error)),
        (Err(broken), Ok(_)) => return Err(broken),
        (Ok(read), Ok(_)) => read,
    };
    sent.files += files;
    sent.bytes += bytes;
    Ok(())
}

/// Reads files into messages. A file is only ended when it held what was promised.
fn read_all(
    root: &Path,
    snapshot: &Snapshot,
    missing: &[Digest],
    messages: &mpsc::Sender<PutManyRequest>,
    progress: &Progress,
) -> Result<(u64, u64), Broken> {
    let mut packer = Packer::new();
    let mut buffer = vec![0; READ_BYTES];
    let (mut files, mut total) = (0, 0);
    // When nobody takes them any more, the call's own answer says why.
    let gone = || Ok((0, 0));
    for digest in missing {
        // What was not asked for is not sent.
        let Some((path, bytes)) = snapshot.sources.get(digest) else { continue };
        let path = root.join(path);
        packer.begin(digest.0);
        let mut hasher = blake3::Hasher::new();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Broken::Changed(path)),
            Err(error) => return Err(Broken::File(path, error)),
        };
        let mut read = 0;
        loop {
            let count = match file.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Broken::File(path, error)),
            };
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            read += count as u64;
            if read > *bytes {
                return Err(Broken::Changed(path));
            }
            packer.data(buffer[..count].to_vec().into());
            progress.sent_bytes(count as u64);
            while let Some(pieces) = packer.take_full() {
                if messages.blocking_send(PutManyRequest { pieces }).is_err() {
                    return gone();
                }
            }
        }
        if Digest(*hasher.finalize().as_bytes()) != *digest {
            return Err(Broken::Changed(path));
        }
        packer.end();
        progress.sent_file();
        files += 1;
        total += read;
    }
    while let Some(pieces) = packer.take_full().or_else(|| packer.take_rest()) {
        if messages.blocking_send(PutManyRequest { pieces }).is_err() {
            return gone();
        }
    }
    Ok((files, total))
}
