//! `prometheus.ReadRequest`.
//!
//! Fields: `queries = 1` with `start_timestamp_ms = 1`, `end_timestamp_ms = 2` (both included),
//! `matchers = 3`, `hints = 4`; `accepted_response_types = 2`. A matcher has `type = 1`, `name = 2`,
//! `value = 3`. Hints say what the asker will do with the samples; they bind nobody, and are not read.

use timberline_model::{MatchOp, Matcher, NANOS_PER_MILLI, TimeRange};

use crate::{
    ProtocolError,
    protobuf::{Field, Reader},
};

/// How much one request may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Queries.
    pub queries_max: usize,
    /// Matchers, of all queries together.
    pub matchers_max: usize,
    /// Those of them that are regular expressions: each takes memory until the answer is written.
    pub regexes_max: usize,
}

/// A form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseType {
    /// Samples, in one message.
    Samples,
    /// Chunks, in a stream of messages.
    StreamedXorChunks,
}

/// One question: the series that all matchers pick, and a span of time.
#[derive(Clone, Debug)]
pub struct ReadQuery {
    /// Nanoseconds; the last millisecond is included whole.
    pub range: TimeRange,
    /// All must pass.
    pub matchers: Vec<Matcher>,
}

/// Several questions.
#[derive(Clone, Debug, Default)]
pub struct ReadRequest {
    /// The questions, in the order of their answers.
    pub queries: Vec<ReadQuery>,
    /// The forms that the asker takes, by their numbers, best first; none means samples.
    accepted: Vec<u64>,
}

/// Forms kept; a sender that knows more than these lists none of them first.
const ACCEPTED_KEPT: usize = 64;

impl ReadRequest {
    /// The first form in the asker's list that exists here.
    ///
    /// # Errors
    /// A list of forms of which none exists.
    pub fn response_type(&self) -> Result<ResponseType, ProtocolError> {
        if self.accepted.is_empty() {
            return Ok(ResponseType::Samples);
        }
        let known = |code: &u64| match code {
            0 => Some(ResponseType::Samples),
            1 => Some(ResponseType::StreamedXorChunks),
            _ => None,
        };
        let unknown = || ProtocolError::ResponseTypes { requested: self.accepted.clone() };
        self.accepted.iter().find_map(known).ok_or_else(unknown)
    }
}

/// Decodes a decompressed body.
///
/// # Errors
/// Bytes that are not the message, a limit exceeded, or a matcher that is none: a type that does not
/// exist, text that is not UTF-8, a regular expression that does not compile.
pub fn decode_request(body: &[u8], limits: &ReadLimits) -> Result<ReadRequest, ProtocolError> {
    let mut request = ReadRequest::default();
    let mut room = *limits;
    let mut fields = Reader::new(body);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => {
                take(&mut room.queries_max, "queries", limits.queries_max)?;
                let index = request.queries.len();
                request.queries.push(read_query(&field, index, &mut room, limits)?);
            }
            2 => field.for_each_varint(|code| {
                if request.accepted.len() < ACCEPTED_KEPT {
                    request.accepted.push(code);
                }
            })?,
            _ => {}
        }
    }
    Ok(request)
}

fn take(left: &mut usize, what: &'static str, max: usize) -> Result<(), ProtocolError> {
    *left = left.checked_sub(1).ok_or(ProtocolError::TooMany { what, max })?;
    Ok(())
}

fn read_query(
    field: &Field<'_>,
    index: usize,
    room: &mut ReadLimits,
    limits: &ReadLimits,
) -> Result<ReadQuery, ProtocolError> {
    let (mut start_ms, mut end_ms, mut matchers) = (0_i64, 0_i64, Vec::new());
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => start_ms = field.varint()? as i64,
            2 => end_ms = field.varint()? as i64,
            3 => {
                take(&mut room.matchers_max, "matchers", limits.matchers_max)?;
                let (op, name, value) = read_matcher(&field, index)?;
                if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
                    take(&mut room.regexes_max, "regular expressions", limits.regexes_max)?;
                }
                let matcher = Matcher::new(name, op, value)
                    .map_err(|error| bad_matcher(index, error.to_string()))?;
                matchers.push(matcher);
            }
            _ => {}
        }
    }
    let start = start_ms.saturating_mul(NANOS_PER_MILLI);
    let end = end_ms.saturating_mul(NANOS_PER_MILLI).saturating_add(NANOS_PER_MILLI - 1);
    Ok(ReadQuery { range: TimeRange::new(start, end), matchers })
}

fn read_matcher<'a>(
    field: &Field<'a>,
    query: usize,
) -> Result<(MatchOp, &'a str, &'a str), ProtocolError> {
    let (mut op, mut name, mut value): (u64, &[u8], &[u8]) = (0, b"", b"");
    let mut fields = field.message()?;
    while let Some(field) = fields.next()? {
        match field.number {
            1 => op = field.varint()?,
            2 => name = field.bytes()?,
            3 => value = field.bytes()?,
            _ => {}
        }
    }
    let op = match op {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        _ => return Err(bad_matcher(query, format!("matcher type {op} does not exist"))),
    };
    let text = |what, bytes| {
        str::from_utf8(bytes).map_err(|_| bad_matcher(query, format!("{what} is not UTF-8")))
    };
    Ok((op, text("a matcher's name", name)?, text("a matcher's value", value)?))
}

#[cold]
fn bad_matcher(query: usize, reason: String) -> ProtocolError {
    ProtocolError::Matcher { query, reason }
}
