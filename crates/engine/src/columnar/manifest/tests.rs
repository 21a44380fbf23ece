//! Manifests: published, chosen, and refused when damaged.

use timberline_io::SimDisk;

use super::*;
use crate::columnar::tombstone::MatcherText;

fn example(number: u64) -> Manifest {
    Manifest {
        number,
        flushed_to: 4_096,
        metadata: None,
        dictionary: Some(4_096),
        duplicates: "last".to_owned(),
        shard_count: 16,
        next_tombstone: 3,
        tombstones: vec![Tombstone {
            number: 2,
            matchers: vec![MatcherText {
                name: "__name__".to_owned(),
                op: "=~".to_owned(),
                value: "cpu_.*".to_owned(),
            }],
            start: -1,
            end: 1_000,
        }],
        next_sequence: 2,
        blocks: vec![BlockEntry {
            ulid: "01JD7Z3V8QZ0000000000000AB".to_owned(),
            sequence: 1,
            level: 0,
            clean_to: 1,
            min_ts: -1,
            max_ts: i64::MAX,
            series: 10,
            samples: 1_000,
            bytes: 4_242,
        }],
    }
}

#[test]
fn the_newest_manifest_holds() {
    let disk = SimDisk::new(1);
    let dir = Path::new("/db/manifest");
    disk.create_dir_all(dir).unwrap();
    assert_eq!(Manifest::load(&disk, dir).unwrap(), None);
    for number in 1..=7 {
        example(number).publish(&disk, dir).unwrap();
    }
    assert_eq!(Manifest::load(&disk, dir).unwrap(), Some(example(7)));
    assert_eq!(numbers(&disk, dir).unwrap(), [5, 6, 7]);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = example(3).encode();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            assert!(Manifest::decode(&damaged).is_err(), "byte {index}, bit {bit}");
        }
    }
}

#[test]
fn a_cut_manifest_is_refused() {
    let bytes = example(3).encode();
    for len in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn another_version_is_named() {
    let text = String::from_utf8(example(3).encode()).unwrap().replace("manifest 1", "manifest 9");
    let body = &text[..text.rfind("crc32c").unwrap()];
    let text = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
    let reason = Manifest::decode(text.as_bytes()).unwrap_err();
    assert!(reason.contains("manifest 9"), "{reason}");
}

#[test]
fn the_golden_manifest_is_read() {
    let bytes = include_bytes!("../../../testdata/manifest-v1");
    assert_eq!(Manifest::decode(bytes).unwrap(), example(1));
    assert_eq!(example(1).encode(), bytes);
}
