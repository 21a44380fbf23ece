//! Formats of files, and how they are read and written.

use datafusion::{
    datasource::file_format::file_compression_type::FileCompressionType,
    error::{DataFusionError, Result},
    parquet::basic::{Compression, ZstdLevel},
};

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Arrow's IPC, as a file or as a stream; written as a file.
    Arrow,
    /// Comma-separated values.
    Csv,
}

/// The ends of names that say the format.
const ENDS: [(&str, FileFormat); 7] = [
    (".parquet", FileFormat::Parquet),
    (".arrow", FileFormat::Arrow),
    (".arrows", FileFormat::Arrow),
    (".feather", FileFormat::Arrow),
    (".ipc", FileFormat::Arrow),
    (".csv", FileFormat::Csv),
    (".tsv", FileFormat::Csv),
];

impl FileFormat {
    /// The format of a name, by its end; what is compressed as a whole may have the end of that behind it.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end));
        let is_compressed = plain.is_some();
        let plain = plain.unwrap_or(&name);
        let (_, format) = ENDS.iter().find(|(end, _)| plain.ends_with(end))?;
        (*format == Self::Csv || !is_compressed).then_some(*format)
    }

    /// The format that a statement names.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "parquet" => Some(Self::Parquet),
            "arrow" => Some(Self::Arrow),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// How a CSV file is read.
#[derive(Clone, Debug)]
pub(crate) struct ReadOptions {
    /// Between values.
    pub(crate) delimiter: u8,
    /// Whether the first line has the names of the columns.
    pub(crate) header: bool,
}

impl ReadOptions {
    /// What is usual for a name.
    pub(crate) fn of_name(name: &str) -> Self {
        Self { delimiter: usual_delimiter(name), header: true }
    }
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteOptions {
    pub(crate) format: FileFormat,
    /// Whether a file of the name may be there already.
    pub(crate) overwrite: bool,
    /// Of Parquet and Arrow.
    pub(crate) compression: FileCompression,
    /// Between values of CSV.
    pub(crate) delimiter: u8,
    /// Whether CSV begins with the names of the columns.
    pub(crate) header: bool,
    /// Rows that a group of Parquet has at most.
    pub(crate) row_group_size: usize,
}

/// Rows of a group of Parquet, if nobody says otherwise.
const ROW_GROUP_SIZE: usize = 128 << 10;

impl WriteOptions {
    /// What is usual for a format.
    pub(crate) fn of_format(format: FileFormat, name: &str) -> Self {
        let compression = match format {
            FileFormat::Parquet => FileCompression::Zstd,
            FileFormat::Arrow | FileFormat::Csv => FileCompression::None,
        };
        Self {
            format,
            overwrite: false,
            compression,
            delimiter: usual_delimiter(name),
            header: true,
            row_group_size: ROW_GROUP_SIZE,
        }
    }
}

/// How pages or batches of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileCompression {
    None,
    Snappy,
    Zstd,
}

impl FileCompression {
    /// As a statement names it.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "none" | "uncompressed" => Some(Self::None),
            "snappy" => Some(Self::Snappy),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn of_parquet(self) -> Compression {
        match self {
            Self::None => Compression::UNCOMPRESSED,
            Self::Snappy => Compression::SNAPPY,
            Self::Zstd => Compression::ZSTD(ZstdLevel::default()),
        }
    }
}

/// The character that a text consists of, as CSV's delimiter.
///
/// # Errors
/// It is not one character that CSV can have there.
pub(crate) fn delimiter(text: &str) -> Result<u8> {
    match text.as_bytes() {
        [b'\\', b't'] => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(DataFusionError::Plan(format!(
            "the delimiter of CSV is one character of ASCII such as ',' or ';', not '{text}'"
        ))),
    }
}

fn usual_delimiter(name: &str) -> u8 {
    if name.to_ascii_lowercase().contains(".tsv") { b'\t' } else { b',' }
}

/// How a whole file is compressed, by the end of its name.
pub(super) fn whole_compression(name: &str) -> FileCompressionType {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".gz") {
        FileCompressionType::GZIP
    } else if name.ends_with(".zst") {
        FileCompressionType::ZSTD
    } else {
        FileCompressionType::UNCOMPRESSED
    }
}
