//! The shim's end of a connection: lines in, lines out, without ever waiting for the other side.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use serde::Deserialize;

use super::bounds;
use super::protocol::{Line, Request, Response};

/// A connection, from the shim's side.
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    incoming: Vec<u8>,
    /// How much of `incoming` is known to hold no end of line.
    searched: usize,
    outgoing: Vec<u8>,
    sent: usize,
    open: bool,
}

/// One thing that came in.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A request.
    Request(Line<Request>),
    /// A line that is none; with the number of the request, where it has one.
    Nonsense { id: Option<u64>, reason: String },
}

#[derive(Deserialize)]
struct Numbered {
    id: Option<u64>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Ok(Connection { stream, incoming, searched: 0, outgoing, sent: 0, open: true })
    }

    /// Whether the other side is still there, as far as we know.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    pub(crate) fn wants_to_write(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Takes in what has arrived. Whatever breaks the connection closes it: the other side can come back.
    pub(crate) fn receive(&mut self) {
        let mut buffer = [0; 16 << 10];
        while self.incoming.len() <= bounds::MAX_LINE_BYTES {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.open = false;
                    return;
                }
                Ok(count) => self.incoming.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.open = false;
                    return;
                }
            }
        }
    }

    /// The next whole line. A line above the bound closes the connection.
    pub(crate) fn hear(&mut self) -> Option<Heard> {
        let Some(length) = self.incoming[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.incoming.len();
            if self.searched > bounds::MAX_LINE_BYTES {
                self.open = false;
                self.incoming = Vec::new();
                self.searched = 0;
            }
            return None;
        };
        let end = self.searched + length;
        let heard = understand(&self.incoming[..end]);
        self.incoming.drain(..=end);
        self.searched = 0;
        Some(heard)
    }

    /// Says something, now or when the other side reads.
    pub(crate) fn say(&mut self, id: Option<u64>, say: Response) {
        match serde_json::to_vec(&Line { id, say }) {
            Ok(line) => self.outgoing.extend_from_slice(&line),
            // Our own types always have a form in JSON; should one not, the connection is of no use.
            Err(_) => self.open = false,
        }
        self.outgoing.push(b'\n');
        self.send();
        if self.outgoing.len() - self.sent > bounds::MAX_UNSENT_BYTES {
            self.open = false;
        }
    }

    /// Sends what the other side is ready to take.
    pub(crate) fn send(&mut self) {
        while self.open && self.wants_to_write() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(0) => self.open = false,
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.open = false,
            }
        }
        if !self.wants_to_write() {
            self.outgoing.clear();
            self.sent = 0;
        }
    }
}

fn understand(line: &[u8]) -> Heard {
    match serde_json::from_slice(line) {
        Ok(request) => Heard::Request(request),
        Err(error) => {
            let id = serde_json::from_slice::<Numbered>(line).ok().and_then(|numbered| numbered.id);
            Heard::Nonsense { id, reason: format!("the request is not understood: {error}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> io::Result<(Connection, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Connection::new(ours)?, theirs))
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() -> io::Result<()> {
        let (mut connection, mut peer) = pair()?;
        peer.write_all(b"{\"id\":1,\"say\":\"sta")?;
        connection.receive();
        assert!(connection.hear().is_none());
        peer.write_all(b"tus\"}\n{\"id\":2,\"say\":\"dance\"}\nrubbish\n")?;
        connection.receive();
        let first = connection.hear();
        assert!(matches!(first, Some(Heard::Request(Line { id: Some(1), say: Request::Status }))));
        assert!(matches!(connection.hear(), Some(Heard::Nonsense { id: Some(2), .. })));
        assert!(matches!(connection.hear(), Some(Heard::Nonsense { id: None, .. })));
        assert!(connection.hear().is_none() && connection.is_open());
        drop(peer);
        connection.receive();
        assert!(!connection.is_open());
        Ok(())
    }

    #[test]
    fn an_endless_line_closes_the_connection() -> io::Result<()> {
        let (mut connection, mut peer) = pair()?;
        peer.set_nonblocking(true)?;
        let block = [b'x'; 64 << 10];
        let mut fed = 0;
        while connection.is_open() && fed <= 4 * bounds::MAX_LINE_BYTES {
            match peer.write(&block) {
                Ok(count) => fed += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            connection.receive();
            assert!(connection.hear().is_none());
        }
        assert!(!connection.is_open());
        assert!(fed <= 2 * bounds::MAX_LINE_BYTES);
        Ok(())
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up() -> io::Result<()> {
        let (mut connection, _peer) = pair()?;
        let reason = "x".repeat(100 << 10);
        for _ in 0..100 {
            connection.say(None, Response::Refused { reason: reason.clone() });
        }
        assert!(!connection.is_open());
        Ok(())
    }
}
