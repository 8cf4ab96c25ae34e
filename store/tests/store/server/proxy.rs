//! A way to the server that can be cut: then nothing passes, and nobody is told.

use super::start::{SOCKET, Server, url_at};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    folder: TempDir,
    open: watch::Sender<bool>,
}

impl Proxy {
    /// Call within a runtime; the way ends with it.
    pub(crate) fn to(server: &Server) -> Proxy {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let (open, gate) = watch::channel(true);
        tokio::spawn(accept(listener, server.socket(), gate));
        Proxy { folder, open }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        url_at(self.folder.path(), "postgres", database)
    }

    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}

async fn accept(listener: UnixListener, server: PathBuf, gate: watch::Receiver<bool>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = UnixStream::connect(&server).await else { continue };
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::spawn(pass(from_client, to_server, gate.clone()));
        tokio::spawn(pass(from_server, to_client, gate.clone()));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut gate: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(size) = from.read(&mut buffer).await {
        // The end of a connection does not pass a cut either.
        if gate.wait_for(|open| *open).await.is_err()
            || size == 0
            || to.write_all(&buffer[..size]).await.is_err()
        {
            return;
        }
    }
}
