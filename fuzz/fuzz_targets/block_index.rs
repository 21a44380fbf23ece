//! Arbitrary bytes as a block's index, under checksums that are right: every question to such a block
//! is answered or refused, without a panic and without memory out of proportion to the bytes. The first
//! byte is the version, and is followed by the index.
//!
//! Good first inputs are the byte 1 or 2 and `crates/block/testdata/block-v1/index` or
//! `block-v2/index`. The index of version 2 lies beside the golden block's pages.

#![no_main]

use std::{path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use timberline_block::{Block, Reading};
use timberline_codec::crc::crc32c;
use timberline_io::{Disk, SimDisk};
use timberline_model::{MatchOp, Matcher, SeriesColumns, TimeRange};

const HEADER_BYTES: usize = 32;
static PAGES: &[u8] = include_bytes!("../../crates/block/testdata/block-v2/pages");
const GRANULE_BYTES: usize = 16 << 10;
/// The name of the golden block, as text and as bytes.
const ULID: &str = "01HF7YAT000000000000000001";
const ULID_BYTES: [u8; 16] = [0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fuzz_target!(|data: &[u8]| {
    let Some((version @ (1 | 2), data)) = data.split_first() else { return };
    let (data_name, footer_bytes) = if *version == 1 { ("chunks", 72) } else { ("pages", 128) };
    if data.len() < HEADER_BYTES + footer_bytes {
        return;
    }
    let mut index = data.to_vec();
    seal_index(&mut index, *version, footer_bytes);
    let footer = index.len() - footer_bytes;
    let series = u32_at(&index, footer);
    let dir = Path::new("/block");
    let disk = SimDisk::new(0);
    disk.create_dir_all(dir).expect("the simulated disk works");
    let chunks = header(*b"tmbchunk", 1);
    let data = if *version == 1 { &chunks[..] } else { PAGES };
    let meta = meta(*version, series, data.len(), index.len());
    for (name, bytes) in [("meta.json", meta.as_bytes()), (data_name, data), ("index", &index)] {
        let file = disk.create(&dir.join(name), 0).expect("the simulated disk works");
        file.write_all_at(bytes, 0).expect("the simulated disk works");
    }
    if let Ok(block) = Block::open(&disk, dir) {
        ask(&block);
    }
});

/// Selectors that take every way through the index.
static MATCHERS: LazyLock<Vec<Matcher>> = LazyLock::new(|| {
    let selectors = [
        ("__name__", MatchOp::Equal, "cpu_usage"),
        ("host", MatchOp::Regex, "host-0.*[05]"),
        ("host", MatchOp::NotRegex, ".*1"),
        ("zone", MatchOp::NotEqual, ""),
        ("zone", MatchOp::Equal, ""),
    ];
    let matcher = |(name, op, value)| Matcher::new(name, op, value).expect("a matcher");
    selectors.into_iter().map(matcher).collect()
});

/// Every question once; the answers may be anything.
fn ask(block: &Block) {
    for matcher in MATCHERS.iter() {
        let _ = block.select(std::slice::from_ref(matcher));
    }
    let _ = block.select(&MATCHERS[..3]);
    let some = [0, block.series_count() / 2];
    let _ = block.label_names(Some(&some));
    for name in ["__name__", "host", "zone"] {
        let _ = block.label_values(name, None);
        let _ = block.label_values(name, Some(&some));
    }
    let (mut columns, mut reading) = (SeriesColumns::default(), Reading::default());
    for series in 0..block.series_count().min(64) {
        let _ = block.labels(series);
        let _ = block.label_hash(series);
        let _ = block.chunk_metas(series);
        columns.clear();
        let _ = block.read(series, TimeRange::ALL, &mut columns);
        let _ = block.exemplars(series, TimeRange::ALL, &mut Vec::new());
        if let Ok(series) = block.series(series) {
            columns.clear();
            let _ = series.read_pages(TimeRange::ALL, &mut |_| true, &mut columns, &mut reading);
        }
    }
    let _ = block.sections();
    let _ = block.verify();
}

/// Makes the header and all checksums of an index right for what it holds.
fn seal_index(index: &mut [u8], version: u8, footer_bytes: usize) {
    index[..HEADER_BYTES].copy_from_slice(&header(*b"tmbindex", version));
    let footer = index.len() - footer_bytes;
    // Where the granules are is as good as given by their number: put the table right before the
    // footer, so that inputs of any length get past it.
    let covered = (0..=footer)
        .rev()
        .find(|covered| covered + 4 * covered.div_ceil(GRANULE_BYTES) <= footer)
        .unwrap_or(0);
    if covered + 4 * covered.div_ceil(GRANULE_BYTES) != footer {
        return;
    }
    // The footer ends with the granules' position (8 bytes), their checksum, its own, and the magic.
    let end = index.len();
    index[end - 24..end - 16].copy_from_slice(&(covered as u64).to_le_bytes());
    let sums: Vec<u8> =
        index[..covered].chunks(GRANULE_BYTES).flat_map(|g| crc32c(g).to_le_bytes()).collect();
    index[covered..footer].copy_from_slice(&sums);
    index[end - 16..end - 12].copy_from_slice(&crc32c(&sums).to_le_bytes());
    let crc = crc32c(&index[footer..end - 12]);
    index[end - 12..end - 8].copy_from_slice(&crc.to_le_bytes());
    index[end - 8..].copy_from_slice(b"tmbindex");
}

fn header(magic: [u8; 8], version: u8) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&magic);
    bytes[8] = version;
    bytes[12..28].copy_from_slice(&ULID_BYTES);
    let crc = crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn meta(version: u8, series: u32, data: usize, index: usize) -> String {
    let file = |name: &str, bytes: usize| {
        format!(r#"{{"name": "{name}", "bytes": {bytes}, "crc32c": "00000000"}}"#)
    };
    let (counts, name) = match version {
        1 => (r#""chunks": 1, "samples": 1"#, "chunks"),
        _ => (r#""pages": 1, "samples": 1, "histograms": 0, "exemplars": 0"#, "pages"),
    };
    let body = format!(
        "{{\"format\": \"timberline block\", \"version\": {version}, \"ulid\": \"{ULID}\", \
         \"level\": 0, \"sequence\": 1, \"min_ts\": 0, \"max_ts\": 1, \"series\": {series}, \
         {counts}, \"files\": [{}, {}]",
        file(name, data),
        file("index", index)
    );
    let crc = crc32c(body.as_bytes());
    format!("{body},\n  \"crc32c\": \"{crc:08x}\"\n}}\n")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
