//! Records cut into pages, compressed, torn and changed.

use super::*;

const MIDDLE: u8 = 3;

/// Writes records as Prometheus does.
fn segment(records: &[Vec<u8>], flags: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let stored = match flags {
            SNAPPY_FLAG => snap::raw::Encoder::new().compress_vec(record).unwrap(),
            ZSTD_FLAG => zstd::stream::encode_all(record.as_slice(), 1).unwrap(),
            _ => record.clone(),
        };
        let mut rest = stored.as_slice();
        let mut first = true;
        loop {
            let room = PAGE_BYTES - bytes.len() % PAGE_BYTES;
            if room < HEADER_BYTES {
                bytes.resize(bytes.len() + room, 0);
                continue;
            }
            let (now, later) = rest.split_at(rest.len().min(room - HEADER_BYTES));
            let kind = match (first, later.is_empty()) {
                (true, true) => FULL,
                (true, false) => FIRST,
                (false, false) => MIDDLE,
                (false, true) => LAST,
            };
            bytes.push(kind | flags);
            bytes.extend_from_slice(&(now.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&crc32c(now).to_be_bytes());
            bytes.extend_from_slice(now);
            (rest, first) = (later, false);
            if rest.is_empty() {
                break;
            }
        }
    }
    bytes
}

fn records() -> Vec<Vec<u8>> {
    let noise = |len: usize, seed: u32| {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| next()).collect::<Vec<u8>>()
    };
    vec![noise(10, 1), noise(100_000, 2), vec![7; 70_000], noise(32_754, 3), vec![1], noise(9, 4)]
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, SegmentError> {
    let mut reader = Records::new(bytes);
    let mut all = Vec::new();
    while let Some(record) = reader.next_record()? {
        all.push(record.to_vec());
    }
    Ok(all)
}

#[test]
fn records_over_pages_are_put_together() {
    for flags in [0, SNAPPY_FLAG, ZSTD_FLAG] {
        let mut bytes = segment(&records(), flags);
        assert_eq!(read(&bytes).unwrap(), records(), "flags {flags}");
        bytes.resize(bytes.len().next_multiple_of(PAGE_BYTES), 0);
        assert_eq!(read(&bytes).unwrap(), records(), "padded, flags {flags}");
    }
}

#[test]
fn a_page_may_end_with_a_header_that_has_no_bytes() {
    // The first record leaves so much of its page.
    for left in 0..=9 {
        let records = vec![vec![1; PAGE_BYTES - HEADER_BYTES - left], vec![2; 5], vec![3; 70_000]];
        let bytes = segment(&records, 0);
        assert_eq!(read(&bytes).unwrap(), records, "{left} bytes left");
        let begins_there = bytes[PAGE_BYTES - left..][..3] == [FIRST, 0, 0];
        assert_eq!(begins_there, left == HEADER_BYTES);
    }
}

#[test]
fn a_torn_end_is_told_from_damage() {
    let bytes = segment(&records(), 0);
    assert_eq!(read(&bytes[..bytes.len() - 3]), Err(SegmentError::Torn));
    assert_eq!(read(&bytes[..50_000]), Err(SegmentError::Torn));
    let mut changed = bytes.clone();
    changed[40_000] ^= 1;
    assert_eq!(read(&changed), Err(SegmentError::Checksum));
    changed = bytes;
    changed[0] = LAST;
    assert_eq!(read(&changed), Err(SegmentError::Type(LAST)));
}

#[test]
fn a_short_record_cannot_ask_for_much_memory() {
    let mut stored = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    let mut bytes = vec![FULL | SNAPPY_FLAG, 0, stored.len() as u8];
    bytes.extend_from_slice(&crc32c(&stored).to_be_bytes());
    bytes.append(&mut stored);
    assert_eq!(read(&bytes), Err(SegmentError::TooLarge));
}
