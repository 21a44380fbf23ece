//! `meta.json`: what a block is, in words that people read too.
//!
//! Invariant: the last member of the file is the CRC32C of every byte before it, so what decodes is
//! what was written.

use std::path::Path;

use serde::{Deserialize, Serialize};
use timberline_codec::crc::crc32c;
use ulid::Ulid;

use crate::{
    BlockError,
    format::{INDEX_FILE, VERSION, VERSION_MIN, data_file},
};

const FORMAT: &str = "timberline block";
/// A `meta.json` larger than this is not one of ours.
const META_BYTES_MAX: usize = 64 << 10;

const SEAL_START: &str = ",\n  \"crc32c\": \"";
const SEAL_END: &str = "\"\n}\n";

/// What a block is and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockMeta {
    /// Its name.
    pub ulid: Ulid,
    /// The version of its format.
    pub version: u8,
    /// How often its samples were compacted: 0 when they come straight from the head.
    pub level: u8,
    /// Its age: of two samples at one instant, that of the higher sequence came later.
    pub sequence: u64,
    /// Its first instant, in nanoseconds.
    pub min_ts: i64,
    /// Its last instant, in nanoseconds.
    pub max_ts: i64,
    /// Series in it, at least 1.
    pub series: u64,
    /// Pages of values in it, or chunks, of floats and histograms.
    pub pages: u64,
    /// Samples in it, floats and histograms.
    pub samples: u64,
    /// How many of the samples are histograms.
    pub histograms: u64,
    /// Exemplars in it.
    pub exemplars: u64,
    /// Bytes of all its files, `meta.json` included.
    pub bytes: u64,
    /// Its other files: `pages` (in version 1 `chunks`) and `index`.
    pub files: Vec<FileMeta>,
}

/// One file of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// Its name in the block's directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// CRC32C of the whole file.
    pub crc32c: u32,
}

/// What tells whether the rest can be read.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u8,
    ulid: String,
    level: u8,
    sequence: u64,
    min_ts: i64,
    max_ts: i64,
    series: u64,
    /// Version 1 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunks: Option<u64>,
    /// From version 2 on, as the two below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pages: Option<u64>,
    samples: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    histograms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exemplars: Option<u64>,
    files: Vec<FileDocument>,
    /// Only looked at as text: see [`sealed_text`].
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "the member must be known for unknown ones to be refused")]
    crc32c: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDocument {
    name: String,
    bytes: u64,
    crc32c: String,
}

impl BlockMeta {
    /// The bytes of the newest version's file. Sets `bytes`, which the file does not hold but is part of.
    pub(crate) fn encode(&mut self) -> Vec<u8> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: self.version,
            ulid: self.ulid.to_string(),
            level: self.level,
            sequence: self.sequence,
            min_ts: self.min_ts,
            max_ts: self.max_ts,
            series: self.series,
            chunks: None,
            pages: Some(self.pages),
            samples: self.samples,
            histograms: Some(self.histograms),
            exemplars: Some(self.exemplars),
            files: self.files.iter().map(FileDocument::of).collect(),
            crc32c: String::new(),
        };
        let json = serde_json::to_string_pretty(&document).expect("a block's meta is plain data");
        let body = json.strip_suffix("\n}").expect("a pretty object ends so");
        let text = format!("{body}{SEAL_START}{:08x}{SEAL_END}", crc32c(body.as_bytes()));
        self.bytes = self.files_bytes().saturating_add(text.len() as u64);
        text.into_bytes()
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// Bytes that this version does not write, and versions that it does not read.
    pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, BlockError> {
        let damaged = |reason: String| BlockError::Meta { path: path.to_owned(), reason };
        let text = sealed_text(bytes).map_err(damaged)?;
        let preamble: Preamble =
            serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if preamble.format != FORMAT {
            return Err(damaged(format!("its format is {:?}, not {FORMAT:?}", preamble.format)));
        }
        if !(u64::from(VERSION_MIN)..=u64::from(VERSION)).contains(&preamble.version) {
            let (path, found) = (path.to_owned(), preamble.version);
            return Err(BlockError::Version { path, found, supported: VERSION });
        }
        let document: Document =
            serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        document.into_meta(bytes.len() as u64).map_err(|what| damaged(what.to_owned()))
    }

    /// The entry of one of the files that every block has.
    pub(crate) fn file(&self, name: &str) -> &FileMeta {
        self.files.iter().find(|file| file.name == name).expect("decoding has checked the names")
    }

    fn files_bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

impl Document {
    fn into_meta(self, own_bytes: u64) -> Result<BlockMeta, &'static str> {
        let ulid = Ulid::from_string(&self.ulid).map_err(|_| "its ulid is not one")?;
        let files: Option<Vec<FileMeta>> =
            self.files.into_iter().map(FileDocument::into_meta).collect();
        let files = files.ok_or("the checksum of a file is not one")?;
        let expected = [data_file(self.version), INDEX_FILE];
        if !files.iter().map(|file| file.name.as_str()).eq(expected) {
            return Err("its files are not those of its version");
        }
        let counts = match self.version {
            VERSION_MIN => (self.chunks, Some(0), Some(0)),
            _ => (self.pages, self.histograms, self.exemplars),
        };
        let (Some(pages), Some(histograms), Some(exemplars)) = counts else {
            return Err("a count is missing");
        };
        let surplus = match self.version {
            VERSION_MIN => self.pages.or(self.histograms).or(self.exemplars),
            _ => self.chunks,
        };
        if surplus.is_some() {
            return Err("it has a count of another version");
        }
        if self.series == 0 || self.min_ts > self.max_ts {
            return Err("it describes a block without samples");
        }
        let mut meta = BlockMeta {
            ulid,
            version: self.version,
            level: self.level,
            sequence: self.sequence,
            min_ts: self.min_ts,
            max_ts: self.max_ts,
            series: self.series,
            pages,
            samples: self.samples,
            histograms,
            exemplars,
            bytes: 0,
            files,
        };
        meta.bytes = meta.files_bytes().saturating_add(own_bytes);
        Ok(meta)
    }
}

impl FileDocument {
    fn of(file: &FileMeta) -> Self {
        let crc32c = format!("{:08x}", file.crc32c);
        Self { name: file.name.clone(), bytes: file.bytes, crc32c }
    }

    fn into_meta(self) -> Option<FileMeta> {
        let crc32c = u32::from_str_radix(&self.crc32c, 16).ok()?;
        Some(FileMeta { name: self.name, bytes: self.bytes, crc32c })
    }
}

/// The text, once its last member has proved to be the checksum of what is before.
fn sealed_text(bytes: &[u8]) -> Result<&str, String> {
    let seal_bytes = SEAL_START.len() + 8 + SEAL_END.len();
    if bytes.len() > META_BYTES_MAX || bytes.len() < seal_bytes {
        return Err(format!("{} bytes are not what it can have", bytes.len()));
    }
    let (body, seal) = bytes.split_at(bytes.len() - seal_bytes);
    let expected = format!("{SEAL_START}{:08x}{SEAL_END}", crc32c(body));
    if seal != expected.as_bytes() {
        return Err("it does not end with the checksum of what is before".to_owned());
    }
    str::from_utf8(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
