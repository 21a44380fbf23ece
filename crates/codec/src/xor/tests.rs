//! The Gorilla codec: bit-exact round trips and hostile payloads.

use proptest::prelude::*;

use super::*;
use crate::{CodecError, bits::BitReader};

fn encode(samples: &[(i64, f64)]) -> XorEncoder {
    let mut encoder = XorEncoder::new();
    for &(ts, value) in samples {
        encoder.append(ts, value);
    }
    encoder
}

fn decoded(payload: &[u8]) -> Result<Vec<(i64, u64)>, CodecError> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    decode(payload, &mut timestamps, &mut values)?;
    Ok(timestamps.into_iter().zip(values.into_iter().map(f64::to_bits)).collect())
}

fn bits(samples: &[(i64, f64)]) -> Vec<(i64, u64)> {
    samples.iter().map(|&(ts, value)| (ts, value.to_bits())).collect()
}

/// Turns `"0101 1"` into bytes, zeros filling the last one.
fn from_bits(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    digits.chunks(8).map(|c| c.iter().rev().rfold(0, |n, b| n << 1 | b) << (8 - c.len())).collect()
}

/// The bytes are worked out by hand from `docs/formats/chunk.md`, not by this encoder.
#[test]
fn known_samples_give_the_bytes_of_the_layout() {
    let samples = [
        (1_000, 1.0),
        (1_015, 1.0),
        (1_030, 2.0),
        (1_047, 1.0),
        (1_047, 1.0),
        (21_047, 1.0),
        (141_047, 1.0),
        (1 << 40, -1.0),
    ];
    let mut expected = vec![0, 8]; // count, big-endian
    expected.extend([0xd0, 0x0f]); // zigzag(1000) = 2000 = 1111_1010000
    expected.extend([0x3f, 0xf0, 0, 0, 0, 0, 0, 0]); // 1.0
    expected.push(0x0f); // delta 15
    expected.extend(from_bits(concat!(
        "0",                                                                     // second value: the same
        "0",                           // third: delta 15 again
        "11 00001 001011", // 1.0 ^ 2.0 = 0x7ff0 << 48: 1 leading zero, 11 significant bits
        "11111111111",     //
        "10 00000000000010", // fourth: delta 17, that is +2 in 14 bits
        "10 11111111111",  // 2.0 ^ 1.0 in the window at hand
        "10 11111111101111 0", // fifth: delta 0, that is -17 = 2^14 - 17 in 14 bits
        "110 00100111000100000 0", // sixth: +20,000 in 17 bits
        "1110 00011000011010100000 0", // seventh: delta 120,000, that is +100,000 in 20 bits
        "1111 0000000000000000000000001111111111111111111111000000010001001001", // eighth
        "11 00000 000001 1", // a new sign: no leading zero, 1 significant bit
    )));
    assert_eq!(decoded(&expected).unwrap(), bits(&samples));
    assert_eq!(encode(&samples).payload(), expected);
}

#[test]
fn an_encoder_without_samples_has_a_payload() {
    assert_eq!(decoded(XorEncoder::new().payload()).unwrap(), []);
    assert_eq!(XorEncoder::new().last_ts(), None);
}

#[test]
fn sixty_four_significant_bits_are_written_as_none() {
    let samples = [(0, 0.0), (1, f64::from_bits(1 << 63 | 1)), (2, f64::from_bits(u64::MAX))];
    let encoder = encode(&samples);
    assert_eq!(decoded(encoder.payload()).unwrap(), bits(&samples));
    let header = BitReader::new(&encoder.payload()[12..]).read(13);
    assert_eq!(header, 0b11 << 11);
}

#[test]
fn edges_of_the_delta_classes_round_trip() {
    let edges = [13, 16, 19].map(|bits| 1_i64 << bits);
    let changes = edges.into_iter().flat_map(|e| [-e - 1, -e, 1 - e, e - 1, e, e + 1]);
    let changes = changes.chain([i64::MIN, i64::MAX, -1, 1, 0]);
    let (mut ts, mut delta) = (0_i64, 0_i64);
    let mut samples = vec![(0, 1.0), (0, 1.0)];
    for change in changes {
        delta = delta.wrapping_add(change);
        ts = ts.wrapping_add(delta);
        samples.push((ts, 1.0));
    }
    assert_eq!(decoded(encode(&samples).payload()).unwrap(), bits(&samples));
}

#[test]
fn columns_are_untouched_after_an_error() {
    let encoder = encode(&[(1, 1.0), (2, 2.5), (3, 3.5)]);
    let payload = encoder.payload();
    let (mut timestamps, mut values) = (vec![9], vec![9.0]);
    for cut in 0..payload.len() {
        assert!(decode(&payload[..cut], &mut timestamps, &mut values).is_err(), "{cut}");
        assert_eq!((timestamps.as_slice(), values.as_slice()), (&[9][..], &[9.0][..]));
    }
    let longer = [payload, &[0]].concat();
    let error = decode(&longer, &mut timestamps, &mut values).unwrap_err();
    assert!(matches!(error, CodecError::Trailing { extra: 1, count: 3, .. }), "{error}");
    assert_eq!(timestamps.len(), 1);
}

#[test]
fn a_window_beyond_64_bits_is_refused() {
    let mut bytes = vec![0, 2, 0];
    bytes.extend([0; 8]);
    bytes.push(1);
    bytes.extend(from_bits("11 11111 111111"));
    bytes.extend([0; 8]);
    let error = decoded(&bytes).unwrap_err();
    assert_eq!(error, CodecError::Window { leading: 31, significant: 63, index: 1 });
}

#[test]
fn a_count_that_the_bytes_cannot_hold_allocates_nothing() {
    let mut bytes = vec![0xff, 0xff, 0];
    bytes.extend([0; 8]);
    bytes.extend([1, 0, 0]);
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    assert!(decode(&bytes, &mut timestamps, &mut values).is_err());
    assert!(timestamps.capacity() < 100 && values.capacity() < 100);
}

/// Values of every kind: any bits, small steps, decimals, special ones.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (-1_000_000..1_000_000_i64).prop_map(|n| n as f64 / 100.0),
        (0..50_i64).prop_map(|n| n as f64),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::from_bits(0x7ff0_0000_0000_0002),
            f64::from_bits(0xfff8_dead_beef_0001),
            f64::MIN_POSITIVE,
            f64::MAX,
        ]),
    ]
}

fn any_ts() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        1_700_000_000_000..1_700_000_100_000_i64,
        prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1]),
    ]
}

proptest! {
    #[test]
    fn samples_round_trip_bit_for_bit(
        samples in prop::collection::vec((any_ts(), any_value()), 1..=120)
    ) {
        let mut encoder = XorEncoder::new();
        for (index, &(ts, value)) in samples.iter().enumerate() {
            encoder.append(ts, value);
            // At any moment, not only at the end.
            if index % 17 == 0 {
                prop_assert_eq!(decoded(encoder.payload()).unwrap(), bits(&samples[..=index]));
            }
        }
        prop_assert_eq!(decoded(encoder.payload()).unwrap(), bits(&samples));
        prop_assert_eq!(usize::from(encoder.count()), samples.len());
        prop_assert_eq!(encoder.last_ts(), samples.last().map(|s| s.0));
    }

    #[test]
    fn even_steps_round_trip(
        start in any_ts(),
        step in 0..100_000_i64,
        samples in prop::collection::vec((-3..3_i64, any_value()), 1..=120),
    ) {
        let samples: Vec<(i64, f64)> = samples
            .into_iter()
            .enumerate()
            .map(|(i, (jitter, v))| (start.wrapping_add(step * i as i64 + jitter), v))
            .collect();
        prop_assert_eq!(decoded(encode(&samples).payload()).unwrap(), bits(&samples));
    }

    #[test]
    fn any_bytes_give_columns_or_an_error(
        mut bytes in prop::collection::vec(any::<u8>(), 0..600),
        count in 0..130_u16,
    ) {
        let _ = decoded(&bytes);
        if let Some(place) = bytes.first_chunk_mut() {
            *place = count.to_be_bytes();
        }
        if let Ok(samples) = decoded(&bytes) {
            prop_assert_eq!(samples.len(), usize::from(count));
        }
    }
}
