//! Follows the bytes of an HTTP/1 connection just closely enough to know which of them are a request's
//! target, and percent-encodes those that no target may have.
//!
//! What it is not: a parser of HTTP. It rewrites nothing but bytes of a target that the HTTP library
//! would refuse the whole request for. Whatever it does not understand makes it stand aside for the
//! rest of the connection, and the library judges.
//!
//! Invariant: bytes of bodies and headers pass unchanged, and the framing is never altered.

/// A header longer than this is not one that frames a body.
const HEADER_BYTES_MAX: usize = 256;

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before or in the method, with the bytes of it so far.
    Method(usize),
    /// In the target.
    Target,
    /// After the target, up to the end of the line.
    Version,
    /// In a header's line.
    Header,
    /// In a body, with so many bytes still to come.
    Body(u64),
    /// In the line that gives a chunk's size: the size so far, and whether its digits have ended.
    ChunkSize(u64, bool),
    /// In a chunk, its closing line end included.
    Chunk(u64),
    /// In the lines after the last chunk.
    Trailer,
    /// Standing aside.
    Aside,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct RequestLines {
    place: Place,
    method: [u8; 3],
    /// The header line under way, cut at [`HEADER_BYTES_MAX`].
    line: Vec<u8>,
    line_len: usize,
    content_length: Option<u64>,
    chunked: bool,
}

impl RequestLines {
    /// A connection about to send its first request.
    pub(super) fn new() -> Self {
        Self {
            place: Place::Method(0),
            method: [0; 3],
            line: Vec::new(),
            line_len: 0,
            content_length: None,
            chunked: false,
        }
    }

    /// Follows bytes that arrived. Returns how many of them may pass as they are; when that is not
    /// all, the next byte is one to be encoded, and has been taken note of.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Aside => return bytes.len(),
                Place::Body(left) => {
                    let taken = left.min((bytes.len() - at) as u64);
                    at += usize::try_from(taken).unwrap_or(usize::MAX);
                    self.place = match left - taken {
                        0 => Place::Method(0),
                        left => Place::Body(left),
                    };
                }
                Place::Chunk(left) => {
                    let taken = left.min((bytes.len() - at) as u64);
                    at += usize::try_from(taken).unwrap_or(usize::MAX);
                    self.place = match left - taken {
                        0 => Place::ChunkSize(0, false),
                        left => Place::Chunk(left),
                    };
                }
                Place::Target if is_illegal(bytes[at]) => return at,
                _ => {
                    self.step(bytes[at]);
                    at += 1;
                }
            }
        }
        bytes.len()
    }

    /// Follows one byte outside bodies.
    fn step(&mut self, byte: u8) {
        self.place = match (self.place, byte) {
            // Empty lines between requests are allowed.
            (Place::Method(0), b'\r' | b'\n') => Place::Method(0),
            (Place::Method(len), b' ') if len > 0 => self.after_method(len),
            (Place::Method(len), b'A'..=b'Z') if len < 32 => {
                if let Some(slot) = self.method.get_mut(len) {
                    *slot = byte;
                }
                Place::Method(len + 1)
            }
            (Place::Method(_), _) => Place::Aside,
            (Place::Target, b' ') => Place::Version,
            (Place::Target, b'\r' | b'\n') => Place::Aside,
            (Place::Target, _) => Place::Target,
            (Place::Version, b'\n') => self.start_headers(),
            (Place::Version, _) => Place::Version,
            (Place::Header, b'\n') => self.end_header(),
            (Place::Trailer, b'\n') if self.line_is_empty() => Place::Method(0),
            (Place::Trailer, b'\n') => self.clear_line(Place::Trailer),
            (place @ (Place::Header | Place::Trailer), byte) => {
                self.line_len += 1;
                if self.line.len() < HEADER_BYTES_MAX {
                    self.line.push(byte);
                }
                place
            }
            (Place::ChunkSize(0, true), b'\n') => self.clear_line(Place::Trailer),
            (Place::ChunkSize(size, true), b'\n') => Place::Chunk(size.saturating_add(2)),
            (Place::ChunkSize(size, digits_seen), byte) => chunk_size(size, digits_seen, byte),
            (place, _) => place,
        };
    }

    /// HTTP/2 begins with a line whose method is `PRI`; what `CONNECT` carries is not HTTP.
    fn after_method(&self, len: usize) -> Place {
        match (&self.method, len) {
            (b"PRI", 3) | (b"CON", 7) => Place::Aside,
            _ => Place::Target,
        }
    }

    fn start_headers(&mut self) -> Place {
        self.content_length = None;
        self.chunked = false;
        self.clear_line(Place::Header)
    }

    fn clear_line(&mut self, place: Place) -> Place {
        self.line.clear();
        self.line_len = 0;
        place
    }

    fn line_is_empty(&self) -> bool {
        matches!(self.line.as_slice(), b"" | b"\r")
    }

    /// At the end of a header's line: takes note of what frames the body.
    fn end_header(&mut self) -> Place {
        if self.line_is_empty() {
            return match (self.chunked, self.content_length) {
                (true, Some(_)) => Place::Aside,
                (true, None) => Place::ChunkSize(0, false),
                (false, None | Some(0)) => Place::Method(0),
                (false, Some(length)) => Place::Body(length),
            };
        }
        let place = match self.read_header() {
            Some(()) => Place::Header,
            None => Place::Aside,
        };
        self.clear_line(place)
    }

    /// `None` when the header frames the body in a way that is not understood.
    fn read_header(&mut self) -> Option<()> {
        let Some(colon) = self.line.iter().position(|byte| *byte == b':') else {
            return (self.line_len <= HEADER_BYTES_MAX).then_some(());
        };
        let (name, value) = (&self.line[..colon], self.line[colon + 1..].trim_ascii());
        let whole = self.line_len == self.line.len();
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = str::from_utf8(value).ok()?.parse().ok()?;
            let repeated = self.content_length.replace(length).is_some();
            return (whole && !repeated).then_some(());
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let repeated = std::mem::replace(&mut self.chunked, true);
            return (whole && !repeated && value.eq_ignore_ascii_case(b"chunked")).then_some(());
        }
        // A header by which the connection may leave HTTP/1.
        (!name.eq_ignore_ascii_case(b"upgrade")).then_some(())
    }
}

/// Follows a chunk's size: hexadecimal digits, then perhaps extensions.
fn chunk_size(size: u64, digits_ended: bool, byte: u8) -> Place {
    let digit = char::from(byte).to_digit(16).map(u64::from);
    match (digits_ended, digit, byte) {
        // `true` with the size stands for "digits were seen"; extensions after them are skipped.
        (_, _, b'\n') => Place::Aside,
        (false, Some(digit), _) => match size.checked_mul(16) {
            Some(size) => Place::ChunkSize(size + digit, false),
            None => Place::Aside,
        },
        (false, None, b'\r' | b';' | b' ' | b'\t') => Place::ChunkSize(size, true),
        (true, _, _) => Place::ChunkSize(size, true),
        (false, None, _) => Place::Aside,
    }
}

/// Bytes that a request's target may not have, and that can only be meant as themselves.
///
/// A raw `#` is not among them: a client that sends one means a fragment.
const fn is_illegal(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..)
}

/// Writes a byte as `%XX`.
pub(super) fn percent_encode(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

#[cfg(test)]
mod tests;
