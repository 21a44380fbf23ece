//! Size and speed of native histograms: pages, single ones and Prometheus' chunks of the same, bytes and
//! nanoseconds each, best of some runs. `cargo bench -p timberline-codec --bench histogram`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use timberline_codec::{histogram, page, prometheus};
use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint};

const COUNT: usize = 8 * page::VALUES_MAX;

/// Each figure is the best of so many runs: the machine may be busy with other things.
const RUNS: usize = 15;

/// Xorshift: the same data on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// What a service of some requests a second exports each 15 s: latencies around 2^-4 s in buckets of schema
/// 3, a bucket that fills once being there from then on.
fn latencies(requests: u64, buckets: usize) -> Vec<Histogram> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut counts = vec![0_u64; buckets];
    let mut sum = 0.0;
    let mut next = |index: usize| {
        for _ in 0..requests * 15 + numbers.below(requests * 3 + 1) {
            // The sum of four dice lies mostly in the middle.
            let faces = buckets as u64 * 8;
            let sum_of_dice: u64 = (0..4).map(|_| numbers.below(faces / 4)).sum();
            let place = (sum_of_dice / 8) as usize;
            counts[place.min(buckets - 1)] += 1;
            sum += 2.0_f64.powf((place as f64 - 32.0) / 8.0);
        }
        let first = counts.iter().position(|count| *count > 0).unwrap_or(0);
        let last = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let positive = counts[first..=last].to_vec();
        let length = positive.len() as u32;
        Histogram {
            reset_hint: if index > 0 { ResetHint::NotReset } else { ResetHint::Unknown },
            schema: 3,
            zero_threshold: 2.0_f64.powi(-128),
            sum,
            positive_spans: vec![BucketSpan { offset: first as i32 - 40, length }],
            counts: BucketCounts::Integer {
                count: positive.iter().sum(),
                zero_count: 0,
                positive,
                negative: Vec::new(),
            },
            ..Histogram::stale()
        }
    };
    (0..COUNT).map(&mut next).collect()
}

fn as_floats(histograms: &[Histogram]) -> Vec<Histogram> {
    let float = |histogram: &Histogram| {
        let mut histogram = histogram.clone();
        if let BucketCounts::Integer { count, positive, .. } = &histogram.counts {
            histogram.counts = BucketCounts::Float {
                count: *count as f64,
                zero_count: 0.0,
                positive: positive.iter().map(|count| *count as f64).collect(),
                negative: Vec::new(),
            };
        }
        histogram
    };
    histograms.iter().map(float).collect()
}

fn best(mut run: impl FnMut()) -> f64 {
    let one = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    let best: Duration = (0..RUNS).map(|_| one(&mut run)).min().expect("at least one run");
    best.as_nanos() as f64 / COUNT as f64
}

fn report(kind: &str, histograms: &[Histogram]) {
    let line = |form: &str, bytes: usize, encode: f64, decode: f64| {
        let each = bytes as f64 / COUNT as f64;
        println!("| {kind} | {form} | {each:.1} | {encode:.0} | {decode:.0} |");
    };
    for size in [page::VALUES_MAX, 240] {
        let mut pages = Vec::new();
        let encode = best(|| {
            pages.clear();
            for histograms in histograms.chunks(size) {
                let mut page = Vec::new();
                page::encode_histograms(histograms, &mut page);
                pages.push(page);
            }
        });
        let decode = best(|| {
            for page in &pages {
                let mut decoded = Vec::new();
                page::decode_histograms(page, size, &mut decoded).expect("a sound page");
                black_box(&decoded);
            }
        });
        line(&format!("pages of {size}"), pages.iter().map(Vec::len).sum(), encode, decode);
    }
    let timestamps: Vec<i64> = (0..COUNT as i64).map(|n| 1_700_000_000_000 + n * 15_000).collect();
    let mut chunks = Vec::new();
    let encode = best(|| {
        chunks.clear();
        prometheus::encode_histograms(&timestamps, histograms, &mut chunks);
    });
    let decode = best(|| {
        for chunk in &chunks {
            let (mut timestamps, mut decoded) = (Vec::new(), Vec::new());
            prometheus::decode_histograms(
                chunk.encoding,
                &chunk.bytes,
                &mut timestamps,
                &mut decoded,
            )
            .expect("a sound chunk");
            black_box(&decoded);
        }
    });
    let bytes = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    line("Prometheus' chunks (with timestamps)", bytes, encode, decode);
    let mut bytes = Vec::new();
    let encode = best(|| {
        bytes.clear();
        histograms.iter().for_each(|histogram| histogram::put(histogram, &mut bytes));
    });
    let decode = best(|| {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            black_box(histogram::take(&mut rest).expect("a sound histogram"));
        }
    });
    line("single", bytes.len(), encode, decode);
}

fn main() {
    println!("| histograms | form | B each | encode ns | decode ns |");
    println!("| --- | --- | --- | --- | --- |");
    for (requests, buckets) in [(1, 20), (20, 20), (20, 60), (200, 20)] {
        let histograms = latencies(requests, buckets);
        report(&format!("{requests} requests/s, up to {buckets} buckets"), &histograms);
    }
    report("20 requests/s, up to 20 buckets, floats", &as_floats(&latencies(20, 20)));
}
