//! An S3 server in this process, on a free port, over a temporary folder. It ends with the test's runtime.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use part_store::S3Options;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;

const KEY: &str = "part";
const SECRET: &str = "a-secret-of-tests";
const BUCKET: &str = "blobs";

pub(crate) struct S3Server {
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl S3Server {
    /// Starts a server that has one empty bucket.
    pub(crate) fn start() -> S3Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["server/blobs", "spool"] {
            std::fs::create_dir_all(folder.path().join(part)).expect("a folder");
        }
        let files = s3s_fs::FileSystem::new(folder.path().join("server")).expect("a file system");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let listener = TcpListener::from_std(listener).expect("a listener");
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    // The client closes connections as it likes.
                    drop(
                        Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(socket), service)
                            .await,
                    );
                });
            }
        });
        S3Server { folder, address }
    }

    /// How to reach its bucket.
    pub(crate) fn options(&self) -> S3Options {
        S3Options {
            bucket: BUCKET.to_owned(),
            prefix: "some/mesh".to_owned(),
            spool: self.spool(),
            settings: vec![
                ("AWS_ENDPOINT_URL".to_owned(), format!("http://{}", self.address)),
                ("AWS_ACCESS_KEY_ID".to_owned(), KEY.to_owned()),
                ("AWS_SECRET_ACCESS_KEY".to_owned(), SECRET.to_owned()),
                ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
            ],
        }
    }

    /// Where blobs of more than a few MiB wait for their upload.
    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// The file behind a key.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join("server").join(BUCKET).join(key)
    }

    /// What the server keeps, buckets and notes of its own.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join("server")
    }
}

/// An S3 store under its own settings, some of them replaced.
pub(crate) fn with(mut options: S3Options, settings: &[(&str, &str)]) -> S3Options {
    for (name, value) in settings {
        options.settings.retain(|(known, _)| known != name);
        options.settings.push(((*name).to_owned(), (*value).to_owned()));
    }
    options
}

/// The names of the files in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("a folder");
    files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect()
}
