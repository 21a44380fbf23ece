//! Remote write 1.0 against messages of a protobuf library.

use proptest::prelude::*;
use prost::Message;
use timberline_model::{STALE_NAN_BITS, Sample};

use super::*;
use crate::{
    prom_remote::{
        encode_v1,
        testing::{self, Counted, Label, RequestV1, SeriesV1, read, series_v1},
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

#[test]
fn what_is_not_stored_yet_is_counted() {
    let counted = || Counted { text: "x".into() };
    let mut with = series_v1(UP, &[(1, 1.0)]);
    with.exemplars = vec![counted(), counted()];
    let mut histogram = series_v1(UP, &[]);
    histogram.histograms = vec![counted(); 3];
    let request = RequestV1 { timeseries: vec![with, histogram], metadata: vec![counted()] };
    let body = request.encode_to_vec();
    let decoded = decode(&body).unwrap();
    assert_eq!((decoded.exemplars, decoded.histograms, decoded.metadata), (2, 3, 1));
    assert_eq!((decoded.batch.series().len(), decoded.samples_rejected), (1, 0));
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
        series.exemplars = vec![Counted { text: "e".into() }; counted];
        series.histograms = vec![Counted { text: "h".into() }; counted];
        series
    })
}

proptest! {
    #[test]
    fn every_sample_is_in_the_batch_or_rejected(
        timeseries in prop::collection::vec(any_series(), 0..8),
    ) {
        let body = body(timeseries.clone());
        let decoded = decode(&body).unwrap();
        let mut expected = Vec::new();
        for series in timeseries.iter().filter(|series| !series.samples.is_empty()) {
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
        let sent: usize = timeseries.iter().map(|series| series.samples.len()).sum();
        let rejected = usize::try_from(decoded.samples_rejected).unwrap();
        prop_assert_eq!(decoded.batch.sample_count() + rejected, sent);
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
