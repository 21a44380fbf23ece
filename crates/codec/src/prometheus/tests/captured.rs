//! Chunks that Prometheus 2.42 wrote of known samples (`testdata/prometheus-2.42/`): they decode to those,
//! and encode to the same bytes (but for a byte of padding).

use super::*;

const CHUNKS: &str = include_str!("../../../testdata/prometheus-2.42/chunks.txt");

/// As in `capture.py`.
const START: i64 = 1_700_000_000_000;
const COUNT: usize = 200;

fn chunks(name: &str) -> Vec<(Encoding, Vec<u8>)> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    let lines = CHUNKS.lines().filter(|line| line.split(' ').next() == Some(name));
    let chunk = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let encoding = Encoding::from_code(fields.next().unwrap().parse().unwrap()).unwrap();
        (encoding, fields.next().unwrap().as_bytes().chunks(2).map(byte).collect())
    };
    lines.map(chunk).collect()
}

/// This version leaves a zero byte behind a chunk whose last bits fill a byte; later ones do not.
fn without_padding(bytes: &[u8], len: usize) -> &[u8] {
    match bytes {
        [whole @ .., 0] if whole.len() == len => whole,
        bytes => bytes,
    }
}

fn floats_match(name: &str, sample: impl Fn(i64) -> (i64, f64)) {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    for (encoding, bytes) in chunks(name) {
        assert_eq!(encoding, Encoding::Xor);
        let from = timestamps.len();
        decode_floats(&bytes, &mut timestamps, &mut values).unwrap();
        let mut encoder = crate::xor::XorEncoder::new();
        for (ts, value) in timestamps[from..].iter().zip(&values[from..]) {
            encoder.append(*ts, *value);
        }
        let again = encoder.payload();
        assert_eq!(again, without_padding(&bytes, again.len()), "{name} from {from}");
    }
    assert_eq!(values.len(), COUNT);
    for (index, found) in timestamps.iter().zip(&values).enumerate() {
        let (offset, value) = sample(index as i64);
        let ts = START + index as i64 * 15_000 + offset;
        assert_eq!((*found.0, found.1.to_bits()), (ts, value.to_bits()), "{name} {index}");
    }
}

#[test]
fn floats_of_prometheus_are_read_and_written_alike() {
    floats_match("f_counter", |i| (0, (i * 7 + i % 5) as f64));
    let gauge = |i| if i == 150 { STALE_NAN } else { (i * 37 % 101) as f64 / 100.0 };
    floats_match("f_gauge", |i| (0, gauge(i)));
    floats_match("f_jitter", |i| (i * i % 7, (i as f64).sqrt()));
}

/// Decodes a series' chunks, encodes each again, and returns the histograms with what each chunk says.
fn decoded(name: &str) -> (Vec<Histogram>, Vec<(usize, ResetHint)>) {
    let (mut timestamps, mut all, mut cuts) = (Vec::new(), Vec::new(), Vec::new());
    for (encoding, bytes) in chunks(name) {
        let from = all.len();
        let hint = decode_histograms(encoding, &bytes, &mut timestamps, &mut all);
        let hint = hint.unwrap_or_else(|error| panic!("{name} {from}: {error}"));
        let again = encode::chunk(hint, &timestamps[from..], &all[from..]);
        assert_eq!(again, without_padding(&bytes, again.len()), "{name} {from}");
        cuts.push((all.len() - from, hint));
    }
    let expected: Vec<i64> = (0..COUNT as i64).map(|i| START + i * 15_000).collect();
    assert_eq!(timestamps, expected);
    (all, cuts)
}

fn counter(i: u64) -> Histogram {
    let counts: Vec<u64> = (0..5).map(|place| i * (place + 1) * 2 + (i * 7 + place) % 3).collect();
    let histogram = integer(&[span(-2, 3), span(2, 2)], i / 4, &counts);
    Histogram { sum: i as f64 * 1.5, ..histogram }
}

/// With the bucket that comes later.
fn wide(i: u64) -> Histogram {
    let BucketCounts::Integer { mut positive, .. } = counter(i).counts else { unreachable!() };
    positive.insert(3, i.saturating_sub(49));
    let histogram = integer(&[span(-2, 4), span(1, 2)], i / 4, &positive);
    Histogram { sum: i as f64 * 1.5, ..histogram }
}

fn halved(histogram: Histogram) -> Histogram {
    let BucketCounts::Integer { count, zero_count, positive, .. } = histogram.counts else {
        unreachable!()
    };
    let half = |count: u64| count as f64 * 0.5;
    let counts = BucketCounts::Float {
        count: half(count),
        zero_count: half(zero_count),
        positive: positive.into_iter().map(half).collect(),
        negative: Vec::new(),
    };
    Histogram { counts, ..histogram }
}

#[track_caller]
fn histograms_match(name: &str, expected: impl Fn(u64) -> Histogram) -> Vec<(usize, ResetHint)> {
    let (all, cuts) = decoded(name);
    for (index, found) in all.iter().enumerate() {
        let expected = expected(index as u64);
        if expected.is_stale() {
            assert!(found.is_stale(), "{name} {index}");
        } else {
            let reset_hint = found.reset_hint;
            assert_eq!(found, &Histogram { reset_hint, ..expected }, "{name} {index}");
        }
    }
    cuts
}

#[test]
fn histograms_of_prometheus_are_read_and_written_alike() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    let stale = |i, histogram| if i == 70 { Histogram::stale() } else { histogram };
    let two = [(143, Unknown), (57, NotReset)];
    assert_eq!(histograms_match("h_counter", counter), two);
    assert_eq!(histograms_match("h_grows", wide), two);
    assert_eq!(histograms_match("h_float", |i| halved(counter(i))), two);
    let cuts = histograms_match("h_gauge", |i| counter(i * 13 % 50));
    assert_eq!(cuts, [(143, Gauge), (57, Gauge)]);
    let cuts = histograms_match("h_reset", |i| counter(if i < 60 { i } else { i - 60 }));
    assert_eq!(cuts, [(60, Unknown), (123, Reset), (17, NotReset)]);
    let expected = [(71, Unknown), (119, Unknown), (10, NotReset)];
    assert_eq!(histograms_match("h_stale", |i| stale(i, counter(i))), expected);
    let cuts = histograms_match("h_float_stale", |i| stale(i, halved(counter(i))));
    assert_eq!(cuts, expected);
}

/// What is cut here is what Prometheus says of it: the same hints where the same happened.
#[test]
fn resets_are_found_where_prometheus_found_them() {
    let (all, _) = decoded("h_reset");
    let mut chunks = Vec::new();
    encode_histograms(&times(COUNT), &all, &mut chunks);
    let counts: Vec<usize> = chunks.iter().map(|chunk| chunk.count).collect();
    assert_eq!(counts, [60, 120, 20]);
    assert_eq!(decode_all(&chunks).2, [ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset]);
}
