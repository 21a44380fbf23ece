//! Decoding of remote write and writing of answers, per series.
//!
//! Data: 1,000 series of 10 labels (about 200 bytes of text each) and one sample, as Prometheus sends
//! them. `cargo bench -p timberline-protocol --bench decode`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use timberline_model::{Labels, Sample};
use timberline_protocol::{
    DecodeLimits, TimeForm, json,
    prom_api::{self, MatrixRow},
    prom_remote::{Arena, compress, decode_v1, decode_v2, decompress, encode_v1},
};

const SERIES: usize = 1_000;

fn pairs(index: usize) -> Vec<(&'static str, String)> {
    vec![
        ("__name__", format!("http_request_duration_seconds_{}", index % 10)),
        ("cluster", "production-eu-1".to_owned()),
        ("container", "api".to_owned()),
        ("endpoint", "metrics".to_owned()),
        ("instance", format!("10.1.{}.{}:9100", index / 250, index % 250)),
        ("job", "kubernetes-pods".to_owned()),
        ("method", "GET".to_owned()),
        ("namespace", "monitoring".to_owned()),
        ("pod", format!("api-{index}-5d4f8c7b9c-x2x{}z", index % 10)),
        ("status", "200".to_owned()),
    ]
}

fn sample(index: usize) -> Sample {
    Sample { ts: 1_700_000_000_000_000_000, value: index as f64 * 0.25 }
}

fn request_v1() -> Vec<u8> {
    let series: Vec<_> = (0..SERIES)
        .map(|index| (Labels::from_pairs(pairs(index)).expect("sound labels"), [sample(index)]))
        .collect();
    encode_v1(series.iter().map(|(labels, samples)| (labels, &samples[..])))
}

/// Appends a field of bytes; all lengths here are below 2^14.
fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, number: usize) {
    if number >= 128 {
        out.push((number & 127) as u8 | 128);
    }
    out.push(if number >= 128 { (number >> 7) as u8 } else { number as u8 });
}

fn request_v2() -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let mut series = Vec::new();
    for index in 0..SERIES {
        let mut refs = Vec::new();
        for text in pairs(index).into_iter().flat_map(|(name, value)| [name.to_owned(), value]) {
            let known = symbols.iter().position(|symbol| *symbol == text);
            put_number(&mut refs, known.unwrap_or(symbols.len()));
            if known.is_none() {
                symbols.push(text);
            }
        }
        let mut part = vec![0x09];
        part.extend_from_slice(&sample(index).value.to_le_bytes());
        part.extend_from_slice(&[0x10, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31]);
        let mut message = Vec::new();
        put(&mut message, 0x0a, &refs);
        put(&mut message, 0x12, &part);
        put(&mut series, 0x2a, &message);
    }
    let mut request = Vec::new();
    for symbol in &symbols {
        put(&mut request, 0x22, symbol.as_bytes());
    }
    request.extend_from_slice(&series);
    request
}

fn request_json() -> Vec<u8> {
    let mut text = String::from("{\"timeseries\":[");
    for index in 0..SERIES {
        let labels: Vec<String> = pairs(index)
            .iter()
            .map(|(name, value)| format!("{{\"name\":\"{name}\",\"value\":\"{value}\"}}"))
            .collect();
        let (comma, value) = (if index > 0 { "," } else { "" }, sample(index).value);
        text.push_str(&format!(
            "{comma}{{\"labels\":[{}],\"samples\":[{{\"timestamp\":1700000000000,\"value\":{value}}}]}}",
            labels.join(",")
        ));
    }
    text.push_str("]}");
    text.into_bytes()
}

fn benchmarks(criterion: &mut Criterion) {
    let limits = DecodeLimits::default();
    let (v1, v2, json_body) = (request_v1(), request_v2(), request_json());
    let mut group = criterion.benchmark_group("series");
    group.throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("decode_v1", |bencher| {
        bencher.iter(|| black_box(decode_v1(&v1, &limits).expect("a sound body")));
    });
    let mut arena = Arena::default();
    group.bench_function("decode_v2", |bencher| {
        bencher.iter(|| {
            black_box(decode_v2(&v2, &mut arena, &limits).expect("a sound body"));
        });
    });
    group.bench_function("decode_json", |bencher| {
        bencher.iter(|| black_box(json::decode_write(&json_body, &limits).expect("a sound body")));
    });
    let (block, mut out) = (compress(&v1).expect("a block"), Vec::new());
    group.bench_function("decompress_v1", |bencher| {
        bencher.iter(|| decompress(&block, 1 << 30, &mut out).expect("a sound block"));
    });
    group.finish();

    let labels = Labels::from_pairs(pairs(1)).expect("sound labels");
    let timestamps: Vec<i64> = (0..SERIES as i64)
        .map(|index| 1_700_000_000_000_000_000 + index * 15_000_000_000)
        .collect();
    let mut group = criterion.benchmark_group("answer_values");
    group.throughput(Throughput::Elements(SERIES as u64));
    for (name, factor) in [("integers", 1.0), ("fractions", 0.123_456_789)] {
        let values: Vec<f64> = (0..SERIES).map(|index| index as f64 * factor).collect();
        let mut body = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                body.clear();
                let row = MatrixRow {
                    labels: &labels,
                    timestamps: &timestamps,
                    values: &values,
                    histograms: &[],
                };
                prom_api::matrix(&mut body, [row], TimeForm::Seconds);
                black_box(&body);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
