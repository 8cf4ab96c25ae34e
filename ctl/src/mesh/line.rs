//! The line to a mesh: shows the token with every call, and goes on to the next daemon when one does not answer.

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use part_proto::status;
use part_trust::{DialError, Token};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::transport::{Channel, Error};
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

/// Calls whose requests are streams: they cannot be sent again, so the next try is the caller's.
const STREAMED: [&str; 4] = [
    "/part.v1.RunService/Submit",
    "/part.v1.BlobService/Put",
    "/part.v1.BlobService/PutMany",
    "/part.v1.BlobService/PutManifest",
];

/// A line to one mesh. Cheap to clone; clones share which daemon answers.
#[derive(Clone)]
pub(crate) struct Line {
    daemons: Arc<[Channel]>,
    /// The one that answered last.
    active: Arc<AtomicUsize>,
    bearer: Option<HeaderValue>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("daemons", &self.daemons.len()).finish_non_exhaustive()
    }
}

impl Line {
    /// Over these channels, at least one; `active` is the one to begin with.
    pub(super) fn new(daemons: Vec<Channel>, active: usize, token: Option<&Token>) -> Line {
        let bearer = token.and_then(|token| HeaderValue::try_from(format!("Bearer {}", token.text())).ok());
        let bearer = bearer.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Line { daemons: daemons.into(), active: Arc::new(AtomicUsize::new(active)), bearer }
    }

    /// Over one channel, with nothing to show.
    pub(super) fn of(channel: Channel) -> Line {
        Line::new(vec![channel], 0, None)
    }

    /// The first daemon's channel.
    #[cfg(test)]
    pub(super) fn first(&self) -> Channel {
        self.daemons[0].clone()
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (mut parts, body) = request.into_parts();
        if let Some(bearer) = &self.bearer {
            parts.headers.insert(AUTHORIZATION, bearer.clone());
        }
        if self.daemons.len() < 2 || STREAMED.contains(&parts.uri.path()) {
            let active = self.active.load(Ordering::Relaxed);
            let answer = self.ask(active, Request::from_parts(parts, body)).await;
            if !is_answer(&answer) {
                self.give_up(active);
            }
            return told(answer);
        }
        let bytes = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(status) => return Ok(status.into_http()),
        };
        let mut last = None;
        for _ in 0..self.daemons.len() {
            let active = self.active.load(Ordering::Relaxed);
            let answer = self.ask(active, again(&parts, bytes.clone())).await;
            if is_answer(&answer) {
                return told(answer);
            }
            self.give_up(active);
            last = Some(answer);
        }
        match last {
            Some(answer) => told(answer),
            None => Ok(status::unavailable("no daemon is known").into_http()),
        }
    }

    async fn ask(&self, daemon: usize, request: Request<Body>) -> Result<Response<Body>, Error> {
        match self.daemons.get(daemon) {
            Some(channel) => channel.clone().oneshot(request).await,
            None => Ok(status::unavailable("no daemon is known").into_http()),
        }
    }

    /// The next call goes to the next daemon, unless another call has seen to that.
    fn give_up(&self, daemon: usize) {
        let next = (daemon + 1) % self.daemons.len().max(1);
        let moved = self.active.compare_exchange(daemon, next, Ordering::Relaxed, Ordering::Relaxed);
        if moved.is_ok() && next != daemon {
            tracing::info!(daemon, next, "a daemon does not answer; going on to the next");
        }
    }
}

fn again(parts: &http::request::Parts, bytes: Bytes) -> Request<Body> {
    let mut request = Request::new(Body::new(Full::new(bytes)));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.version_mut() = parts.version;
    *request.headers_mut() = parts.headers.clone();
    request
}

/// True when a daemon has answered, in whatever way; false when another may do better.
fn is_answer(answer: &Result<Response<Body>, Error>) -> bool {
    match answer {
        Ok(response) => {
            let status = Status::from_header_map(response.headers());
            status.is_none_or(|status| status.code() != Code::Unavailable)
        }
        Err(_) => false,
    }
}

/// Says in words what the transport hides in a chain of causes.
fn told(answer: Result<Response<Body>, Error>) -> Result<Response<Body>, Error> {
    answer.or_else(|error| match DialError::behind(&error) {
        Some(found) => Ok(status::unavailable(found.to_string()).into_http()),
        None => Err(error),
    })
}

impl Service<Request<Body>> for Line {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Each channel is waited for when it is used.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
