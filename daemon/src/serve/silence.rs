//! Peers that connect and say nothing: their connections end after a while.

use crate::serve::Ticket;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Bytes after which it is known what a peer speaks (the preface of HTTP/2); from there on the protocol's own limits
/// hold.
const GREETING_BYTES: usize = 24;

/// A stream that fails when its peer does not begin to speak in time.
pub(crate) struct Greeted<S> {
    stream: S,
    /// Until the greeting has come.
    limit: Option<Pin<Box<Sleep>>>,
    heard: usize,
    /// Proven by the greeting, where that is all that is asked for.
    ticket: Option<Arc<Ticket>>,
}

impl<S> Greeted<S> {
    pub(crate) fn new(stream: S, limit: Duration, ticket: Option<Arc<Ticket>>) -> Greeted<S> {
        Greeted { stream, limit: Some(Box::pin(tokio::time::sleep(limit))), heard: 0, ticket }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let Some(limit) = &mut self.limit else { return Pin::new(&mut self.stream).poll_read(cx, into) };
        if limit.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the peer did not begin to speak")));
        }
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        self.heard += into.filled().len() - before;
        if self.heard >= GREETING_BYTES {
            self.limit = None;
            if let Some(ticket) = self.ticket.take() {
                ticket.prove();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_says_nothing_is_not_waited_for() {
        for said in [&b""[..], b"PRI * HTTP/2"] {
            let (mut peer, ours) = tokio::io::duplex(64);
            peer.write_all(said).await.expect("said");
            let error =
                Greeted::new(ours, LIMIT, None).read_to_end(&mut Vec::new()).await.expect_err("a limit");
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn who_spoke_may_be_silent_afterwards() {
        let (mut peer, ours) = tokio::io::duplex(64);
        peer.write_all(&[b'x'; GREETING_BYTES]).await.expect("said");
        let mut ours = Greeted::new(ours, LIMIT, None);
        ours.read_exact(&mut [0; GREETING_BYTES]).await.expect("heard");
        let silence = tokio::time::timeout(3 * LIMIT, ours.read_u8()).await;
        assert!(silence.is_err(), "still waiting");
    }
}
