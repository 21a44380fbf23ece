//! Arbitrary bytes as the segments of a log, with some checksums made right: the log opens, goes on,
//! and finds the same again.
//!
//! A good first input is `crates/log/testdata/log-v1.log`.

#![no_main]

use std::{path::Path, sync::Arc};

use libfuzzer_sys::fuzz_target;
use timberline_codec::crc::crc32c;
use timberline_io::{Disk, SimDisk};
use timberline_log::{Log, LogOptions};
use timberline_model::{Durability, LogOffset};

const SEGMENT_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 32;

fuzz_target!(|data: &[u8]| {
    let [split, from, bytes @ ..] = data else { return };
    let disk = SimDisk::new(0);
    let dir = Path::new("/log");
    disk.create_dir_all(dir).expect("the simulated disk works");
    // The second segment begins somewhere in the first one, at its end, or behind a gap.
    let cut = bytes.len() * usize::from(*split) / 255;
    let (first, second) = bytes.split_at(cut);
    put(&disk, 0, first);
    put(&disk, (cut.saturating_sub(SEGMENT_HEADER_BYTES) & !7) as u64, second);

    let from = LogOffset(u64::from(*from & 0x0f) * 8);
    let (log, found, damaged) = open(&disk, from);
    let end = log.append(b"goes on").expect("an appendable log");
    log.commit(end, Durability::Synced).expect("a working disk");
    read_all(&log);
    drop(log);
    let (_, again, _) = open(&disk, from);
    let (last, before) = again.split_last().expect("the frame that was appended");
    assert_eq!((last.0, last.1.as_slice()), (end, b"goes on".as_slice()));
    // A forged header inside a damaged piece may reach further once the log has grown.
    assert!(damaged || before == found);
});

type Replayed = Vec<(LogOffset, Vec<u8>)>;

fn open(disk: &SimDisk, from: LogOffset) -> (Log, Replayed, bool) {
    let options = LogOptions { segment_bytes: 4096, frame_bytes_max: 1 << 20, reserve_bytes: 0 };
    let mut replayed = Vec::new();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let (log, recovery) = Log::open(disk, Path::new("/log"), options, from, &mut |end, payload| {
        assert!(end > from, "a frame that was not asked for");
        replayed.push((end, payload.to_vec()));
    })
    .expect("damage is not an error");
    assert!(replayed.is_sorted_by(|a, b| a.0 < b.0), "frames in order");
    assert_eq!(recovery.frames, replayed.len() as u64);
    (log, replayed, !recovery.damaged.is_empty())
}

fn read_all(log: &Log) {
    let mut reader = log.reader(log.start()).expect("the start can be read");
    while reader.position() < log.written() {
        let before = reader.position();
        let frame = reader.next();
        assert!(reader.position() > before, "the reader stands still: {frame:?}");
    }
}

/// Writes a segment whose header is right, and whose frames have right checksums and places where
/// they have the magic bytes.
fn put(disk: &SimDisk, base: u64, bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if let Some(header) = bytes.first_chunk_mut::<SEGMENT_HEADER_BYTES>() {
        if header[0] % 4 != 3 {
            *header = [0; SEGMENT_HEADER_BYTES];
            header[0..8].copy_from_slice(b"TMBRLOG\n");
            header[8] = 1;
            header[16..24].copy_from_slice(&base.to_le_bytes());
            let crc = crc32c(&header[..28]);
            header[28..].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let mut at = SEGMENT_HEADER_BYTES;
    while at + FRAME_HEADER_BYTES <= bytes.len() {
        if &bytes[at..at + 3] == b"TLF" {
            seal_frame(&mut bytes[at..], base + (at - SEGMENT_HEADER_BYTES) as u64);
        }
        at += 8;
    }
    let path = Path::new("/log").join(format!("{base:020}.log"));
    if let Ok(file) = disk.create(&path, 0) {
        file.write_all_at(&bytes, 0).expect("the simulated disk works");
    }
}

fn seal_frame(bytes: &mut [u8], offset: u64) {
    let (header, rest) = bytes.split_at_mut(FRAME_HEADER_BYTES);
    header[8..16].copy_from_slice(&offset.to_le_bytes());
    let len = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
    if let Some(payload) = rest.get(..len) {
        header[24..28].copy_from_slice(&crc32c(payload).to_le_bytes());
    }
    let crc = crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
}
