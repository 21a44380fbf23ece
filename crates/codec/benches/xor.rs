//! Encode and decode of chunks of 120 samples, in samples per second.
//!
//! Data: one sample every 15 s, by kind of series. `cargo bench -p timberline-codec --bench xor`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use timberline_codec::{chunk, xor::XorEncoder};

const CHUNKS: usize = 64;

/// A linear congruential generator: the same data on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn series(kind: &str) -> Vec<Vec<(i64, f64)>> {
    let mut numbers = Numbers(7);
    let start = 1_700_000_000_000;
    let mut value = 50_000_u64;
    let mut sample = |index: usize| {
        let (mut ts, step) = (start + index as i64 * 15_000, numbers.below(1_000));
        let value = match kind {
            "constant" => 42.0,
            "counter" => {
                value += step;
                value as f64
            }
            "jittered_counter" => {
                ts += numbers.below(5) as i64 - 2;
                value += step;
                value as f64
            }
            _ => {
                value = (value + step).saturating_sub(500);
                value as f64 / 100.0
            }
        };
        (ts, value)
    };
    let mut chunk =
        |n: usize| (0..chunk::SAMPLES_MAX).map(|i| sample(n * chunk::SAMPLES_MAX + i)).collect();
    (0..CHUNKS).map(&mut chunk).collect()
}

fn encode(samples: &[(i64, f64)]) -> XorEncoder {
    let mut encoder = XorEncoder::new();
    for &(ts, value) in samples {
        encoder.append(ts, value);
    }
    encoder
}

fn benchmarks(criterion: &mut Criterion) {
    for kind in ["constant", "counter", "jittered_counter", "gauge"] {
        let mut group = criterion.benchmark_group(kind);
        group.throughput(Throughput::Elements((CHUNKS * chunk::SAMPLES_MAX) as u64));
        let data = series(kind);
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                for samples in &data {
                    black_box(encode(samples));
                }
            });
        });
        let chunks: Vec<_> =
            data.iter().map(|s| chunk::seal(chunk::UNIT_MILLI, &encode(s))).collect();
        let (mut timestamps, mut values) = (Vec::new(), Vec::new());
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                for bytes in &chunks {
                    timestamps.clear();
                    values.clear();
                    chunk::decode(bytes, &mut timestamps, &mut values).expect("a sound chunk");
                    black_box((&timestamps, &values));
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
