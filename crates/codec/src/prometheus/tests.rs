//! Chunks that a real Prometheus wrote, round trips, how histograms are cut, bytes that nobody wrote.

mod captured;

use proptest::prelude::*;
use timberline_model::{
    BucketCounts, CUSTOM_BUCKETS_SCHEMA, Histogram, HistogramError, ResetHint, STALE_NAN,
};

use super::*;
use crate::{
    CodecError,
    bits::{BitReader, BitWriter},
    histogram::tests::{histograms, integer, span},
};

/// What a chunk keeps of a histogram: of a stale one nothing, and no sign of a zero.
fn kept(histogram: &Histogram) -> Histogram {
    let mut histogram = histogram.clone();
    if histogram.is_stale() {
        let counts = if histogram.is_float() {
            let (positive, negative) = (Vec::new(), Vec::new());
            BucketCounts::Float { count: 0.0, zero_count: 0.0, positive, negative }
        } else {
            Histogram::stale().counts
        };
        return Histogram { counts, reset_hint: histogram.reset_hint, ..Histogram::stale() };
    }
    if histogram.zero_threshold == 0.0 {
        histogram.zero_threshold = 0.0;
    }
    for bound in &mut histogram.custom_values {
        *bound = if *bound == 0.0 { 0.0 } else { *bound };
    }
    histogram
}

/// Decodes chunks one after the other.
fn decode_all(chunks: &[Chunk]) -> (Vec<i64>, Vec<Histogram>, Vec<ResetHint>) {
    let (mut timestamps, mut decoded, mut hints) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        let before = timestamps.len();
        let hint = decode_histograms(chunk.encoding, &chunk.bytes, &mut timestamps, &mut decoded);
        hints.push(hint.unwrap());
        assert_eq!(timestamps.len() - before, chunk.count);
        assert_eq!((timestamps[before], timestamps.last()), (chunk.min_ts, Some(&chunk.max_ts)));
        assert!(chunk.count <= SAMPLES_MAX);
    }
    (timestamps, decoded, hints)
}

#[track_caller]
fn round_trip(timestamps: &[i64], histograms: &[Histogram]) -> (Vec<Chunk>, Vec<ResetHint>) {
    let mut chunks = Vec::new();
    encode_histograms(timestamps, histograms, &mut chunks);
    let (decoded_timestamps, decoded, hints) = decode_all(&chunks);
    assert_eq!(decoded_timestamps, timestamps);
    assert_eq!(decoded.len(), histograms.len());
    for (decoded, histogram) in decoded.iter().zip(histograms) {
        let reset_hint = decoded.reset_hint;
        assert_eq!(decoded, &Histogram { reset_hint, ..kept(histogram) });
        let is_gauge = histogram.reset_hint == ResetHint::Gauge;
        assert_eq!(reset_hint == ResetHint::Gauge, is_gauge);
    }
    (chunks, hints)
}

fn rising(count: u64) -> Vec<Histogram> {
    let at = |n: u64| integer(&[span(-1, 2), span(1, 1)], n, &[n * 3, n * n, n / 2]);
    (1..=count).map(at).collect()
}

fn times(count: usize) -> Vec<i64> {
    (0..count as i64).map(|n| 1_700_000_000_000 + n * 15_000 + n % 3).collect()
}

/// How many histograms each chunk has, and what it says of a reset.
fn cuts(histograms: &[Histogram]) -> Vec<(usize, ResetHint)> {
    let (chunks, hints) = round_trip(&times(histograms.len()), histograms);
    chunks.iter().map(|chunk| chunk.count).zip(hints).collect()
}

#[test]
fn integers_of_every_class_come_back() {
    let mut bytes = Vec::new();
    let mut writer = BitWriter::resume(&mut bytes, 0);
    let edges = || {
        (0..64)
            .flat_map(|shift| {
                let power = 1_i64.wrapping_shl(shift);
                [-1, 0, 1]
                    .map(|more| power.wrapping_add(more))
                    .map(|value| [value, value.wrapping_neg()])
            })
            .flatten()
    };
    for value in edges() {
        varbit::write_int(&mut writer, value);
        varbit::write_uint(&mut writer, value as u64);
    }
    let mut reader = BitReader::new(&bytes);
    for value in edges() {
        assert_eq!(varbit::read_int(&mut reader), value);
        assert_eq!(varbit::read_uint(&mut reader), value as u64);
    }
    assert!(!reader.is_past_end());
}

#[test]
fn numbers_take_the_bits_that_upstream_documents() {
    let bits = |write: &dyn Fn(&mut BitWriter<'_>)| {
        let mut bytes = Vec::new();
        let mut writer = BitWriter::resume(&mut bytes, 0);
        write(&mut writer);
        let free = usize::from(writer.free());
        bytes.len() * 8 - free
    };
    let signed = [(0, 1), (-3, 5), (4, 5), (5, 9), (-31, 9), (256, 13), (-2_047, 17), (2_049, 24)];
    for (value, count) in signed {
        assert_eq!(bits(&|writer| varbit::write_int(writer, value)), count, "{value}");
    }
    let unsigned =
        [(0, 1), (7, 5), (8, 9), (511, 13), (4_095, 17), (33_554_431, 32), (u64::MAX, 72)];
    for (value, count) in unsigned {
        assert_eq!(bits(&|writer| varbit::write_uint(writer, value)), count, "{value}");
    }
}

#[test]
fn a_chunk_ends_after_so_many_samples() {
    let all = rising(250);
    let expected =
        [(120, ResetHint::Unknown), (120, ResetHint::NotReset), (10, ResetHint::NotReset)];
    assert_eq!(cuts(&all), expected);
}

#[test]
fn a_reset_begins_a_chunk_that_says_so() {
    let all = [rising(30), rising(10)].concat();
    assert_eq!(cuts(&all), [(30, ResetHint::Unknown), (10, ResetHint::Reset)]);
    let mut said = rising(20);
    said[5].reset_hint = ResetHint::Reset;
    assert_eq!(cuts(&said), [(5, ResetHint::Unknown), (15, ResetHint::Reset)]);
    let mut bucket = rising(3);
    bucket[2] = integer(&[span(-1, 2), span(1, 1)], 3, &[100, 3, 1]);
    assert_eq!(cuts(&bucket), [(2, ResetHint::Unknown), (1, ResetHint::Reset)]);
}

#[test]
fn another_layout_begins_a_chunk() {
    let narrow = rising(3);
    let wide = integer(&[span(-1, 3), span(0, 1)], 9, &[90, 90, 1, 90]);
    let fewer = integer(&[span(-1, 2)], 9, &[90, 90]);
    let other_schema = Histogram { schema: 2, ..wide.clone() };
    let all = [narrow, vec![wide.clone(), fewer, other_schema]].concat();
    let hints = [ResetHint::Unknown, ResetHint::NotReset, ResetHint::Reset, ResetHint::Unknown];
    assert_eq!(cuts(&all), [3, 1, 1, 1].into_iter().zip(hints).collect::<Vec<_>>());
    // A bucket that is gone held nothing.
    let empty = integer(&[span(-1, 3), span(0, 1)], 9, &[90, 90, 0, 90]);
    let gone = integer(&[span(-1, 2), span(1, 1)], 9, &[90, 90, 90]);
    assert_eq!(cuts(&[empty, gone]), [(1, ResetHint::Unknown), (1, ResetHint::NotReset)]);
}

#[test]
fn gauges_fall_within_a_chunk_and_lie_apart_from_counters() {
    let mut gauges = [rising(5), rising(5)].concat();
    for gauge in &mut gauges {
        gauge.reset_hint = ResetHint::Gauge;
    }
    let all = [gauges, rising(4)].concat();
    assert_eq!(cuts(&all), [(10, ResetHint::Gauge), (4, ResetHint::Unknown)]);
}

#[test]
fn a_stale_one_ends_a_chunk() {
    let all = [rising(5), vec![Histogram::stale(); 2], rising(4)].concat();
    assert_eq!(cuts(&all), [(7, ResetHint::Unknown), (4, ResetHint::Unknown)]);
    let all = [vec![Histogram::stale(); 2], rising(4)].concat();
    assert_eq!(cuts(&all), [(2, ResetHint::Unknown), (4, ResetHint::Unknown)]);
}

#[test]
fn the_documented_example_is_what_is_written() {
    let page = include_str!("../../../../docs/formats/prometheus-chunks.md");
    let block = page.split("```hex").nth(1).unwrap().split("```").next().unwrap();
    let digits: String = block.lines().flat_map(|line| line.split('|').next()).collect();
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    let documented: Vec<u8> = digits.chunks(2).map(byte).collect();
    let mut all = [integer(&[span(0, 2)], 1, &[4, 7]), integer(&[span(0, 2)], 1, &[6, 8])];
    (all[0].sum, all[1].sum) = (2.5, 2.5);
    let mut chunks = Vec::new();
    encode_histograms(&[1_000, 1_015], &all, &mut chunks);
    assert_eq!(chunks[0].bytes, documented);
}

#[test]
fn custom_bounds_come_back() {
    let mut custom = integer(&[span(0, 3)], 0, &[1, 2, 3]);
    custom.schema = CUSTOM_BUCKETS_SCHEMA;
    custom.zero_threshold = 0.0;
    custom.custom_values = vec![-1.0, 0.0, 0.005, 0.1, 33_554.43, 33_554.431, 1e300];
    let mut other = custom.clone();
    other.custom_values.pop();
    let all = [custom.clone(), custom, other];
    assert_eq!(cuts(&all), [(2, ResetHint::Unknown), (1, ResetHint::Reset)]);
}

#[test]
fn floats_are_cut_and_come_back() {
    let values: Vec<f64> = (0..250).map(|n| f64::from(n).sqrt()).collect();
    let mut chunks = Vec::new();
    encode_floats(&times(250), &values, &mut chunks);
    assert_eq!(chunks.iter().map(|chunk| chunk.count).collect::<Vec<_>>(), [120, 120, 10]);
    let (mut timestamps, mut decoded) = (Vec::new(), Vec::new());
    for chunk in &chunks {
        assert_eq!(chunk.min_ts, times(250)[timestamps.len()]);
        decode_floats(&chunk.bytes, &mut timestamps, &mut decoded).unwrap();
        assert_eq!(Some(&chunk.max_ts), timestamps.last());
    }
    assert_eq!((timestamps, decoded), (times(250), values));
}

#[test]
fn a_zero_byte_that_older_versions_leave_is_no_damage() {
    let (mut chunks, all) = (Vec::new(), rising(3));
    encode_floats(&[1], &[2.5], &mut chunks);
    encode_histograms(&times(3), &all, &mut chunks);
    let longer = |chunk: &Chunk, more: &[u8]| [&chunk.bytes[..], more].concat();
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    decode_floats(&longer(&chunks[0], &[0]), &mut timestamps, &mut values).unwrap();
    assert_eq!((&timestamps[..], &values[..]), (&[1][..], &[2.5][..]));
    for more in [&[1][..], &[0, 0]] {
        assert!(decode_floats(&longer(&chunks[0], more), &mut timestamps, &mut values).is_err());
        assert_eq!((timestamps.len(), values.len()), (1, 1));
    }
    let decoded = decode(Encoding::Histogram, &longer(&chunks[1], &[0])).unwrap();
    assert_eq!(decoded.len(), 3);
}

fn decode(encoding: Encoding, bytes: &[u8]) -> Result<Vec<Histogram>, CodecError> {
    let (mut timestamps, mut decoded) = (vec![1], vec![Histogram::stale()]);
    let result = decode_histograms(encoding, bytes, &mut timestamps, &mut decoded);
    assert_eq!(timestamps.len(), decoded.len());
    if result.is_err() {
        assert_eq!(decoded.len(), 1, "histograms of a chunk that is none");
    }
    result.map(|_| decoded.split_off(1))
}

#[test]
fn what_is_no_chunk_is_refused_by_name() {
    let mut chunks = Vec::new();
    encode_histograms(&times(30), &rising(30), &mut chunks);
    let bytes = &chunks[0].bytes;
    for len in 0..bytes.len() {
        assert!(decode(Encoding::Histogram, &bytes[..len]).is_err(), "{len}");
    }
    for (more, extra) in [(&[1][..], 1), (&[0, 0], 2)] {
        let longer = [&bytes[..], more].concat();
        let trailing = CodecError::PrometheusTrailing { extra };
        assert_eq!(decode(Encoding::Histogram, &longer), Err(trailing));
    }
    assert_eq!(decode(Encoding::Xor, bytes), Err(CodecError::PrometheusEncoding { code: 1 }));
    assert_eq!(Encoding::from_code(4), Err(CodecError::PrometheusEncoding { code: 4 }));
    for code in 1..=3 {
        assert_eq!(Encoding::from_code(code).map(Encoding::code), Ok(code));
    }
    assert_eq!(decode(Encoding::Histogram, &[0, 0, 0]), Ok(Vec::new()));
}

#[test]
fn few_bits_do_not_become_many_histograms_of_many_spans() {
    let mut bytes = vec![0xff, 0xff, 0];
    let mut writer = BitWriter::resume(&mut bytes, 0);
    writer.write(0, 8);
    varbit::write_int(&mut writer, 3);
    varbit::write_uint(&mut writer, 60_000);
    for _ in 0..60_000 {
        writer.write(0, 2);
    }
    bytes.extend(vec![0; 70_000]);
    let max = CELLS_MAX as u64;
    let error = decode(Encoding::Histogram, &bytes).unwrap_err();
    assert!(
        matches!(error, CodecError::PrometheusRange { field: "cells", max: found, .. } if found == max)
    );
}

#[test]
fn a_finer_schema_than_is_known_is_refused() {
    let mut bytes = vec![0, 1, 0];
    let mut writer = BitWriter::resume(&mut bytes, 0);
    writer.write(0, 8);
    varbit::write_int(&mut writer, 9);
    bytes.extend([0; 30]);
    let error = CodecError::Histogram(HistogramError::Schema { schema: 9 });
    assert_eq!(decode(Encoding::Histogram, &bytes), Err(error));
}

/// Series of histograms: each some times over, as it is and with counts that go on.
fn series() -> impl Strategy<Value = Vec<Histogram>> {
    prop::collection::vec((histograms(), 1..30_usize, any::<bool>()), 1..8).prop_map(|kinds| {
        let repeat = |(histogram, times, ends): (Histogram, usize, bool)| {
            let mut all = vec![histogram; times];
            if let Some(last) = all.last_mut().filter(|_| ends) {
                last.sum = STALE_NAN;
            }
            all
        };
        kinds.into_iter().flat_map(repeat).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_series_round_trips(all in series(), jitter in prop::collection::vec(any::<i64>(), 240)) {
        round_trip(&jitter[..all.len().min(240)], &all[..all.len().min(240)]);
    }

    #[test]
    fn what_was_decoded_encodes_to_the_same_bytes(all in series()) {
        let mut chunks = Vec::new();
        encode_histograms(&times(all.len()), &all, &mut chunks);
        for chunk in &chunks {
            let (mut timestamps, mut decoded) = (Vec::new(), Vec::new());
            let hint = decode_histograms(chunk.encoding, &chunk.bytes, &mut timestamps, &mut decoded);
            prop_assert_eq!(&encode::chunk(hint.unwrap(), &timestamps, &decoded), &chunk.bytes);
        }
    }

    #[test]
    fn changed_bytes_are_an_error_or_histograms(
        all in series(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut chunks = Vec::new();
        encode_histograms(&times(all.len()), &all, &mut chunks);
        let bytes = &mut chunks[0].bytes;
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for encoding in [Encoding::Histogram, Encoding::FloatHistogram] {
            for histogram in decode(encoding, bytes).unwrap_or_default() {
                prop_assert_eq!(histogram.check(), Ok(()));
            }
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_histograms(
        bytes in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..200),
    ) {
        let _ = decode(Encoding::Histogram, &bytes);
        let _ = decode(Encoding::FloatHistogram, &bytes);
    }
}
