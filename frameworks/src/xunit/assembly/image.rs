//! The way from a file to its metadata: portable executable, CLI header, metadata root, streams.

/// Bytes that may end before one thinks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..at.checked_add(2)?)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        let bytes = self.0.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// A 32-bit number that is a place or a size.
    pub(super) fn size(self, at: usize) -> Option<usize> {
        usize::try_from(self.u32(at)?).ok()
    }

    pub(super) fn part(self, at: usize, length: usize) -> Option<Bytes<'a>> {
        self.0.get(at..at.checked_add(length)?).map(Bytes)
    }

    /// The text up to the next zero.
    pub(super) fn text(self, at: usize) -> Option<&'a str> {
        let rest = self.0.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&rest[..end]).ok()
    }
}

/// The streams of an assembly's metadata.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams<'a> {
    /// The tables.
    pub(super) tables: Bytes<'a>,
    /// Names.
    pub(super) strings: Bytes<'a>,
    /// Signatures and the values of attributes.
    pub(super) blobs: Bytes<'a>,
}

/// Data directory of the CLI header.
const CLI_DIRECTORY: usize = 14;
/// `BSJB`.
const METADATA_SIGNATURE: u32 = 0x424A_5342;

/// Finds the metadata in `file`; none where it is no assembly.
pub(super) fn streams(file: &[u8]) -> Option<Streams<'_>> {
    let file = Bytes(file);
    if file.u16(0)? != u16::from_le_bytes(*b"MZ") {
        return None;
    }
    let header = file.size(0x3C)?;
    if file.u32(header)? != u32::from_le_bytes(*b"PE\0\0") {
        return None;
    }
    let sections = usize::from(file.u16(header + 6)?);
    let optional_size = usize::from(file.u16(header + 20)?);
    let optional = header + 24;
    let directories = match file.u16(optional)? {
        0x10B => optional + 96,
        0x20B => optional + 112,
        _ => return None,
    };
    let place = |address: u32| in_file(file, optional + optional_size, sections, address);
    let cli = place(file.u32(directories + 8 * CLI_DIRECTORY)?)?;
    let start = place(file.u32(cli + 8)?)?;
    let metadata = file.part(start, file.size(cli + 12)?)?;
    if metadata.u32(0)? != METADATA_SIGNATURE {
        return None;
    }
    let version = metadata.size(12)?;
    let mut at = 16_usize.checked_add(version)?.checked_add(2)?;
    let count = metadata.u16(at)?;
    at += 2;
    let (mut tables, mut strings, mut blobs) = (None, None, None);
    for _ in 0..count {
        let stream = metadata.part(metadata.size(at)?, metadata.size(at + 4)?);
        let name = metadata.text(at + 8)?;
        match name {
            "#~" => tables = stream,
            "#Strings" => strings = stream,
            "#Blob" => blobs = stream,
            _ => {}
        }
        // Names end with a zero and are filled up to four bytes.
        at += 8 + (name.len() + 4) / 4 * 4;
    }
    Some(Streams { tables: tables?, strings: strings?, blobs: blobs.unwrap_or(Bytes(&[])) })
}

/// Where in the file an address of the loaded image is.
fn in_file(file: Bytes<'_>, sections: usize, count: usize, address: u32) -> Option<usize> {
    (0..count).find_map(|number| {
        let section = sections + 40 * number;
        let start = file.u32(section + 12)?;
        let length = file.u32(section + 8)?.max(file.u32(section + 16)?);
        let inside = address.checked_sub(start).filter(|inside| *inside < length)?;
        usize::try_from(file.u32(section + 20)?.checked_add(inside)?).ok()
    })
}
