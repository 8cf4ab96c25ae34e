//! Many blobs in few messages: how clients, daemons and workers pack and unpack them.
//!
//! Small blobs share a message, large ones span several. Who packs never holds more than it was given; who unpacks
//! sees each piece as soon as it is there.

use crate::v1::BlobPiece;
use prost::bytes::Bytes;
use std::collections::VecDeque;
use thiserror::Error;

/// Bytes of one message of pieces, digests and overhead included: enough to make the message itself cheap.
pub const PIECES_BYTES: usize = 1 << 20;

/// Most digests in one question about blobs.
pub const DIGESTS_PER_QUESTION: usize = 20_000;

/// What a piece costs besides its data: tags, lengths, digest, and the flag.
const PIECE_BYTES: usize = 48;

/// A BLAKE3 digest, as it travels.
pub type RawDigest = [u8; 32];

/// Puts blobs into messages.
///
/// For each blob: [`Packer::begin`], then [`Packer::data`] as often as needed, then [`Packer::end`]; take the messages
/// that are full after each call, and the rest at the end.
#[derive(Debug, Default)]
pub struct Packer {
    full: VecDeque<Vec<BlobPiece>>,
    open: Vec<BlobPiece>,
    open_bytes: usize,
    /// The digest of a blob of which no piece was made yet.
    begun: Option<RawDigest>,
}

impl Packer {
    /// A packer with nothing in it.
    pub fn new() -> Packer {
        Packer::default()
    }

    /// Begins the next blob.
    pub fn begin(&mut self, digest: RawDigest) {
        self.begun = Some(digest);
    }

    /// Adds bytes to the blob that was begun last.
    pub fn data(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            self.make_room(1);
            let room = PIECES_BYTES - self.open_bytes - PIECE_BYTES;
            let data = bytes.split_to(room.min(bytes.len()));
            self.push(data, false);
        }
    }

    /// Ends the blob that was begun last.
    pub fn end(&mut self) {
        match self.open.last_mut() {
            Some(piece) if self.begun.is_none() => piece.last = true,
            Some(_) | None => {
                self.make_room(0);
                self.push(Bytes::new(), true);
            }
        }
    }

    /// Adds a blob that is in memory.
    pub fn blob(&mut self, digest: RawDigest, bytes: Bytes) {
        self.begin(digest);
        self.data(bytes);
        self.end();
    }

    /// A message that is full, if there is one. Ask until there is none.
    pub fn take_full(&mut self) -> Option<Vec<BlobPiece>> {
        self.full.pop_front()
    }

    /// What is left after all full messages were taken; none when nothing is.
    pub fn take_rest(&mut self) -> Option<Vec<BlobPiece>> {
        self.open_bytes = 0;
        (!self.open.is_empty()).then(|| std::mem::take(&mut self.open))
    }

    fn make_room(&mut self, data: usize) {
        if self.open_bytes + PIECE_BYTES + data > PIECES_BYTES {
            let full = self.take_rest();
            self.full.extend(full);
        }
    }

    fn push(&mut self, data: Bytes, last: bool) {
        self.open_bytes += PIECE_BYTES + data.len();
        let digest = self.begun.take().map(Vec::from).unwrap_or_default();
        self.open.push(BlobPiece { digest, data, last });
    }
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unpacked {
    /// A blob as a whole.
    Whole {
        /// Its digest, as announced.
        digest: RawDigest,
        /// All of its bytes.
        data: Bytes,
    },
    /// The beginning of a blob; more of it follows.
    First {
        /// Its digest, as announced.
        digest: RawDigest,
        /// Its first bytes.
        data: Bytes,
    },
    /// More of the same blob.
    Middle {
        /// Its next bytes.
        data: Bytes,
    },
    /// The end of the same blob.
    Last {
        /// Its last bytes.
        data: Bytes,
    },
}

/// Pieces that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PieceError {
    /// A digest has another length than 32 bytes.
    #[error("a digest has 32 bytes, not {0}")]
    Digest(usize),
    /// A blob begins without its digest.
    #[error("the first piece of a blob must name its digest")]
    NoDigest,
    /// A blob begins before the last one ended.
    #[error("a blob begins before the one before it has ended")]
    Unended,
    /// The stream ends in the middle of a blob.
    #[error("the stream ends in the middle of a blob")]
    CutOff,
}

/// Makes sense of pieces, one after the other.
#[derive(Debug, Default)]
pub struct Unpacker {
    inside: bool,
}

impl Unpacker {
    /// An unpacker that expects the beginning of a blob.
    pub fn new() -> Unpacker {
        Unpacker::default()
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: BlobPiece) -> Result<Unpacked, PieceError> {
        let BlobPiece { digest, data, last } = piece;
        let digest = match digest.len() {
            0 => None,
            _ => Some(raw_digest(&digest)?),
        };
        let inside = std::mem::replace(&mut self.inside, !last);
        match (digest, inside, last) {
            (Some(digest), false, true) => Ok(Unpacked::Whole { digest, data }),
            (Some(digest), false, false) => Ok(Unpacked::First { digest, data }),
            (None, true, false) => Ok(Unpacked::Middle { data }),
            (None, true, true) => Ok(Unpacked::Last { data }),
            (None, false, _) => Err(PieceError::NoDigest),
            (Some(_), true, _) => Err(PieceError::Unended),
        }
    }

    /// Checks that the last blob has ended.
    pub fn finish(&self) -> Result<(), PieceError> {
        if self.inside { Err(PieceError::CutOff) } else { Ok(()) }
    }
}

/// A digest from its bytes.
pub fn raw_digest(bytes: &[u8]) -> Result<RawDigest, PieceError> {
    bytes.try_into().map_err(|_| PieceError::Digest(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    fn digest(number: usize) -> RawDigest {
        std::array::from_fn(|place| (number >> (8 * (place % 4))) as u8)
    }

    fn pack(sizes: &[usize], step: usize) -> Vec<Vec<BlobPiece>> {
        let (mut packer, mut messages) = (Packer::new(), Vec::new());
        for (number, size) in sizes.iter().enumerate() {
            let content: Bytes = vec![number as u8; *size].into();
            packer.begin(digest(number));
            for chunk in content.chunks(step) {
                packer.data(content.slice_ref(chunk));
                while let Some(full) = packer.take_full() {
                    messages.push(full);
                }
            }
            packer.end();
            while let Some(full) = packer.take_full() {
                messages.push(full);
            }
        }
        messages.extend(packer.take_rest());
        assert_eq!(packer.take_rest(), None);
        messages
    }

    fn unpack(messages: Vec<Vec<BlobPiece>>) -> Vec<(RawDigest, Vec<u8>)> {
        let (mut unpacker, mut blobs) = (Unpacker::new(), Vec::<(RawDigest, Vec<u8>)>::new());
        for piece in messages.into_iter().flatten() {
            match unpacker.take(piece).expect("a piece") {
                Unpacked::Whole { digest, data } | Unpacked::First { digest, data } => {
                    blobs.push((digest, data.to_vec()));
                }
                Unpacked::Middle { data } | Unpacked::Last { data } => {
                    blobs.last_mut().expect("a blob").1.extend_from_slice(&data);
                }
            }
        }
        unpacker.finish().expect("whole blobs");
        blobs
    }

    #[test]
    fn what_is_packed_comes_out_in_messages_of_bounded_size() {
        const FULL: usize = PIECES_BYTES - PIECE_BYTES;
        let tables: [&[usize]; 7] = [
            &[],
            &[0],
            &[0, 1, 0],
            &[FULL, FULL + 1, FULL - 1, 0, 5],
            &[3 * PIECES_BYTES + 7],
            &[FULL - PIECE_BYTES, 0, 1],
            &[1; 50_000],
        ];
        for sizes in tables {
            for step in [4096, 300_000, usize::MAX] {
                let messages = pack(sizes, step);
                for message in &messages {
                    let pieces = message.iter().map(|piece| piece.encoded_len() + 4).sum::<usize>();
                    assert!(pieces <= PIECES_BYTES, "{pieces} bytes");
                }
                let total: usize = sizes.iter().map(|size| size + PIECE_BYTES).sum();
                assert!(messages.len() <= 1 + 2 * total / PIECES_BYTES, "messages are filled");
                let blobs = unpack(messages);
                assert_eq!(blobs.len(), sizes.len());
                for (number, (named, content)) in blobs.iter().enumerate() {
                    assert_eq!(*named, digest(number));
                    assert!(*content == vec![number as u8; sizes[number]], "{number}");
                }
            }
        }
    }

    #[test]
    fn pieces_that_make_no_sense_are_refused() {
        let piece = |digest: &[u8], last| BlobPiece { digest: digest.to_vec(), data: Bytes::new(), last };
        let table: [(&[BlobPiece], PieceError); 5] = [
            (&[piece(b"short", true)], PieceError::Digest(5)),
            (&[piece(&[0; 33], true)], PieceError::Digest(33)),
            (&[piece(&[], true)], PieceError::NoDigest),
            (&[piece(&[1; 32], true), piece(&[], false)], PieceError::NoDigest),
            (&[piece(&[1; 32], false), piece(&[2; 32], true)], PieceError::Unended),
        ];
        for (pieces, expected) in table {
            let mut unpacker = Unpacker::new();
            let taken: Result<Vec<_>, _> = pieces.iter().map(|piece| unpacker.take(piece.clone())).collect();
            assert_eq!(taken.expect_err("a refusal"), expected);
        }
        let mut unpacker = Unpacker::new();
        unpacker.take(piece(&[1; 32], false)).expect("a beginning");
        assert_eq!(unpacker.finish(), Err(PieceError::CutOff));
    }
}
