//! A target that a Prometheus can scrape: one native histogram, one counter with an exemplar, in the
//! protobuf form of the exposition, as Debian's programs expose no native histograms.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Counter {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Family {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

/// A target that counts its scrapes; it answers until the test ends.
#[derive(Debug)]
pub struct Exporter {
    address: String,
    scrapes: Arc<AtomicU64>,
}

impl Exporter {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address").to_string();
        let scrapes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&scrapes);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                    head.push(byte[0]);
                }
                let body = exposition(counted.fetch_add(1, Ordering::Relaxed));
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.google.protobuf; \
                     proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Self { address, scrapes }
    }

    /// Its address, `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How often it was scraped.
    #[must_use]
    pub fn scrapes(&self) -> u64 {
        self.scrapes.load(Ordering::Relaxed)
    }
}

/// What the target says at its n-th scrape. Every fifth the histogram's layout grows, and after the
/// seventh it starts anew.
fn exposition(scrape: u64) -> Vec<u8> {
    let pair =
        |name: &str, value: String| LabelPair { name: Some(name.into()), value: Some(value) };
    let count = if scrape > 7 { scrape - 7 } else { scrape + 1 };
    let buckets = 2 + (scrape / 5) as i64;
    let span = |offset, length| Span { offset: Some(offset), length: Some(length) };
    // The first bucket holds `count`, each next one more; the negative one holds 1, zero 2.
    let positive: i64 = (0..buckets).map(|index| count as i64 + index).sum();
    let histogram = Histogram {
        sample_count: Some(positive as u64 + 3),
        sample_sum: Some(1.25 * count as f64),
        schema: Some(3),
        zero_threshold: Some(0.001),
        zero_count: Some(2),
        negative_span: vec![span(-2, 1)],
        negative_delta: vec![1],
        positive_span: vec![span(-4, 1), span(3, buckets as u32 - 1)],
        positive_delta: std::iter::once(count as i64).chain((1..buckets).map(|_| 1)).collect(),
    };
    let exemplar =
        Exemplar { label: vec![pair("trace_id", format!("t{scrape}"))], value: Some(0.5) };
    let counter = Counter { value: Some(scrape as f64), exemplar: Some(exemplar) };
    let family = |name: &str, help: &str, kind, metric| Family {
        name: Some(name.into()),
        help: Some(help.into()),
        kind: Some(kind),
        metric: vec![metric],
    };
    let label = vec![pair("path", "/".into())];
    let families = [
        family(
            "scrapes_total",
            "How often.",
            0,
            Metric { label: label.clone(), counter: Some(counter), histogram: None },
        ),
        family(
            "sizes",
            "How large.",
            4,
            Metric { label, counter: None, histogram: Some(histogram) },
        ),
    ];
    families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}
