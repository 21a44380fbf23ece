//! Pages from outside: round trips, which codec is chosen, hostile bytes, the page on the format.

mod columns;
mod format;
mod histograms;
mod hostile;
mod parts;
mod statistics;

use super::*;

/// The stale marker's bits.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Xorshift, for data that is the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Encodes behind other bytes and decodes behind other values, and compares the bits.
fn value_page(values: &[f64]) -> (PageInfo, Vec<u8>) {
    let mut bytes = vec![9, 9];
    let info = encode_values(values, &mut bytes);
    let page = bytes.split_off(2);
    assert_eq!((bytes.as_slice(), info.bytes, info.count), (&[9, 9][..], page.len(), values.len()));
    assert_eq!(page[0], info.codec.code());
    let mut decoded = vec![1.5];
    decode_values(&page, VALUES_MAX, &mut decoded).unwrap();
    assert_eq!(bits(&decoded[..1]), bits(&[1.5]));
    assert_eq!(bits(&decoded[1..]), bits(values));
    (info, page)
}

fn timestamp_page(timestamps: &[i64]) -> (TimestampPageInfo, Vec<u8>) {
    let mut bytes = vec![9, 9];
    let info = encode_timestamps(timestamps, &mut bytes);
    let page = bytes.split_off(2);
    assert_eq!((info.bytes, info.count), (page.len(), timestamps.len()));
    assert_eq!(page[0], info.codec.code());
    let mut decoded = vec![7];
    decode_timestamps(&page, VALUES_MAX, &mut decoded).unwrap();
    assert_eq!(decoded[0], 7);
    assert_eq!(&decoded[1..], timestamps);
    (info, page)
}
