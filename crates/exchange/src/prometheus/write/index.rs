//! The index of a block, written from its first byte to its last.
//!
//! Label indices are left out: Prometheus has not read them since version 2 of the format.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Write},
};

use timberline_codec::{
    crc::crc32c,
    varint::{put_ivarint, put_uvarint},
};
use timberline_model::Labels;

use crate::prometheus::index::{ChunkPlace, MAGIC, SERIES_ALIGN, VERSION};

/// A file that knows how far it is written.
struct Counted<W> {
    file: W,
    position: u64,
}

impl<W: Write> Counted<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn align(&mut self, to: u64) -> io::Result<()> {
        let padding = (self.position.next_multiple_of(to) - self.position) as usize;
        self.put(&[0; SERIES_ALIGN][..padding])
    }

    /// Writes a section: its length, its content, its checksum. Returns where it begins.
    fn section(&mut self, content: &[u8]) -> io::Result<u64> {
        let at = self.position;
        let len = u32::try_from(content.len())
            .map_err(|_| io::Error::other("a section of an index has more than 4 GiB"))?;
        self.put(&len.to_be_bytes())?;
        self.put(content)?;
        self.put(&crc32c(content).to_be_bytes())?;
        Ok(at)
    }
}

/// Writes the index of series, which are in order of their labels.
pub(super) fn write_index<W: Write>(
    file: W,
    series: &[(Labels, Vec<ChunkPlace>)],
) -> io::Result<W> {
    let mut out = Counted { file, position: 0 };
    out.put(&MAGIC.to_be_bytes())?;
    out.put(&[VERSION])?;
    let symbols: BTreeSet<&str> =
        series.iter().flat_map(|(labels, _)| labels.iter()).flat_map(|(n, v)| [n, v]).collect();
    let numbers: HashMap<&str, u64> = symbols.iter().copied().zip(0..).collect();
    let symbols_at = write_symbols(&mut out, &symbols)?;
    out.align(SERIES_ALIGN as u64)?;
    let series_at = out.position;
    let mut postings: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    let mut entry = Vec::new();
    for (labels, chunks) in series {
        out.align(SERIES_ALIGN as u64)?;
        let reference = u32::try_from(out.position / SERIES_ALIGN as u64)
            .map_err(|_| io::Error::other("the series of an index need more than 64 GiB"))?;
        postings.entry(("", "")).or_default().push(reference);
        for pair in labels.iter() {
            postings.entry(pair).or_default().push(reference);
        }
        encode_series(labels, chunks, &numbers, &mut entry);
        let mut head = Vec::with_capacity(5);
        put_uvarint(&mut head, entry.len() as u64);
        out.put(&head)?;
        out.put(&entry)?;
        out.put(&crc32c(&entry).to_be_bytes())?;
    }
    out.align(4)?;
    let postings_at = out.position;
    let mut table = (postings.len() as u32).to_be_bytes().to_vec();
    for ((name, value), references) in &postings {
        out.align(4)?;
        let mut content = (references.len() as u32).to_be_bytes().to_vec();
        content.extend(references.iter().flat_map(|reference| reference.to_be_bytes()));
        let at = out.section(&content)?;
        put_uvarint(&mut table, 2);
        put_text(&mut table, name);
        put_text(&mut table, value);
        put_uvarint(&mut table, at);
    }
    let label_table_at = out.section(&0_u32.to_be_bytes())?;
    let postings_table_at = out.section(&table)?;
    let offsets =
        [symbols_at, series_at, postings_at, label_table_at, postings_at, postings_table_at];
    let toc: Vec<u8> = offsets.iter().flat_map(|at| at.to_be_bytes()).collect();
    out.put(&toc)?;
    out.put(&crc32c(&toc).to_be_bytes())?;
    Ok(out.file)
}

fn write_symbols<W: Write>(out: &mut Counted<W>, symbols: &BTreeSet<&str>) -> io::Result<u64> {
    let mut content = (symbols.len() as u32).to_be_bytes().to_vec();
    for symbol in symbols {
        put_text(&mut content, symbol);
    }
    out.section(&content)
}

fn encode_series(
    labels: &Labels,
    chunks: &[ChunkPlace],
    numbers: &HashMap<&str, u64>,
    entry: &mut Vec<u8>,
) {
    entry.clear();
    let number = |text: &str| numbers.get(text).copied().unwrap_or_default();
    put_uvarint(entry, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_uvarint(entry, number(name));
        put_uvarint(entry, number(value));
    }
    put_uvarint(entry, chunks.len() as u64);
    let mut previous: Option<&ChunkPlace> = None;
    for chunk in chunks {
        match previous {
            None => put_ivarint(entry, chunk.min_ms),
            Some(previous) => put_uvarint(entry, (chunk.min_ms - previous.max_ms).cast_unsigned()),
        }
        put_uvarint(entry, (chunk.max_ms - chunk.min_ms).cast_unsigned());
        match previous {
            None => put_uvarint(entry, chunk.reference),
            Some(previous) => {
                let step = chunk.reference.wrapping_sub(previous.reference);
                put_ivarint(entry, step.cast_signed());
            }
        }
        previous = Some(chunk);
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_uvarint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}
