//! Remote write 1.0 against messages of a protobuf library.

use proptest::prelude::*;
use prost::Message;
use timberline_model::{
    Exemplar, FamilyMetadata, Histogram, HistogramSample, Metadata, MetricKind, STALE_NAN_BITS,
    Sample,
};

use super::*;
use crate::{
    prom_remote::{
        SeriesParts, encode_v1, encode_v1_parts,
        testing::{
            self, ExemplarV1, Label, MetadataV1, RequestV1, SeriesV1, WireHistogram, any_histogram,
            read, read_rest, series_v1, wire_histogram,
        },
    },
    protobuf::put_bytes,
};

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "node")];

fn decode(body: &[u8]) -> Result<Decoded<'_>, ProtocolError> {
    decode_v1(body, &DecodeLimits::default())
}

fn body(timeseries: Vec<SeriesV1>) -> Vec<u8> {
    RequestV1 { timeseries, metadata: Vec::new() }.encode_to_vec()
}

fn only_error(labels: &[(&str, &str)]) -> LabelsError {
    let body = body(vec![series_v1(labels, &[(1, 1.0)])]);
    let decoded = decode(&body).unwrap();
    let [(labels, _)] = &read(&decoded)[..] else { panic!("one series") };
    labels.clone().unwrap_err()
}

#[test]
fn labels_go_on_as_bytes_of_the_body() {
    let body = body(vec![series_v1(UP, &[(1_000, 1.0), (2_000, 0.5)]), series_v1(UP, &[(3, 4.0)])]);
    let decoded = decode(&body).unwrap();
    let keys: Vec<_> = decoded.batch.series().iter().map(|series| &series.key).collect();
    let [SeriesKey::Raw { bytes, .. }, SeriesKey::Raw { bytes: again, .. }] = keys[..] else {
        panic!("raw keys, not {keys:?}");
    };
    assert_eq!(bytes, again);
    assert!(body.as_ptr_range().contains(&bytes.as_ptr()));
    let labels = Labels::from_pairs(UP.iter().copied()).unwrap();
    let expected = [
        (
            Ok(labels.clone()),
            vec![(1_000_000_000, 1.0_f64.to_bits()), (2_000_000_000, 0.5_f64.to_bits())],
        ),
        (Ok(labels), vec![(3_000_000, 4.0_f64.to_bits())]),
    ];
    assert_eq!(read(&decoded), expected);
}

#[test]
fn an_empty_request_is_a_request() {
    let decoded = decode(&[]).unwrap();
    assert!(decoded.batch.is_empty() && decoded.rejections.is_empty());
}

#[test]
fn scattered_labels_are_decoded_at_once() {
    let whole = series_v1(UP, &[(1, 1.0)]);
    let part = |labels: &[Label], samples: &[_]| {
        SeriesV1 { labels: labels.to_vec(), samples: samples.to_vec(), ..Default::default() }
            .encode_to_vec()
    };
    // A message cut in two and joined is the same message.
    let series = [part(&whole.labels[..1], &whole.samples), part(&whole.labels[1..], &[])].concat();
    let mut body = Vec::new();
    put_bytes(&mut body, 1, &series);
    let decoded = decode(&body).unwrap();
    assert!(matches!(decoded.batch.series()[0].key, SeriesKey::Labels(_)));
    assert_eq!(read(&decoded)[0].0, Labels::from_pairs(UP.iter().copied()));
}

#[test]
fn samples_before_labels_are_read_too() {
    let samples = SeriesV1 { labels: Vec::new(), ..series_v1(UP, &[(7, 1.0)]) }.encode_to_vec();
    let labels = series_v1(UP, &[]).encode_to_vec();
    let mut body = Vec::new();
    put_bytes(&mut body, 1, &[samples, labels].concat());
    let decoded = decode(&body).unwrap();
    assert!(matches!(decoded.batch.series()[0].key, SeriesKey::Raw { .. }));
    assert_eq!(read(&decoded)[0].1, [(7_000_000, 1.0_f64.to_bits())]);
}

#[test]
fn bad_labels_are_named_when_they_are_read() {
    assert!(matches!(only_error(&[("job", "node")]), LabelsError::MissingMetricName { .. }));
    assert!(matches!(only_error(&[("__name__", "")]), LabelsError::MissingMetricName { .. }));
    assert!(matches!(
        only_error(&[("__name__", "up"), ("a", "1"), ("a", "2")]),
        LabelsError::RepeatedName { .. }
    ));
    assert!(matches!(only_error(&[("__name__", "up"), ("", "1")]), LabelsError::EmptyName { .. }));
    // A repeated name weighs more than a missing one: it is what the sender must mend first.
    assert!(matches!(only_error(&[("a", "1"), ("a", "2")]), LabelsError::RepeatedName { .. }));
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let field = |number, bytes: &[u8]| {
        let mut out = Vec::new();
        put_bytes(&mut out, number, bytes);
        out
    };
    let label = field(1, &[field(1, b"__name__"), field(2, &[0xff])].concat());
    let sample = field(2, &[]);
    let body = field(1, &[label, sample].concat());
    let decoded = decode(&body).unwrap();
    let [(Err(LabelsError::NotUtf8 { what, .. }), _)] = &read(&decoded)[..] else {
        panic!("{decoded:?}");
    };
    assert_eq!(*what, "label value");
}

#[test]
fn a_series_without_labels_is_rejected_and_the_rest_kept() {
    let body = body(vec![series_v1(&[], &[(1, 1.0), (2, 2.0)]), series_v1(UP, &[(3, 3.0)])]);
    let decoded = decode(&body).unwrap();
    assert_eq!((decoded.batch.sample_count(), decoded.samples_rejected), (1, 2));
    assert_eq!(decoded.rejections[0].series_index, 0);
}

#[test]
fn times_beyond_64_bits_of_nanoseconds_reject_their_sample() {
    let last = i64::MAX / 1_000_000;
    let first = i64::MIN / 1_000_000;
    let times = [(last, 1.0), (last + 1, 2.0), (i64::MIN, 3.0), (first, 4.0)];
    let body = body(vec![series_v1(UP, &times)]);
    let decoded = decode(&body).unwrap();
    assert_eq!(decoded.batch.timestamps(), [last * 1_000_000, first * 1_000_000]);
    assert_eq!((decoded.samples_rejected, decoded.rejections.len()), (2, 2));
    assert!(decoded.rejections[0].to_string().contains("out of range"));
}

fn exemplar(labels: &[(&str, &str)], timestamp: i64) -> ExemplarV1 {
    ExemplarV1 { labels: series_v1(labels, &[]).labels, value: 0.5, timestamp }
}

#[test]
fn histograms_exemplars_and_metadata_are_in_the_batch() {
    let stale = HistogramSample { ts: 7_000_000, start: 0, histogram: Histogram::stale() };
    let mut with = series_v1(UP, &[(1, 1.0)]);
    with.exemplars = vec![exemplar(&[("trace_id", "abc")], 1), exemplar(&[], 2)];
    let mut other = series_v1(UP, &[]);
    other.histograms = vec![wire_histogram(&stale)];
    let mut alone = series_v1(UP, &[]);
    alone.exemplars = vec![exemplar(&[], 3)];
    let metadata = |family: &str| MetadataV1 {
        kind: 1,
        family: family.into(),
        help: "What it is.".into(),
        unit: "seconds".into(),
    };
    let metadata = vec![metadata("up"), metadata("")];
    let request = RequestV1 { timeseries: vec![with, other, alone], metadata };
    let body = request.encode_to_vec();
    let decoded = decode(&body).unwrap();
    assert_eq!((decoded.items_rejected, decoded.batch.sample_count()), (0, 1));
    let trace = Labels::from_pairs([("trace_id", "abc")]).unwrap();
    let read_exemplar = |labels, ts| Exemplar { labels, value: 0.5, ts };
    let none = Labels::empty;
    let expected = [
        (vec![], vec![read_exemplar(trace, 1_000_000), read_exemplar(none(), 2_000_000)]),
        (vec![stale], vec![]),
        (vec![], vec![read_exemplar(none(), 3_000_000)]),
    ];
    assert_eq!(read_rest(&decoded), expected);
    let (kind, unit, help) = (MetricKind::Counter, "seconds".into(), "What it is.".into());
    let metadata = Metadata { kind, unit, help };
    assert_eq!(decoded.batch.metadata(), [FamilyMetadata { family: "up".into(), metadata }]);
}

#[test]
fn what_no_histogram_or_exemplar_can_be_is_rejected_by_name() {
    let sound = HistogramSample { ts: 1_000_000, start: 0, histogram: Histogram::stale() };
    let mut series = series_v1(UP, &[]);
    let wire = wire_histogram(&sound);
    series.histograms = vec![
        WireHistogram { schema: 300, ..wire.clone() },
        WireHistogram { positive_deltas: vec![1, -2], ..wire.clone() },
        WireHistogram { timestamp: i64::MAX, ..wire.clone() },
        wire,
    ];
    series.exemplars = vec![
        exemplar(&[("a", "1"), ("a", "2")], 1),
        exemplar(&[("a", &"x".repeat(1_000))], 1),
        exemplar(&[], 4),
    ];
    let body = body(vec![series]);
    let decoded = decode(&body).unwrap();
    assert_eq!((decoded.samples_rejected, decoded.exemplars_rejected), (3, 2));
    let [(histograms, exemplars)] = &read_rest(&decoded)[..] else { panic!("one series") };
    assert_eq!((histograms.as_slice(), exemplars.len()), (&[sound][..], 1));
    let words: Vec<String> = decoded.rejections.iter().map(ToString::to_string).collect();
    for (words, part) in words.iter().zip([
        "schema 300 does not exist",
        "negative",
        "out of range",
        "given more than once",
        "exemplar labels of more than 128 characters",
    ]) {
        assert!(words.starts_with("series up{job=\"node\"}: ") && words.contains(part), "{words}");
    }
    assert_eq!(words.len(), 5);
}

#[test]
fn histograms_take_no_more_memory_than_the_limits() {
    let mut series = series_v1(UP, &[]);
    let counts = vec![0.0; 100];
    let wire = WireHistogram { positive_counts: counts, ..WireHistogram::default() };
    series.histograms = vec![wire; 3];
    series.exemplars = vec![exemplar(&[], 1); 3];
    let metadata = vec![MetadataV1::default(); 3];
    let body = RequestV1 { timeseries: vec![series], metadata }.encode_to_vec();
    let defaults = DecodeLimits::default();
    for (limits, what) in [
        (DecodeLimits { histograms_max: 2, ..defaults }, "histograms"),
        (DecodeLimits { buckets_max: 299, ..defaults }, "buckets and spans of histograms"),
        (DecodeLimits { exemplars_max: 2, ..defaults }, "exemplars"),
        (DecodeLimits { metadata_max: 2, ..defaults }, "metadata entries"),
    ] {
        let refused = decode_v1(&body, &limits).unwrap_err();
        assert!(
            matches!(refused, ProtocolError::TooMany { what: w, .. } if w == what),
            "{refused}"
        );
    }
    assert!(decode_v1(&body, &DecodeLimits { buckets_max: 300, ..defaults }).is_ok());
}

#[test]
fn a_second_version_body_is_told_apart() {
    let body = [0x22, 0x00, 0x22, 0x02, b'u', b'p'];
    let refused = decode(&body).unwrap_err();
    assert!(matches!(refused, ProtocolError::WrongMessage { field: 4, .. }), "{refused}");
}

#[test]
fn more_than_the_limits_is_refused() {
    let body = body(vec![series_v1(UP, &[(1, 1.0), (2, 2.0)]), series_v1(&[], &[(1, 1.0)])]);
    let limits = DecodeLimits { samples_max: 2, ..DecodeLimits::default() };
    let refused = decode_v1(&body, &limits).unwrap_err();
    assert_eq!(refused, ProtocolError::TooMany { what: "samples", max: 2 });
    // One message of many samples is not read to its end: what is no message behind them is not met.
    let refused = decode_v1(&[0x0a, 7, 0x12, 0, 0x12, 0, 0x12, 0, 0xff], &limits).unwrap_err();
    assert_eq!(refused, ProtocolError::TooMany { what: "samples", max: 2 });
    let limits = DecodeLimits { series_max: 1, ..DecodeLimits::default() };
    let refused = decode_v1(&body, &limits).unwrap_err();
    assert_eq!(refused, ProtocolError::TooMany { what: "series", max: 1 });
}

#[test]
fn our_encoder_and_prost_write_the_same_bytes() {
    let labels = Labels::from_pairs(UP.iter().copied()).unwrap();
    let samples = [
        Sample { ts: 1_000_000, value: f64::from_bits(STALE_NAN_BITS) },
        Sample { ts: -2_000_000, value: -1.5 },
    ];
    let ours = encode_v1([(&labels, &samples[..])]);
    let theirs = body(vec![series_v1(UP, &[(1, f64::from_bits(STALE_NAN_BITS)), (-2, -1.5)])]);
    assert_eq!(ours, theirs);
}

fn any_series() -> impl Strategy<Value = SeriesV1> {
    let label = ("[a-c_]{0,2}", "[a-zé]{0,5}");
    let sample = (prop_oneof![-5_000_i64..5_000, any::<i64>()], any::<u64>());
    let parts = (
        prop::collection::vec(label, 0..5),
        prop::collection::vec(sample, 0..5),
        0..3_usize,
        any::<bool>(),
    );
    parts.prop_map(|(labels, samples, counted, named)| {
        let mut pairs: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if named {
            pairs.push(("__name__", "m"));
        }
        let samples: Vec<_> =
            samples.iter().map(|&(ts, bits)| (ts, f64::from_bits(bits))).collect();
        let mut series = series_v1(&pairs, &samples);
        series.exemplars = vec![exemplar(&[("a", "b")], 5); counted];
        series.histograms = vec![WireHistogram::default(); counted];
        series
    })
}

proptest! {
    #[test]
    fn histograms_are_read_as_a_protobuf_library_writes_them(
        histograms in prop::collection::vec(any_histogram(), 1..4),
    ) {
        let mut series = series_v1(UP, &[]);
        series.histograms = histograms.iter().map(wire_histogram).collect();
        let body = body(vec![series]);
        let decoded = decode(&body).unwrap();
        prop_assert_eq!(decoded.batch.histograms(), &histograms[..]);
        prop_assert_eq!(decoded.items_rejected, 0);
    }

    #[test]
    fn our_encoder_writes_what_a_protobuf_library_reads(
        histograms in prop::collection::vec(any_histogram(), 1..4),
    ) {
        let labels = Labels::from_pairs(UP.iter().copied()).unwrap();
        let ours: Vec<_> = histograms.iter().map(|one| (one.ts, one.histogram.clone())).collect();
        let exemplars = [Exemplar { labels: labels.clone(), value: 0.5, ts: 4_000_000 }];
        let (samples, histograms_of) = (&[][..], &ours[..]);
        let parts =
            SeriesParts { labels: &labels, samples, histograms: histograms_of, exemplars: &exemplars };
        let read = RequestV1::decode(&encode_v1_parts([parts], &[])[..]).unwrap();
        let mut expected: Vec<_> = histograms.iter().map(wire_histogram).collect();
        expected.iter_mut().for_each(|wire| wire.start_timestamp = 0);
        // NaN differs from itself: compare bytes.
        let bytes = |all: &[WireHistogram]| -> Vec<_> { all.iter().map(Message::encode_to_vec).collect() };
        prop_assert_eq!(bytes(&read.timeseries[0].histograms), bytes(&expected));
        prop_assert_eq!(&read.timeseries[0].exemplars, &[exemplar(UP, 4)]);
    }

    #[test]
    fn every_sample_is_in_the_batch_or_rejected(
        timeseries in prop::collection::vec(any_series(), 0..8),
    ) {
        let body = body(timeseries.clone());
        let decoded = decode(&body).unwrap();
        let mut expected = Vec::new();
        let holds_something = |series: &&SeriesV1| {
            !series.samples.is_empty() || !series.histograms.is_empty()
        };
        for series in timeseries.iter().filter(holds_something) {
            let in_range = |s: &testing::Sample| {
                s.timestamp.checked_mul(1_000_000).map(|ts| (ts, s.value.to_bits()))
            };
            let samples: Vec<_> = series.samples.iter().filter_map(in_range).collect();
            if series.labels.is_empty() {
                continue;
            }
            let pairs = || series.labels.iter().map(|l| (l.name.as_str(), l.value.as_str()));
            let labels = match Labels::from_pairs(pairs()) {
                Ok(labels) if labels.metric_name().is_none() => None,
                Ok(labels) => Some(labels),
                Err(_) => None,
            };
            expected.push((labels, samples));
        }
        let found: Vec<_> = read(&decoded).into_iter().map(|(l, s)| (l.ok(), s)).collect();
        prop_assert_eq!(found, expected);
        let sent = |count: fn(&SeriesV1) -> usize| -> usize { timeseries.iter().map(count).sum() };
        let kept = decoded.batch.sample_count() + decoded.batch.histograms().len();
        let rejected = usize::try_from(decoded.samples_rejected).unwrap();
        prop_assert_eq!(kept + rejected, sent(|series| series.samples.len() + series.histograms.len()));
        let rejected = usize::try_from(decoded.exemplars_rejected).unwrap();
        let kept = decoded.batch.exemplars().len();
        prop_assert_eq!(kept + rejected, sent(|series| series.exemplars.len()));
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(decoded) = decode(&bytes) {
            read(&decoded);
        }
    }

    #[test]
    fn a_changed_request_does_not_panic(
        timeseries in prop::collection::vec(any_series(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = body(timeseries);
        for (index, byte) in changes {
            if !bytes.is_empty() {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
        }
        if let Ok(decoded) = decode(&bytes) {
            read(&decoded);
        }
    }
}
