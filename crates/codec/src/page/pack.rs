//! Unsigned integers of 0 to 64 bits side by side, in lanes.
//!
//! With `n` lanes entry `i` lies in lane `i % n`, row `i / n`. In its lane row `r` takes the bits from
//! `r * width` on, lowest first; a lane's bits are cut into words of 64, and the words of all lanes
//! with the same number lie next to each other. So the entries of a row are shifted alike, which the
//! compiler turns into vector instructions, and come out in their natural order. Of the last word of
//! each lane only the bytes in use are kept.

use super::VALUES_MAX;

const WORD_BITS: usize = u64::BITS as usize;

/// Room for a page's entries.
pub(super) type Entries = [u64; VALUES_MAX];

/// The lanes of so many entries. More are faster, but each may end in a byte that is not full, which
/// shows where there are few entries.
const fn lane_count(count: usize) -> usize {
    match count {
        512.. => 16,
        128.. => 8,
        _ => 1,
    }
}

/// How the bits of each lane lie: whole words, and bytes of the last one.
const fn shape(count: usize, width: u32) -> (usize, usize) {
    let bits = count.div_ceil(lane_count(count)) * width as usize;
    (bits / WORD_BITS, (bits % WORD_BITS).div_ceil(8))
}

/// Bytes that `count` entries of `width` bits take.
pub(super) const fn packed_len(count: usize, width: u32) -> usize {
    let (words, tail) = shape(count, width);
    lane_count(count) * (words * 8 + tail)
}

/// The bits that an entry may have.
pub(super) const fn mask(width: u32) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (u64::BITS - width) }
}

/// Appends the low `width` bits of the first `count` entries.
pub(super) fn pack(entries: &Entries, count: usize, width: u32, bytes: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let lanes = lane_count(count);
    let mut words: Entries = [0; VALUES_MAX];
    let (mask, width_bits) = (mask(width), width as usize);
    for (row, entries) in entries[..count].chunks(lanes).enumerate() {
        let (word, shift) = (row * width_bits / WORD_BITS, row * width_bits % WORD_BITS);
        for (word, entry) in words[word * lanes..].iter_mut().zip(entries) {
            *word |= (entry & mask) << shift;
        }
        if shift + width_bits > WORD_BITS {
            for (word, entry) in words[(word + 1) * lanes..].iter_mut().zip(entries) {
                *word |= (entry & mask) >> (WORD_BITS - shift);
            }
        }
    }
    let (whole, tail) = shape(count, width);
    for word in &words[..whole * lanes] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    if tail > 0 {
        for word in &words[whole * lanes..][..lanes] {
            bytes.extend_from_slice(&word.to_le_bytes()[..tail]);
        }
    }
}

/// Reads `count` entries of `width` bits from exactly [`packed_len`] bytes. Entries from `count` on
/// are left with any content.
pub(super) fn unpack(bytes: &[u8], count: usize, width: u32, entries: &mut Entries) {
    assert_eq!(bytes.len(), packed_len(count, width), "packed bytes of {count} x {width} bits");
    if width == 0 {
        entries[..count].fill(0);
        return;
    }
    match lane_count(count) {
        16 => unpack_lanes::<16>(bytes, count, width, entries),
        8 => unpack_lanes::<8>(bytes, count, width, entries),
        _ => unpack_lanes::<1>(bytes, count, width, entries),
    }
}

/// The words with one number of all lanes, little-endian.
type Words<const LANES: usize> = [[u8; 8]; LANES];

fn unpack_lanes<const LANES: usize>(bytes: &[u8], count: usize, width: u32, entries: &mut Entries) {
    let (whole, tail) = shape(count, width);
    let (whole, tail_bytes) = bytes.split_at(whole * LANES * 8);
    let mut last: Words<LANES> = [[0; 8]; LANES];
    if tail > 0 {
        for (word, bytes) in last.iter_mut().zip(tail_bytes.chunks_exact(tail)) {
            word[..tail].copy_from_slice(bytes);
        }
    }
    let rows = &mut entries.as_chunks_mut().0[..count.div_ceil(LANES)];
    unpack_rows(whole.as_chunks().0.as_chunks().0, &last, width, rows);
}

fn unpack_rows<const LANES: usize>(
    whole: &[Words<LANES>],
    last: &Words<LANES>,
    width: u32,
    rows: &mut [[u64; LANES]],
) {
    let mask = mask(width);
    let mut bit = 0;
    for row in rows {
        let (word, shift) = ((bit / u64::BITS) as usize, bit % u64::BITS);
        let low = whole.get(word).unwrap_or(last);
        if shift + width <= u64::BITS {
            for (entry, low) in row.iter_mut().zip(low) {
                *entry = (u64::from_le_bytes(*low) >> shift) & mask;
            }
        } else {
            let high = whole.get(word + 1).unwrap_or(last);
            for ((entry, low), high) in row.iter_mut().zip(low).zip(high) {
                let high = u64::from_le_bytes(*high) << (u64::BITS - shift);
                *entry = (u64::from_le_bytes(*low) >> shift | high) & mask;
            }
        }
        bit += width;
    }
}

// Rows fill up with whole lanes.
const _: () = assert!(VALUES_MAX.is_multiple_of(lane_count(VALUES_MAX)));
