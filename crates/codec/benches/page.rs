//! Size and speed of pages by kind of series: bytes and nanoseconds a value, best of some runs, beside
//! the Gorilla chunks of 120 samples that hold the same values (with timestamps that cost next to
//! nothing). `cargo bench -p timberline-codec --bench page`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use timberline_codec::{
    page::{self, PageStats, VALUES_MAX},
    xor::{self, XorEncoder},
};

const PAGES: usize = 32;

/// Each figure is the best of so many runs: the machine may be busy with other things.
const RUNS: usize = 15;

/// Xorshift: the same data on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Roughly normal, of deviation one.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// The kinds of series, in the order of the table.
const KINDS: [&str; 14] = [
    "constant",
    "gauge of states (0 or 1)",
    "counter, steady",
    "counter, requests",
    "counter with resets",
    "bytes counter (node exporter)",
    "memory gauge (pages of 4 KiB)",
    "walk 0..100, integers (TSBS)",
    "walk 0..100, 2 digits (TSBS)",
    "seconds counter, 2 digits",
    "seconds counter, 6 digits",
    "sum of latencies, 9 digits added up",
    "the same, of few requests",
    "full mantissas",
];

fn series(kind: &str, count: usize) -> Vec<f64> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut total, mut walk, mut sum) = (5_000_000_u64, 50.0_f64, 0.0_f64);
    let mut value = |index: usize| match kind {
        "constant" => 42.5,
        "gauge of states (0 or 1)" => {
            total = if numbers.below(50) == 0 { numbers.below(2) } else { total & 1 };
            total as f64
        }
        "counter, steady" => (index * 15) as f64,
        "counter, requests" => {
            total += 100 + numbers.below(60);
            total as f64
        }
        "counter with resets" => {
            total = if numbers.below(300) == 0 { 0 } else { total + 100 + numbers.below(60) };
            total as f64
        }
        "bytes counter (node exporter)" => {
            total += 20_000 + numbers.below(4_000) * numbers.below(200);
            total as f64
        }
        "memory gauge (pages of 4 KiB)" => {
            total = (total + numbers.below(400)).saturating_sub(200);
            (total * 4_096) as f64
        }
        "walk 0..100, integers (TSBS)" => {
            walk = (walk + numbers.normal()).clamp(0.0, 100.0);
            walk.trunc()
        }
        "walk 0..100, 2 digits (TSBS)" => {
            walk = (walk + numbers.normal()).clamp(0.0, 100.0);
            (walk * 100.0).round() / 100.0
        }
        "seconds counter, 2 digits" => {
            total += 1_400 + numbers.below(60);
            total as f64 / 100.0
        }
        "seconds counter, 6 digits" => {
            total += 1_400_000 + numbers.below(60_000);
            total as f64 / 1e6
        }
        "the same, of few requests" => {
            if numbers.below(12) == 0 {
                sum += (1_000_000 + numbers.below(50_000_000)) as f64 / 1e9;
            }
            sum
        }
        "sum of latencies, 9 digits added up" => {
            for _ in 0..10 {
                sum += (1_000_000 + numbers.below(50_000_000)) as f64 / 1e9;
            }
            sum
        }
        _ => numbers.unit(),
    };
    (0..count).map(&mut value).collect()
}

/// One value in 50 is a stale marker or some NaN.
fn with_gaps(mut values: Vec<f64>) -> Vec<f64> {
    let mut numbers = Numbers(77);
    for value in &mut values {
        match numbers.below(100) {
            0 => *value = f64::from_bits(0x7ff0_0000_0000_0002),
            1 => *value = f64::NAN,
            _ => {}
        }
    }
    values
}

fn best(mut run: impl FnMut()) -> Duration {
    let one = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..RUNS).map(|_| one(&mut run)).min().expect("at least one run")
}

fn gorilla_bytes(values: &[f64]) -> usize {
    let mut bytes = 0;
    for chunk in values.chunks(120) {
        let mut encoder = XorEncoder::new();
        for (index, value) in chunk.iter().enumerate() {
            encoder.append(index as i64 * 15_000, *value);
        }
        bytes += encoder.payload().len();
    }
    bytes
}

fn report_values(kind: &str, values: &[f64], page_size: usize) {
    let count = values.len() as f64;
    let per_value = |time: Duration| time.as_nanos() as f64 / count;
    let (mut bytes, mut codecs) = (Vec::new(), Vec::new());
    let encode = best(|| {
        bytes.clear();
        for values in values.chunks(page_size) {
            page::encode_values(values, &mut bytes);
        }
    });
    let mut pages = Vec::new();
    for values in values.chunks(page_size) {
        let mut page = Vec::new();
        let codec = format!("{:?}", page::encode_values(values, &mut page).codec).to_lowercase();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
        pages.push(page);
    }
    let mut decoded = Vec::with_capacity(VALUES_MAX);
    let decode = best(|| {
        for page in &pages {
            decoded.clear();
            page::decode_values(page, VALUES_MAX, &mut decoded).expect("a sound page");
            black_box(&decoded);
        }
    });
    let mut stored = Vec::new();
    let statistics = best(|| {
        stored.clear();
        for values in values.chunks(page_size) {
            PageStats::of(values).put(&mut stored);
        }
    });
    println!(
        "| {kind} | {} | {:.3} | {:.3} | {:.1} | {:.2} | {:.2} | {:.1} | {:.3} |",
        codecs.join(", "),
        bytes.len() as f64 / count,
        gorilla_bytes(values) as f64 / count,
        per_value(encode),
        per_value(decode),
        1.0 / per_value(decode),
        per_value(statistics),
        stored.len() as f64 / count,
    );
}

fn report_timestamps(kind: &str, timestamps: &[i64]) {
    let count = timestamps.len() as f64;
    let per_value = |time: Duration| time.as_nanos() as f64 / count;
    let mut bytes = Vec::new();
    let encode = best(|| {
        bytes.clear();
        for timestamps in timestamps.chunks(VALUES_MAX) {
            page::encode_timestamps(timestamps, &mut bytes);
        }
    });
    let mut pages = Vec::new();
    for timestamps in timestamps.chunks(VALUES_MAX) {
        let mut page = Vec::new();
        page::encode_timestamps(timestamps, &mut page);
        pages.push(page);
    }
    let mut decoded = Vec::with_capacity(VALUES_MAX);
    let decode = best(|| {
        for page in &pages {
            decoded.clear();
            page::decode_timestamps(page, VALUES_MAX, &mut decoded).expect("a sound page");
            black_box(&decoded);
        }
    });
    println!(
        "| {kind} | {:.3} | {:.1} | {:.2} | {:.2} |",
        bytes.len() as f64 / count,
        per_value(encode),
        per_value(decode),
        1.0 / per_value(decode),
    );
}

/// Decoding Gorilla chunks of 120 samples, timestamps included.
fn report_gorilla(kind: &str, steps: &str) {
    let values = series(kind, PAGES * VALUES_MAX);
    let timestamps = timestamps(steps);
    let mut payloads = Vec::new();
    for (values, timestamps) in values.chunks(120).zip(timestamps.chunks(120)) {
        let mut encoder = XorEncoder::new();
        for (ts, value) in timestamps.iter().zip(values) {
            encoder.append(*ts, *value);
        }
        payloads.push(encoder.payload().to_vec());
    }
    let (mut timestamps, mut decoded) = (Vec::with_capacity(120), Vec::with_capacity(120));
    let decode = best(|| {
        for payload in &payloads {
            timestamps.clear();
            decoded.clear();
            xor::decode(payload, &mut timestamps, &mut decoded).expect("a sound payload");
            black_box((&timestamps, &decoded));
        }
    });
    let ns = decode.as_nanos() as f64 / values.len() as f64;
    let bytes: usize = payloads.iter().map(Vec::len).sum();
    let each = bytes as f64 / values.len() as f64;
    println!("| {kind} | {steps} | {each:.3} | {ns:.2} | {:.3} |", 1.0 / ns);
}

fn timestamps(kind: &str) -> Vec<i64> {
    let mut numbers = Numbers(5);
    let mut ts = 1_700_000_000_000_i64;
    let mut next = || {
        ts += 15_000;
        match kind {
            "15 s, exact" => ts,
            "15 s, +-2 ms" => ts + numbers.below(5) as i64 - 2,
            "15 s, +-2 ms, 1 % missed" => {
                ts += if numbers.below(100) == 0 { 15_000 } else { 0 };
                ts + numbers.below(5) as i64 - 2
            }
            _ => {
                ts += numbers.below(2_000) as i64;
                ts
            }
        }
    };
    (0..PAGES * VALUES_MAX).map(|_| next()).collect()
}

fn main() {
    for page_size in [VALUES_MAX, 480] {
        println!("\nPages of {page_size} values\n");
        println!(
            "| values | codec | B/value | Gorilla chunks B/value | encode ns | decode ns | decode G/s | stats ns | stats B/value |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for kind in KINDS {
            report_values(kind, &series(kind, PAGES * page_size), page_size);
        }
        let gappy = with_gaps(series("counter, requests", PAGES * page_size));
        report_values("counter, 2 % stale or NaN", &gappy, page_size);
    }
    println!("\nGorilla chunks of 120 samples\n");
    println!("| values | timestamps | B/sample | decode ns | decode G/s |");
    println!("| --- | --- | --- | --- | --- |");
    for kind in KINDS {
        for steps in ["15 s, exact", "15 s, +-2 ms"] {
            report_gorilla(kind, steps);
        }
    }
    println!("\nTimestamps in ms, pages of {VALUES_MAX}\n");
    println!("| timestamps | B/value | encode ns | decode ns | decode G/s |");
    println!("| --- | --- | --- | --- | --- |");
    for kind in ["15 s, exact", "15 s, +-2 ms", "15 s, +-2 ms, 1 % missed", "drifting"] {
        report_timestamps(kind, &timestamps(kind));
    }
}
