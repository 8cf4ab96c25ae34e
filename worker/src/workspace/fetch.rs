//! Fetching what the cache lacks, in a stream of many blobs, each checked before it gets its name.

use super::cache::{Cache, Partial};
use super::failure::{Trouble, blocking};
use crate::bounds;
use crate::directory::Directory;
use part_proto::MESSAGE_LIMIT;
use part_proto::pieces::{DIGESTS_PER_QUESTION, Unpacked, Unpacker};
use part_proto::v1::blob_service_client::BlobServiceClient;
use part_proto::v1::{BlobPiece, GetManyRequest, GetManyResponse};
use part_workspace::{Digest, MANIFEST_BYTES, Manifest};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

/// Why something was not fetched.
struct FetchError {
    why: String,
    /// The mesh says that it does not have it: that hardly changes.
    absent: bool,
}

impl From<String> for FetchError {
    fn from(why: String) -> FetchError {
        FetchError { why, absent: false }
    }
}

impl From<tonic::Status> for FetchError {
    fn from(status: tonic::Status) -> FetchError {
        FetchError { why: status.message().to_owned(), absent: status.code() == tonic::Code::NotFound }
    }
}

/// Makes sure that a manifest and everything that it names is in the cache. What arrives before a connection breaks
/// is not fetched again.
pub(crate) async fn fetch(
    cache: &Arc<Cache>,
    directory: &Directory,
    digest: Digest,
    stop: &CancellationToken,
) -> Result<Manifest, Trouble> {
    let mut tries = 0;
    loop {
        let fetched = tokio::select! {
            () = stop.cancelled() => return Err(Trouble::Cancelled),
            fetched = fetch_once(cache, directory, digest) => fetched,
        };
        tries += 1;
        match fetched {
            Ok(manifest) => return Ok(manifest),
            Err(FetchError { why, absent })
                if tries >= if absent { bounds::FETCH_ABSENT_TRIES } else { bounds::FETCH_TRIES } =>
            {
                return Err(Trouble::Worker(format!("the workspace cannot be fetched: {why}")));
            }
            Err(FetchError { why, .. }) => {
                tracing::warn!(%digest, why, tries, "the workspace is not fetched yet; trying again")
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Err(Trouble::Cancelled),
            () = tokio::time::sleep(bounds::FETCH_RETRY * tries) => {}
        }
    }
}

async fn fetch_once(
    cache: &Arc<Cache>,
    directory: &Directory,
    digest: Digest,
) -> Result<Manifest, FetchError> {
    let manifest = match on_disk(cache, move |cache| cache.manifest(&digest)).await? {
        Some(manifest) => manifest,
        None => fetch_manifest(cache, directory, digest).await?,
    };
    let manifest = Arc::new(manifest);
    let named = Arc::clone(&manifest);
    let missing = on_disk(cache, move |cache| Ok(cache.missing(&named))).await?;
    for digests in missing.chunks(DIGESTS_PER_QUESTION) {
        fetch_blobs(cache, directory, digests).await?;
    }
    Ok(Arc::unwrap_or_clone(manifest))
}

async fn on_disk<T: Send + 'static>(
    cache: &Arc<Cache>,
    work: impl FnOnce(&Cache) -> std::io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let cache = Arc::clone(cache);
    match blocking("using the cache", move || work(&cache)).await {
        Ok(done) => done.map_err(|error| format!("its cache cannot be used: {error}")),
        Err(trouble) => Err(trouble.finish().message),
    }
}

async fn ask(directory: &Directory, digests: &[Digest]) -> Result<Streaming<GetManyResponse>, FetchError> {
    let mut client = BlobServiceClient::new(directory.bytes()?).max_decoding_message_size(MESSAGE_LIMIT);
    let request = GetManyRequest { digests: digests.iter().map(|digest| digest.0.to_vec()).collect() };
    match tokio::time::timeout(bounds::FETCH_SILENCE, client.get_many(request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(silent().into()),
    }
}

fn silent() -> String {
    format!("nothing came for {:?}", bounds::FETCH_SILENCE)
}

/// The next message; none at the end.
async fn next(answers: &mut Streaming<GetManyResponse>) -> Result<Option<Vec<BlobPiece>>, FetchError> {
    match tokio::time::timeout(bounds::FETCH_SILENCE, answers.message()).await {
        Ok(Ok(message)) => Ok(message.map(|message| message.pieces)),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(silent().into()),
    }
}

async fn fetch_manifest(
    cache: &Arc<Cache>,
    directory: &Directory,
    digest: Digest,
) -> Result<Manifest, FetchError> {
    let mut answers = ask(directory, &[digest]).await?;
    let mut bytes: Vec<u8> = Vec::new();
    while let Some(pieces) = next(&mut answers).await? {
        pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.data));
        if bytes.len() as u64 > MANIFEST_BYTES {
            return Err(format!("the manifest {digest} has more than {MANIFEST_BYTES} bytes").into());
        }
    }
    if Digest::of(&bytes) != digest {
        return Err(format!("what came is not the manifest {digest}").into());
    }
    let manifest = Manifest::from_bytes(&bytes).map_err(|error| error.to_string())?;
    on_disk(cache, move |cache| cache.put_manifest(&digest, &bytes)).await?;
    Ok(manifest)
}

/// Fetches blobs. At most a few messages are in memory: the stream waits while the disk is slow.
async fn fetch_blobs(
    cache: &Arc<Cache>,
    directory: &Directory,
    digests: &[Digest],
) -> Result<(), FetchError> {
    let mut answers = ask(directory, digests).await?;
    let (messages, taken) = mpsc::channel(bounds::FETCH_QUEUE);
    let place = Arc::clone(cache);
    let mut writing = tokio::task::spawn_blocking(move || write(&place, taken));
    let reading = async {
        while let Some(pieces) = next(&mut answers).await? {
            if messages.send(pieces).await.is_err() {
                break; // Whoever writes says why.
            }
        }
        Ok::<(), FetchError>(())
    };
    let read = reading.await;
    drop(messages);
    let written = (&mut writing).await.unwrap_or_else(|error| Err(error.to_string()));
    read.and(written.map_err(FetchError::from))
}

/// Writes blobs as they come; a blob that broke off is dropped.
fn write(cache: &Cache, mut messages: mpsc::Receiver<Vec<BlobPiece>>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("its cache cannot be written: {error}");
    let mut unpacker = Unpacker::new();
    let mut open: Option<Partial> = None;
    while let Some(pieces) = messages.blocking_recv() {
        for piece in pieces {
            let piece = unpacker.take(piece).map_err(|error| error.to_string())?;
            let (data, last) = match &piece {
                Unpacked::Whole { digest, data } => {
                    open = Some(cache.begin(Digest(*digest)).map_err(failed)?);
                    (data, true)
                }
                Unpacked::First { digest, data } => {
                    open = Some(cache.begin(Digest(*digest)).map_err(failed)?);
                    (data, false)
                }
                Unpacked::Middle { data } => (data, false),
                Unpacked::Last { data } => (data, true),
            };
            let Some(mut partial) = open.take() else { continue };
            partial.write(data).map_err(failed)?;
            if !last {
                open = Some(partial);
            } else if !cache.end(partial).map_err(failed)? {
                return Err("a file came damaged".to_owned());
            }
        }
    }
    unpacker.finish().map_err(|error| error.to_string())
}
