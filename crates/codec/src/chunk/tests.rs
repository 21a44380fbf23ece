//! Stored chunks: round trips, damage, and the page on the format.

use proptest::prelude::*;

use super::*;

fn encoder(samples: &[(i64, f64)]) -> XorEncoder {
    let mut encoder = XorEncoder::new();
    for &(ts, value) in samples {
        encoder.append(ts, value);
    }
    encoder
}

fn decoded(bytes: &[u8]) -> Result<Vec<(i64, u64)>, CodecError> {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    decode(bytes, &mut timestamps, &mut values)?;
    Ok(timestamps.into_iter().zip(values.into_iter().map(f64::to_bits)).collect())
}

/// Recomputes the checksum after a test has changed what is under it.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - CRC_BYTES);
    let crc = crc32c(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

#[test]
fn the_documented_example_is_what_is_written() {
    let page = include_str!("../../../../docs/formats/chunk.md");
    let (_, example) = page.split_once("```hex").expect("the page has an example");
    let (example, _) = example.split_once("```").expect("the example ends");
    let lines = example.lines().map(|line| line.split('|').next().unwrap_or(""));
    let expected: Vec<u8> = lines
        .flat_map(str::split_ascii_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).expect("bytes in hex"))
        .collect();
    let samples = [(1_000, 1.0), (1_015, 1.0), (1_030, 2.0)];
    assert_eq!(seal(UNIT_MILLI, &encoder(&samples)), expected);
    let nanos = samples.map(|(ts, value)| (ts * 1_000_000, value.to_bits()));
    assert_eq!(decoded(&expected).unwrap(), nanos);
}

#[test]
fn any_flipped_bit_is_an_error() {
    let samples: Vec<_> = (0..120).map(|i| (i * 15_000, (i * i) as f64 / 8.0)).collect();
    let sound = seal(UNIT_MILLI, &encoder(&samples));
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(decoded(&bytes).is_err(), "bit {bit}");
    }
    for len in 0..sound.len() {
        assert!(decoded(&sound[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn unknown_codecs_and_units_are_named() {
    let mut bytes = seal(UNIT_NANO, &encoder(&[(1, 1.0)]));
    bytes[1] = 4;
    assert_eq!(decoded(&resealed(bytes.clone())), Err(CodecError::UnknownUnit { code: 4 }));
    bytes[0] = 9;
    assert_eq!(decoded(&resealed(bytes)), Err(CodecError::UnknownCodec { code: 9 }));
}

#[test]
fn counts_outside_the_limit_are_named() {
    for count in [0_u16, 121] {
        let mut bytes = seal(UNIT_NANO, &encoder(&[(1, 1.0)]));
        bytes[2..4].copy_from_slice(&count.to_be_bytes());
        let expected = CodecError::SampleCount { count: count.into(), max: SAMPLES_MAX };
        assert_eq!(decoded(&resealed(bytes)), Err(expected));
    }
}

#[test]
fn a_time_beyond_64_bits_of_nanoseconds_is_named() {
    for ts in [i64::MAX / 1_000_000 + 1, i64::MIN / 1_000_000 - 1, i64::MIN, i64::MAX] {
        let bytes = seal(UNIT_MILLI, &encoder(&[(0, 1.0), (ts, 1.0)]));
        let expected = CodecError::TimeOverflow { ts, unit_nanos: 1_000_000 };
        let (mut timestamps, mut values) = (vec![5], vec![5.0]);
        assert_eq!(decode(&bytes, &mut timestamps, &mut values), Err(expected));
        assert_eq!((timestamps.len(), values.len()), (1, 1));
    }
}

#[test]
fn an_open_payload_may_be_empty() {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    decode_payload(UNIT_MILLI, XorEncoder::new().payload(), &mut timestamps, &mut values).unwrap();
    assert!(timestamps.is_empty() && values.is_empty());
}

proptest! {
    #[test]
    fn chunks_round_trip(
        unit in UNIT_SECOND..=UNIT_NANO,
        samples in prop::collection::vec((any::<i64>(), any::<u64>()), 1..=120),
    ) {
        let nanos = unit_nanos(unit).unwrap();
        let samples: Vec<_> =
            samples.into_iter().map(|(ts, bits)| (ts / nanos, f64::from_bits(bits))).collect();
        let expected: Vec<_> = samples.iter().map(|s| (s.0 * nanos, s.1.to_bits())).collect();
        prop_assert_eq!(decoded(&seal(unit, &encoder(&samples))).unwrap(), expected);
    }

    #[test]
    fn any_bytes_under_a_right_checksum_do_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 4..400),
        count in 0..=120_u8,
    ) {
        let mut bytes = [[CODEC_XOR, UNIT_NANO, 0, count].as_slice(), &bytes].concat();
        bytes = resealed(bytes);
        if let Ok(samples) = decoded(&bytes) {
            prop_assert_eq!(samples.len(), usize::from(count));
        }
    }
}
