//! Bytes of every format version, as they were when the version was made, and the documents' examples.
//!
//! A missing golden file is written when `TIMBERLINE_WRITE_GOLDEN` is set; none is ever changed.

use std::path::{Path, PathBuf};

use timberline_io::{Disk, SimDisk};
use timberline_log::{
    LogError, Record, RecordEncoder,
    checkpoint::{self, Checkpoint, PartEncoder},
    metadata,
};
use timberline_model::{
    Durability, Exemplar, FamilyMetadata, Histogram, Labels, LogOffset, Metadata, MetricKind,
    SeriesRef,
};

use crate::support::{dir, open, segments};

const SEGMENT: &str = "00000000000000000000.log";

fn golden(name: &str, written_now: &[u8]) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "testdata", name].iter().collect();
    if !path.exists() && std::env::var_os("TIMBERLINE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, written_now).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes in the example of a format's page.
fn example(page: &str) -> Vec<u8> {
    let (_, example) = page.split_once("```hex").expect("the page has an example");
    let (example, _) = example.split_once("```").expect("the example ends");
    example
        .lines()
        .map(|line| line.split('|').next().unwrap_or(""))
        .flat_map(str::split_ascii_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).expect("bytes in hex"))
        .collect()
}

fn up(job: &str) -> Labels {
    Labels::from_pairs([("__name__", "up"), ("job", job)]).unwrap()
}

fn segment_of(records: &[Vec<u8>]) -> Vec<u8> {
    let disk = SimDisk::new(1);
    let (log, ..) = open(&disk, LogOffset(0)).unwrap();
    for record in records {
        let end = log.append(record).unwrap();
        log.commit(end, Durability::Synced).unwrap();
    }
    log.close().unwrap();
    assert_eq!(segments(&disk).len(), 1);
    disk.read(&dir().join(SEGMENT)).unwrap()
}

/// The payloads of a segment file.
fn payloads_of(segment: &[u8]) -> Vec<Vec<u8>> {
    let disk = SimDisk::new(1);
    disk.create_dir_all(dir()).unwrap();
    disk.create(&dir().join(SEGMENT), 0).unwrap().write_all_at(segment, 0).unwrap();
    let (_, recovery, replayed) = open(&disk, LogOffset(0)).unwrap();
    assert_eq!((recovery.damaged.len(), recovery.torn_bytes), (0, 0));
    replayed.into_iter().map(|(_, payload)| payload).collect()
}

/// Records with every form of every column.
fn records() -> Vec<Vec<u8>> {
    let mut encoder = RecordEncoder::default();
    let refs = [SeriesRef(3), SeriesRef(1 << 32), SeriesRef(2 << 32)];
    for (series, job) in refs.iter().zip(["node", "b\u{e9}ta", "x"]) {
        encoder.define(*series, &up(job));
    }
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    encoder.samples(&refs, &[1_700_000_000_123_000_000; 3], &[1.5, -0.0, stale]);
    let first = encoder.finish().to_vec();
    let forms: [[i64; 3]; 3] = [
        [1_700_000_000_000_000_000, 1_700_000_015_000_000_000, -5_000_000],
        [1_000, 2_000, -3_000],
        [1, i64::MAX, i64::MIN],
    ];
    let mut records = vec![first];
    for timestamps in forms {
        encoder.clear();
        let values = [f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(1)];
        encoder.samples(&[refs[0], refs[0], refs[2]], &timestamps, &values);
        records.push(encoder.finish().to_vec());
    }
    encoder.clear();
    records.push(encoder.finish().to_vec());
    records
}

#[test]
fn version_1_of_the_log_is_written_and_read_as_it_always_was() {
    let now = segment_of(&records());
    let golden = golden("log-v1.log", &now);
    assert_eq!(now, golden);
    assert_eq!(payloads_of(&golden), records());
    let (mut refs, mut timestamps, mut bits) = (Vec::new(), Vec::new(), Vec::new());
    for payload in payloads_of(&golden) {
        let mut values = Vec::new();
        let record = Record::decode(&payload).unwrap();
        record.samples_into(&mut refs, &mut timestamps, &mut values).unwrap();
        bits.extend(values.into_iter().map(f64::to_bits));
    }
    assert_eq!(refs[..4], [3, 1 << 32, 2 << 32, 3].map(SeriesRef));
    assert_eq!(timestamps[0], 1_700_000_000_123_000_000);
    assert_eq!(timestamps[9..], [1, i64::MAX, i64::MIN]);
    assert_eq!(bits[2], 0x7ff0_0000_0000_0002);
}

fn exemplar(trace: &str, ts: i64) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", trace)]).unwrap(), value: 0.25, ts }
}

fn families() -> Vec<FamilyMetadata> {
    let family = |family: &str, kind, unit: &str, help: &str| FamilyMetadata {
        family: family.to_owned(),
        metadata: Metadata { kind, unit: unit.to_owned(), help: help.to_owned() },
    };
    vec![
        family("up", MetricKind::Gauge, "", "1 if the target answers"),
        family("request_seconds", MetricKind::Histogram, "seconds", "b\u{e9}ta"),
    ]
}

/// A record with every kind of section but definitions, and one with the other form of each column.
fn records_of_all_kinds() -> Vec<Vec<u8>> {
    let (a, b) = (SeriesRef(3), SeriesRef(1 << 32));
    let (ts, start) = (1_700_000_000_123_000_000, 1_690_000_000_000_000_000);
    let mut stale = Vec::new();
    timberline_codec::histogram::put(&Histogram::stale(), &mut stale);
    let mut encoder = RecordEncoder::default();
    encoder.samples(&[a, b], &[ts, ts], &[1.5, 2.5]);
    encoder.starts(&[start, 0]);
    encoder.histograms(&[a, b], &[ts, ts], &[], [stale.as_slice(); 2].into_iter());
    encoder.exemplars(&[a, a], [exemplar("x", ts), exemplar("y", ts + 1)].iter());
    encoder.metadata(&families());
    let first = encoder.finish().to_vec();
    encoder.clear();
    encoder.histograms(&[a, a], &[ts, ts + 1], &[0, start], [stale.as_slice(); 2].into_iter());
    encoder.exemplars(&[b], [exemplar("", ts)].iter());
    vec![first, encoder.finish().to_vec()]
}

#[test]
fn records_of_all_kinds_are_written_and_read_as_they_always_were() {
    let now = segment_of(&records_of_all_kinds());
    let golden = golden("log-v1-kinds.log", &now);
    assert_eq!(now, golden);
    let payloads = payloads_of(&golden);
    let record = Record::decode(&payloads[0]).unwrap();
    let mut starts = Vec::new();
    record.starts_into(&mut starts).unwrap();
    assert_eq!(starts, [1_690_000_000_000_000_000, 0]);
    let metadata: Result<Vec<_>, _> = record.metadata().collect();
    assert_eq!(metadata.unwrap(), families());
    let exemplars = record.exemplars().unwrap();
    assert_eq!(exemplars[1], (SeriesRef(3), exemplar("y", 1_700_000_000_123_000_001)));
    let second = Record::decode(&payloads[1]).unwrap();
    let histograms = second.histograms().unwrap();
    assert_eq!((histograms[0].start, histograms[1].start), (0, 1_690_000_000_000_000_000));
    let decoded = timberline_codec::histogram::take(&mut &*histograms[1].encoded).unwrap();
    assert_eq!(decoded, Histogram::stale());
}

fn metadata_file_of(offset: u64, families: &[FamilyMetadata]) -> Vec<u8> {
    let disk = SimDisk::new(1);
    let entries = families.iter().map(|entry| (entry.family.as_str(), &entry.metadata));
    let path = metadata::write(&disk, Path::new("/c"), LogOffset(offset), entries).unwrap();
    disk.read(&path).unwrap()
}

#[test]
fn version_1_of_the_metadata_is_written_and_read_as_it_always_was() {
    let now = metadata_file_of(4096, &families());
    let golden = golden("metadata-v1.metadata", &now);
    assert_eq!(now, golden);
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("/c")).unwrap();
    let path = metadata::path(Path::new("/c"), LogOffset(4096));
    disk.create(&path, 0).unwrap().write_all_at(&golden, 0).unwrap();
    assert_eq!(metadata::read(&disk, Path::new("/c"), LogOffset(4096)).unwrap(), families());
}

#[test]
fn the_documented_metadata_is_what_is_written() {
    let now = metadata_file_of(136, &families()[..1]);
    let documented = example(include_str!("../../../../docs/formats/metadata.md"));
    assert_eq!(now, documented, "now: {now:02x?}");
}

#[test]
fn version_1_of_the_checkpoint_is_read_as_it_always_was() {
    let series = |number: u64| (SeriesRef((number % 4) << 32 | number), up(&format!("j{number}")));
    let golden = include_bytes!("../../testdata/checkpoint-v1.dict");
    let disk = SimDisk::new(1);
    let read = |bytes: &[u8]| -> Result<Vec<(SeriesRef, Labels)>, LogError> {
        let path = Path::new("/a.dict");
        let _absent = disk.remove_file(path);
        disk.create(path, 0).unwrap().write_all_at(bytes, 0).unwrap();
        let checkpoint = Checkpoint::open(&disk, path)?;
        assert_eq!((checkpoint.offset(), checkpoint.part_count()), (LogOffset(4096), 0));
        let mut found = Vec::new();
        checkpoint.read_whole(&disk, &mut |series, labels| found.push((series, labels)))?;
        Ok(found)
    };
    assert_eq!(read(golden).unwrap(), (0..9).map(series).collect::<Vec<_>>());
    for byte in 0..golden.len() {
        let mut bytes = golden.to_vec();
        bytes[byte] ^= 1 << (byte % 8);
        assert!(read(&bytes).is_err(), "byte {byte}");
        assert!(read(&golden[..byte]).is_err(), "cut to {byte}");
    }
    assert!(read(&[golden.as_slice(), &[0]].concat()).is_err(), "bytes after the end");
}

/// Two parts of series that share a pair and leave slots free.
fn two_parts() -> Vec<PartEncoder> {
    let pair = |name: &str, value: &str| {
        let mut text = Vec::new();
        Labels::encode_pair(&mut text, name.as_bytes(), value.as_bytes());
        text
    };
    let part = |number: u32, slots: &[u32]| {
        let mut part = PartEncoder::new(number, 100);
        let name = part.pair(&pair("__name__", "up"));
        for slot in slots {
            let job = format!("j{slot}");
            let numbers = [name, part.pair(&pair("job", &job))];
            part.series(*slot, up(&job).hash(), numbers.into_iter());
        }
        part
    };
    vec![part(0, &[0, 1, 7]), part(3, &[99])]
}

#[test]
fn version_2_of_the_checkpoint_is_written_and_read_as_it_always_was() {
    let now = checkpoint_of(4096, two_parts());
    let golden = golden("checkpoint-v2.dict", &now);
    assert_eq!(now, golden);
    let disk = SimDisk::new(1);
    let path = Path::new("/a.dict");
    disk.create(path, 0).unwrap().write_all_at(&golden, 0).unwrap();
    let checkpoint = Checkpoint::open(&disk, path).unwrap();
    assert_eq!((checkpoint.offset(), checkpoint.part_count()), (LogOffset(4096), 2));
    let (mut buffer, mut pairs, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..2 {
        let part = checkpoint.part(&disk, index, &mut buffer).unwrap();
        assert_eq!(part.slot_end(), 100);
        let mut series = part.series();
        while let Some((slot, hash)) = series.next(&mut pairs).unwrap() {
            let texts: Vec<&[u8]> = part.pairs().collect();
            let bytes = pairs.iter().flat_map(|pair| texts[*pair as usize].to_vec());
            let labels = Labels::from_bytes(&bytes.collect::<Vec<_>>()).unwrap();
            assert_eq!(labels, up(&format!("j{slot}")));
            assert_eq!(labels.hash(), hash);
            found.push((part.number(), slot));
        }
    }
    assert_eq!(found, [(0, 0), (0, 1), (0, 7), (3, 99)]);
}

fn checkpoint_of(offset: u64, parts: Vec<PartEncoder>) -> Vec<u8> {
    let disk = SimDisk::new(1);
    let dir = Path::new("/dictionaries");
    let path = checkpoint::write(&disk, dir, LogOffset(offset), parts.into_iter()).unwrap();
    disk.read(&path).unwrap()
}

#[test]
fn the_documented_segment_is_what_is_written() {
    let mut encoder = RecordEncoder::default();
    encoder.define(SeriesRef(5), &up("a"));
    encoder.samples(&[SeriesRef(5)], &[1_700_000_000_000_000_000], &[1.0]);
    let now = segment_of(&[encoder.finish().to_vec()]);
    let documented = example(include_str!("../../../../docs/formats/log.md"));
    assert_eq!(now, documented, "now: {now:02x?}");
}

#[test]
fn the_documented_checkpoint_is_what_is_written() {
    let mut part = PartEncoder::new(0, 6);
    let numbers = [part.pair(b"\x08__name__\x02up"), part.pair(b"\x03job\x01a")];
    part.series(5, up("a").hash(), numbers.into_iter());
    let now = checkpoint_of(136, vec![part]);
    let documented = example(include_str!("../../../../docs/formats/checkpoint.md"));
    assert_eq!(now, documented, "now: {now:02x?}");
}
