//! A place with a home and a workspace, and meshes in it.

use partd::embedded::{Embedded, EmbeddedOptions};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tonic::transport::Channel;

/// A home and a workspace of its own for a test; gone with the test.
pub(crate) struct Place {
    home: TempDir,
    workspace: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place {
            home: tempfile::tempdir().expect("a home"),
            workspace: tempfile::tempdir().expect("a workspace"),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    /// A mesh with so many slots.
    pub(crate) async fn mesh(&self, slots: u32) -> Embedded {
        start(self.home(), Some(slots)).await
    }

    /// A mesh that only reads.
    pub(crate) async fn viewer(&self) -> Embedded {
        start(self.home(), None).await
    }

    /// Everything that is left in the home although nothing runs there, apart from what is meant to stay.
    pub(crate) fn left_over(&self) -> Vec<PathBuf> {
        let stays = |path: &Path| {
            let name = path.strip_prefix(self.home()).expect("inside");
            name.starts_with("blobs")
                || name.starts_with("slots")
                || name.starts_with("cache")
                || name == Path::new("part.db")
                || name == Path::new("local")
                || name == Path::new("local.lock")
        };
        let mut left: Vec<PathBuf> =
            everything(self.home()).into_iter().filter(|path| !stays(path)).collect();
        left.extend(everything(&self.home().join("blobs/tmp")));
        left
    }
}

async fn start(home: &Path, slots: Option<u32>) -> Embedded {
    let options = EmbeddedOptions {
        home: home.to_owned(),
        slots,
        extra_slots: Some(0),
        worker: slots.is_some(),
        program: env!("CARGO_BIN_EXE_partd").into(),
    };
    Embedded::start(options).await.expect("a mesh")
}

/// Files and folders below a folder.
pub(crate) fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().expect("a type").is_dir() {
            found.extend(everything(&entry.path()));
        }
        found.push(entry.path());
    }
    found
}

/// Reads a blob.
pub(crate) async fn blob(channel: &Channel, digest: &str) -> Vec<u8> {
    let request = part_proto::v1::GetBlobRequest { digest: digest.to_owned(), offset: 0 };
    let mut client = part_proto::v1::blob_service_client::BlobServiceClient::new(channel.clone());
    let mut chunks = client.get(request).await.expect("there").into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.message().await.expect("a chunk") {
        bytes.extend(chunk.data);
    }
    bytes
}
