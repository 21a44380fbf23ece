//! The segment file: its name and its header.
//!
//! The format is described in `docs/formats/log.md`.

use std::path::{Path, PathBuf};

use timberline_codec::crc::crc32c;

use crate::{
    LogError,
    frame::{FRAME_ALIGN, u32_at, u64_at},
};

/// Bytes of a segment's header; the first frame follows.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 32;
/// The same, as a position in the file.
pub(crate) const FIRST_FRAME: u64 = SEGMENT_HEADER_BYTES as u64;

const MAGIC: [u8; 8] = *b"TMBRLOG\n";
const VERSION: u8 = 1;
const EXTENSION: &str = ".log";
const NAME_DIGITS: usize = 20;
/// No log grows this far; a name that says so is not taken for a segment's, so that adding lengths to
/// offsets never overflows.
const BASE_MAX: u64 = 1 << 62;

const _: () = assert!(SEGMENT_HEADER_BYTES.is_multiple_of(FRAME_ALIGN));

/// A segment as the log knows it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Offset of its first frame.
    pub(crate) base: u64,
    pub(crate) path: PathBuf,
    /// Bytes of the file.
    pub(crate) len: u64,
}

impl Segment {
    /// Where in the file an offset lies.
    pub(crate) fn position(&self, offset: u64) -> u64 {
        FIRST_FRAME + (offset - self.base)
    }

    /// Which offset lies at a position behind the header.
    pub(crate) fn offset(&self, position: u64) -> u64 {
        self.base + (position - FIRST_FRAME)
    }
}

/// Where the segment with that base lies.
pub(crate) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:0NAME_DIGITS$}{EXTENSION}"))
}

/// The base that a file's name says, if it is a segment's name.
pub(crate) fn base_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|base| *base <= BASE_MAX)
}

/// The header of a segment.
pub(crate) fn header(base: u64) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8] = VERSION;
    bytes[16..24].copy_from_slice(&base.to_le_bytes());
    let crc = crc32c(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Whether these bytes are the header of the segment with that base.
///
/// # Errors
/// [`LogError::Version`] for a sound header of another version.
pub(crate) fn check_header(path: &Path, bytes: &[u8], base: u64) -> Result<bool, LogError> {
    let Some(bytes) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else { return Ok(false) };
    if bytes[0..8] != MAGIC || u32_at(bytes, 28) != crc32c(&bytes[..28]) {
        return Ok(false);
    }
    if bytes[8] != VERSION {
        return Err(LogError::Version { path: path.to_owned(), found: bytes[8], known: VERSION });
    }
    Ok(u64_at(bytes, 16) == base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_base() {
        let path = path(Path::new("/log"), 4096);
        assert_eq!(path, Path::new("/log/00000000000000004096.log"));
        assert_eq!(base_of("00000000000000004096.log"), Some(4096));
        assert_eq!(base_of("04611686018427387904.log"), Some(BASE_MAX));
        for other in ["4096.log", "+0000000000000004096.log", "18446744073709551615.log", "x.tmp"] {
            assert_eq!(base_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_header_is_known_by_its_base_and_version() {
        let path = Path::new("/log/x.log");
        let mut bytes = header(77);
        assert!(check_header(path, &bytes, 77).unwrap());
        assert!(!check_header(path, &bytes, 78).unwrap());
        assert!(!check_header(path, &bytes[..31], 77).unwrap());
        bytes[8] = 9;
        assert!(!check_header(path, &bytes, 77).unwrap());
        let crc = crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        let error = check_header(path, &bytes, 77).unwrap_err();
        assert!(error.to_string().contains("format version 9"), "{error}");
    }
}
