//! Block metadata: written, read back, and refused when damaged.

use super::*;

fn example() -> BlockMeta {
    let file = |name: &str, bytes, crc32c| FileMeta { name: name.to_owned(), bytes, crc32c };
    BlockMeta {
        ulid: Ulid::from_parts(1_700_000_000_000, 7),
        version: VERSION,
        level: 0,
        sequence: u64::MAX,
        min_ts: i64::MIN,
        max_ts: i64::MAX,
        series: 3,
        pages: 4,
        samples: 5,
        histograms: 2,
        exemplars: 1,
        bytes: 0,
        files: vec![file(data_file(VERSION), 100, 0x0102_0304), file(INDEX_FILE, 200, 0xffff_ffff)],
    }
}

fn decode(bytes: &[u8]) -> Result<BlockMeta, BlockError> {
    BlockMeta::decode(Path::new("meta.json"), bytes)
}

#[test]
fn a_meta_round_trips_with_its_extremes() {
    let mut meta = example();
    let bytes = meta.encode();
    assert_eq!(meta.bytes, 300 + bytes.len() as u64);
    assert_eq!(decode(&bytes).unwrap(), meta);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = example().encode();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            assert!(decode(&damaged).is_err(), "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn a_cut_meta_is_refused() {
    let bytes = example().encode();
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len} bytes");
    }
}

/// Replaces a text and makes the checksum true again.
fn forge(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(example().encode()).unwrap();
    let body = &text[..text.rfind(SEAL_START).unwrap()];
    assert!(body.contains(from), "{body}");
    let body = body.replace(from, to);
    format!("{body}{SEAL_START}{:08x}{SEAL_END}", crc32c(body.as_bytes())).into_bytes()
}

#[test]
fn another_version_is_named() {
    let error = decode(&forge("\"version\": 2", "\"version\": 9")).unwrap_err();
    assert!(matches!(error, BlockError::Version { found: 9, .. }), "{error}");
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn a_meta_that_cannot_be_is_refused() {
    let forged = [
        ("timberline block", "timberline blokk"),
        ("\"series\": 3", "\"series\": 0"),
        ("\"series\": 3", "\"series\": -3"),
        ("\"series\": 3", "\"serieses\": 3"),
        ("\"level\": 0", "\"level\": 0, \"colour\": 1"),
        ("-9223372036854775808", "9223372036854775809"),
        ("\"index\"", "\"indices\""),
        ("\"pages\": 4", "\"chunks\": 4"),
        ("\"pages\": 4", "\"pages\": 4, \"chunks\": 4"),
        ("\"version\": 2", "\"version\": 1"),
        ("01020304", "0102030x"),
    ];
    for (from, to) in forged {
        let error = decode(&forge(from, to)).unwrap_err();
        assert!(matches!(error, BlockError::Meta { .. }), "{to}: {error}");
    }
}
