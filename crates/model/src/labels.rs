//! Label sets: what a series is.

use std::{fmt, sync::Arc};

use crate::{ErrorKind, limits};

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A sorted set of label names and values; the identity of a series.
///
/// Held as one run of bytes, so that equality, hashing and storage are plain byte work: for each
/// label in order of its name, a LEB128 length and the name, a LEB128 length and the value. Cloning
/// shares the bytes.
///
/// ```
/// use timberline_model::Labels;
///
/// let labels = Labels::from_pairs([("host", "a"), ("__name__", "cpu_usage")])?;
/// assert_eq!(labels.get("host"), Some("a"));
/// assert_eq!(labels.metric_name(), Some("cpu_usage"));
/// assert_eq!(labels.to_string(), r#"cpu_usage{host="a"}"#);
/// # Ok::<(), timberline_model::LabelsError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    bytes: Arc<[u8]>,
}

/// Turns a wire format's bytes of one series' labels into a builder's pairs.
///
/// A plain function, so that the bytes can wait undecoded: most writes are to series already known by
/// those same bytes, and never decode them.
pub type LabelDecoder = fn(&[u8], &mut LabelsBuilder) -> Result<(), LabelsError>;

/// Why a label set is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// A label without a name.
    #[error("empty label name (value {value:?})")]
    EmptyName {
        /// The value that stood with it.
        value: String,
    },
    /// The same name twice.
    #[error("label name {name:?} is given more than once")]
    RepeatedName {
        /// The name.
        name: String,
    },
    /// No metric name where the surface demands one.
    #[error("label __name__ is missing or empty in {labels}")]
    MissingMetricName {
        /// The labels that were given.
        labels: String,
    },
    /// No labels at all.
    #[error("empty label set")]
    Empty,
    /// Bytes that are not UTF-8.
    #[error("{what} is not valid UTF-8: {text:?}")]
    NotUtf8 {
        /// Name or value.
        what: &'static str,
        /// What was there, with replacement characters.
        text: String,
    },
    /// Undecodable bytes.
    #[error("malformed labels: {reason}")]
    Malformed {
        /// What was wrong.
        reason: &'static str,
    },
    /// More labels than allowed.
    #[error("{count} labels exceed the limit of {max}")]
    TooMany {
        /// Labels given.
        count: usize,
        /// Labels allowed.
        max: usize,
    },
    /// A name or value longer than allowed.
    #[error("{what} of {bytes} bytes exceeds the limit of {max} (label {name:?})")]
    TooLong {
        /// `label name`, `label value` or `label set`.
        what: &'static str,
        /// The name of the label, shortened.
        name: String,
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
}

impl LabelsError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TooMany { .. } | Self::TooLong { .. } => ErrorKind::Limit,
            _ => ErrorKind::Invalid,
        }
    }
}

impl Labels {
    /// The set without labels.
    #[must_use]
    pub fn empty() -> Self {
        Self { bytes: Arc::from([].as_slice()) }
    }

    /// Builds a set from pairs in any order. Labels with an empty value are left out, as they mean
    /// the same as absent ones.
    ///
    /// # Errors
    /// An empty or repeated name, or more than the [`limits`] allow.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, LabelsError> {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.push(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// The canonical bytes: what blocks, logs and hashes see.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads canonical bytes back, checking every rule that building checks.
    ///
    /// # Errors
    /// Bytes that [`Labels::as_bytes`] cannot have returned.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LabelsError> {
        let mut previous: Option<&[u8]> = None;
        let mut count = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (name, tail) = split_string(rest).ok_or(CUT)?;
            let (value, tail) = split_string(tail).ok_or(CUT)?;
            check_utf8("label name", name)?;
            check_utf8("label value", value)?;
            if name.is_empty() || value.is_empty() || previous.is_some_and(|p| p >= name) {
                return Err(LabelsError::Malformed { reason: "not sorted, or an empty part" });
            }
            previous = Some(name);
            count += 1;
            rest = tail;
        }
        if count > limits::LABEL_COUNT_MAX {
            return Err(LabelsError::TooMany { count, max: limits::LABEL_COUNT_MAX });
        }
        Ok(Self { bytes: Arc::from(bytes) })
    }

    /// A [`LabelDecoder`] for the canonical bytes.
    ///
    /// # Errors
    /// Bytes that end within a label, or that are not UTF-8.
    pub fn decode_canonical(bytes: &[u8], builder: &mut LabelsBuilder) -> Result<(), LabelsError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (name, tail) = split_string(rest).ok_or(CUT)?;
            let (value, tail) = split_string(tail).ok_or(CUT)?;
            builder.push(check_utf8("label name", name)?, check_utf8("label value", value)?);
            rest = tail;
        }
        Ok(())
    }

    /// Appends one label to canonical bytes under construction. Names must come in rising order and
    /// values must not be empty for the result to be canonical.
    pub fn encode_pair(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        for part in [name, value] {
            push_length(bytes, part.len());
            bytes.extend_from_slice(part);
        }
    }

    /// A stable 64-bit hash (XXH3) of the canonical bytes. An index, never an identity: whoever finds
    /// by it compares the labels too.
    #[must_use]
    pub fn hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.bytes)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts().map(|(name, value)| (text(name), text(value)))
    }

    /// The labels as bytes, which compare as the strings do and need no check.
    fn parts(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (name, tail) = split_string(rest).expect("canonical bytes hold whole labels");
            let (value, tail) = split_string(tail).expect("canonical bytes hold whole labels");
            rest = tail;
            Some((name, value))
        })
    }

    /// The value of a label, if the set has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parts().find(|(n, _)| *n == name.as_bytes()).map(|(_, value)| text(value))
    }

    /// The value of `__name__`.
    #[must_use]
    pub fn metric_name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// How many labels the set has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the set has no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The set with only those labels whose name passes.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for (name, value) in self.iter().filter(|(name, _)| keep(name)) {
            Self::encode_pair(&mut bytes, name.as_bytes(), value.as_bytes());
        }
        Self { bytes: Arc::from(bytes) }
    }
}

const CUT: LabelsError = LabelsError::Malformed { reason: "the bytes end within a label" };

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// By name, then value, label after label: the order of blocks and of query results.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(other.parts())
    }
}

impl fmt::Display for Labels {
    /// As a PromQL selector: `name{label="value"}`, with quoted names where they are not plain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric_name();
        let plain_metric = metric.filter(|name| is_plain_name(name, true));
        f.write_str(plain_metric.unwrap_or(""))?;
        let mut first = true;
        let mut open = |f: &mut fmt::Formatter<'_>| {
            f.write_str(if std::mem::take(&mut first) { "{" } else { ", " })
        };
        if let (Some(name), None) = (metric, plain_metric) {
            open(f)?;
            write_quoted(f, name)?;
        }
        for (name, value) in self.iter().filter(|(name, _)| *name != METRIC_NAME) {
            open(f)?;
            if is_plain_name(name, false) {
                f.write_str(name)?;
            } else {
                write_quoted(f, name)?;
            }
            f.write_str("=")?;
            write_quoted(f, value)?;
        }
        match (first, metric) {
            (false, _) => f.write_str("}"),
            (true, None) => f.write_str("{}"),
            (true, Some(_)) => Ok(()),
        }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Collects labels in any order and makes a [`Labels`] of them. Reusable: building empties it.
#[derive(Debug, Default)]
pub struct LabelsBuilder {
    text: Vec<u8>,
    /// Start of the name, start of the value, end of the value; offsets into `text`.
    spans: Vec<[usize; 3]>,
}

impl LabelsBuilder {
    /// Adds a label. Rules are checked by [`LabelsBuilder::build`].
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let middle = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.spans.push([start, middle, self.text.len()]);
    }

    /// Forgets all labels.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Makes the set and empties the builder, whether it succeeds or not.
    ///
    /// # Errors
    /// An empty or repeated name, or more than the [`limits`] allow.
    pub fn build(&mut self) -> Result<Labels, LabelsError> {
        let result = self.build_bytes();
        self.clear();
        result.map(|bytes| Labels { bytes: Arc::from(bytes) })
    }

    fn build_bytes(&mut self) -> Result<Vec<u8>, LabelsError> {
        let Self { text, spans } = self;
        if spans.len() > limits::LABEL_COUNT_MAX {
            return Err(LabelsError::TooMany { count: spans.len(), max: limits::LABEL_COUNT_MAX });
        }
        if text.len() > limits::LABELS_BYTES_MAX {
            return Err(too_long("label set", b"", text.len(), limits::LABELS_BYTES_MAX));
        }
        spans.sort_by(|a, b| text[a[0]..a[1]].cmp(&text[b[0]..b[1]]));
        let mut bytes = Vec::with_capacity(text.len() + 3 * spans.len());
        let mut previous: Option<&[u8]> = None;
        for &[start, middle, end] in spans.iter() {
            let (name, value) = (&text[start..middle], &text[middle..end]);
            check_label(name, value)?;
            if previous == Some(name) {
                return Err(LabelsError::RepeatedName { name: lossy(name) });
            }
            previous = Some(name);
            if !value.is_empty() {
                Labels::encode_pair(&mut bytes, name, value);
            }
        }
        Ok(bytes)
    }
}

fn check_label(name: &[u8], value: &[u8]) -> Result<(), LabelsError> {
    if name.is_empty() {
        return Err(LabelsError::EmptyName { value: lossy(value) });
    }
    if name.len() > limits::LABEL_NAME_BYTES_MAX {
        return Err(too_long("label name", name, name.len(), limits::LABEL_NAME_BYTES_MAX));
    }
    if value.len() > limits::LABEL_VALUE_BYTES_MAX {
        return Err(too_long("label value", name, value.len(), limits::LABEL_VALUE_BYTES_MAX));
    }
    Ok(())
}

fn too_long(what: &'static str, name: &[u8], bytes: usize, max: usize) -> LabelsError {
    LabelsError::TooLong { what, name: lossy(&name[..name.len().min(64)]), bytes, max }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn check_utf8<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, LabelsError> {
    str::from_utf8(bytes).map_err(|_| LabelsError::NotUtf8 { what, text: lossy(bytes) })
}

/// Splits a LEB128 length and that many bytes from the front.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("canonical bytes are UTF-8")
}

fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len: usize = 0;
    for (index, byte) in bytes.iter().enumerate().take(4) {
        len |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes[index + 1..].split_at_checked(len);
        }
    }
    None
}

fn push_length(bytes: &mut Vec<u8>, mut len: usize) {
    debug_assert!(len < 1 << 28, "a label part is far shorter than four LEB128 bytes can say");
    while len >= 0x80 {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push((len & 0x7f) as u8);
}

fn is_plain_name(name: &str, colons: bool) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colons && b == b':');
    let mut bytes = name.bytes();
    bytes.next().is_some_and(letter) && bytes.all(|b| letter(b) || b.is_ascii_digit())
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if (c as u32) < 0x20 || c as u32 == 0x7f => write!(f, "\\x{:02x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests;
