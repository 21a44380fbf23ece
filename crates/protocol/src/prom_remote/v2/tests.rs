//! Remote write 2.0 against messages of a protobuf library.

use proptest::prelude::*;
use prost::Message;
use timberline_model::{FamilyMetadata, Histogram, Metadata, MetricKind};

use super::*;
use crate::prom_remote::testing::{
    ExemplarV2, MetadataV2, Read, RequestV2, SeriesV2, WireHistogram, any_histogram, read,
    read_rest, sample, wire_histogram,
};

/// A request under construction, with a table that gives every text one number.
#[derive(Default)]
struct Builder(RequestV2);

impl Builder {
    fn symbol(&mut self, text: &str) -> u32 {
        let symbols = &mut self.0.symbols;
        if symbols.is_empty() {
            symbols.push(String::new());
        }
        let found = symbols.iter().position(|symbol| symbol == text);
        let index = found.unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        u32::try_from(index).unwrap()
    }

    fn series(&mut self, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> &mut SeriesV2 {
        let refs = labels.iter().flat_map(|(n, v)| [self.symbol(n), self.symbol(v)]).collect();
        self.0.timeseries.push(SeriesV2 {
            labels_refs: refs,
            samples: samples.iter().map(|&(ts, value)| sample(ts, value)).collect(),
            ..SeriesV2::default()
        });
        self.0.timeseries.last_mut().unwrap()
    }

    fn body(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }
}

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "node")];

fn with_decoded<T>(body: &[u8], then: impl FnOnce(&Decoded<'_>) -> T) -> Result<T, ProtocolError> {
    let mut arena = Arena::default();
    decode_v2(body, &mut arena, &DecodeLimits::default()).map(|decoded| then(&decoded))
}

fn series(body: &[u8]) -> Vec<Read> {
    with_decoded(body, read).unwrap()
}

/// The reasons of rejections, with the samples kept.
fn rejections(body: &[u8]) -> (usize, u64, Vec<String>) {
    with_decoded(body, |decoded| {
        let words = decoded.rejections.iter().map(ToString::to_string).collect();
        (decoded.batch.sample_count(), decoded.samples_rejected, words)
    })
    .unwrap()
}

#[test]
fn references_are_resolved() {
    let mut builder = Builder::default();
    builder.series(UP, &[(1_000, 1.0)]);
    builder.series(&[("job", "noé"), ("__name__", "a b\n")], &[(2_000, f64::NAN), (3, 0.0)]);
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
    let expected = [
        (labels(UP), vec![(1_000_000_000, 1.0_f64.to_bits())]),
        (
            labels(&[("job", "noé"), ("__name__", "a b\n")]),
            vec![(2_000_000_000, f64::NAN.to_bits()), (3_000_000, 0)],
        ),
    ];
    assert_eq!(series(&builder.body()), expected);
}

#[test]
fn equal_labels_have_equal_bytes_whatever_the_table() {
    let key = |body: &[u8]| {
        with_decoded(body, |decoded| match decoded.batch.series()[0].key {
            SeriesKey::Raw { bytes, .. } => bytes.to_vec(),
            _ => panic!("a raw key"),
        })
        .unwrap()
    };
    let (mut one, mut two) = (Builder::default(), Builder::default());
    two.symbol("something else");
    one.series(UP, &[(1, 1.0)]);
    two.series(UP, &[(1, 1.0)]);
    assert_ne!(one.body(), two.body());
    assert_eq!(key(&one.body()), key(&two.body()));
    assert_eq!(key(&one.body()), Labels::from_pairs(UP.iter().copied()).unwrap().as_bytes());
}

#[test]
fn the_table_may_follow_the_series() {
    let mut builder = Builder::default();
    builder.series(UP, &[(1, 1.0)]);
    let table = RequestV2 { symbols: builder.0.symbols.clone(), timeseries: Vec::new() };
    let rest = RequestV2 { symbols: Vec::new(), timeseries: builder.0.timeseries.clone() };
    let body = [rest.encode_to_vec(), table.encode_to_vec()].concat();
    assert_eq!(series(&body), series(&builder.body()));
}

#[test]
fn references_may_be_unpacked() {
    let mut body = Builder::default();
    body.symbol("__name__");
    body.symbol("up");
    let mut bytes = body.body();
    // Field 1 as two varints, and a sample at 1 ms.
    bytes.extend([0x2a, 0x08, 0x08, 0x01, 0x08, 0x02, 0x12, 0x02, 0x10, 0x01]);
    let up = Labels::from_pairs([("__name__", "up")]);
    assert_eq!(series(&bytes), [(up, vec![(1_000_000, 0)])]);
}

#[test]
fn bad_references_reject_their_series_and_keep_the_rest() {
    let mut builder = Builder::default();
    builder.series(UP, &[(1, 1.0), (2, 1.0)]).labels_refs.push(1);
    builder.series(UP, &[(1, 1.0)]).labels_refs[1] = 99;
    builder.series(&[], &[(1, 1.0)]);
    builder.series(UP, &[(1, 1.0)]);
    let (written, rejected, words) = rejections(&builder.body());
    assert_eq!((written, rejected, words.len()), (1, 4, 3));
    assert!(
        words[0].contains("series 0: labels_refs has 5 references, an odd number"),
        "{words:?}"
    );
    assert!(
        words[1].contains("series 1: labels_refs names symbol 99 of a table of 5"),
        "{words:?}"
    );
    assert!(words[2].contains("series 2: invalid labels: empty label set"), "{words:?}");
}

fn stale(ts_ms: i64) -> HistogramSample {
    let (ts, start) = (ts_ms * 1_000_000, 500_000_000);
    HistogramSample { ts, start, histogram: Histogram::stale() }
}

#[test]
fn a_series_holds_samples_or_histograms() {
    let wire = || wire_histogram(&stale(1));
    let mut builder = Builder::default();
    builder.series(UP, &[]);
    builder.series(UP, &[(1, 1.0)]).histograms = vec![wire()];
    builder.series(UP, &[]).histograms = vec![wire(), wire()];
    builder.series(UP, &[]).exemplars = vec![ExemplarV2::default()];
    builder.series(UP, &[(2, 1.0)]).exemplars = vec![ExemplarV2::default()];
    let body = builder.body();
    let (written, rejected, words) = rejections(&body);
    assert_eq!((written, rejected, words.len()), (1, 2, 3));
    assert!(words[0].contains("neither samples nor histograms"), "{words:?}");
    assert!(words[1].contains("both samples and histograms"), "{words:?}");
    let counts = |d: &Decoded<'_>| (d.batch.histograms().len(), d.batch.exemplars().len());
    assert_eq!(with_decoded(&body, counts).unwrap(), (2, 1));
    assert_eq!(with_decoded(&body, |d| d.exemplars_rejected).unwrap(), 1);
}

#[test]
fn histograms_exemplars_starts_and_metadata_are_in_the_batch() {
    let mut builder = Builder::default();
    let (help, unit) = (builder.symbol("How long."), builder.symbol("seconds"));
    let refs = vec![builder.symbol("trace_id"), builder.symbol("abc")];
    let metadata = Some(MetadataV2 { kind: 3, help_ref: help, unit_ref: unit });
    let bucket = [("__name__", "rpc_seconds_bucket"), ("le", "1")];
    for (labels, ts) in [(&bucket[..], 1), (&[("__name__", "rpc_seconds_sum")][..], 2)] {
        let series = builder.series(labels, &[(ts, 1.0)]);
        series.metadata = metadata.clone();
        series.samples[0].start_timestamp = 500 * (ts - 1);
        series.exemplars =
            vec![ExemplarV2 { labels_refs: refs.clone(), value: 0.5, timestamp: ts }; 1];
    }
    let series = builder.series(&[("A", "b"), ("__name__", "rpc")], &[]);
    series.histograms = vec![wire_histogram(&stale(3)), wire_histogram(&stale(4))];
    series.metadata = Some(MetadataV2 { kind: 2, ..MetadataV2::default() });
    builder.series(UP, &[(5, 1.0)]).metadata = Some(MetadataV2::default());
    with_decoded(&builder.body(), |decoded| {
        assert_eq!(decoded.items_rejected, 0, "{:?}", decoded.rejections);
        let exemplar = |ts| Exemplar {
            labels: Labels::from_pairs([("trace_id", "abc")]).unwrap(),
            value: 0.5,
            ts,
        };
        let expected = [
            (vec![], vec![exemplar(1_000_000)]),
            (vec![], vec![exemplar(2_000_000)]),
            (vec![stale(3), stale(4)], vec![]),
            (vec![], vec![]),
        ];
        assert_eq!(read_rest(decoded), expected);
        assert_eq!(decoded.batch.starts(), [0, 500_000_000, 0]);
        let family = |family: &str, kind, unit: &str, help: &str| FamilyMetadata {
            family: family.into(),
            metadata: Metadata { kind, unit: unit.into(), help: help.into() },
        };
        let expected = [
            family("rpc", MetricKind::Gauge, "", ""),
            family("rpc_seconds", MetricKind::Histogram, "seconds", "How long."),
        ];
        assert_eq!(decoded.batch.metadata(), expected);
    })
    .unwrap();
}

#[test]
fn what_no_histogram_or_exemplar_can_be_is_rejected_by_name() {
    let mut builder = Builder::default();
    let odd = builder.symbol("a");
    let series = builder.series(UP, &[]);
    let wire = wire_histogram(&stale(1));
    series.histograms = vec![WireHistogram { schema: -500, ..wire.clone() }, wire];
    series.exemplars = vec![
        ExemplarV2 { labels_refs: vec![odd], ..ExemplarV2::default() },
        ExemplarV2 { labels_refs: vec![odd, 99], ..ExemplarV2::default() },
    ];
    let body = builder.body();
    let (_, rejected, words) = rejections(&body);
    assert_eq!((rejected, words.len()), (1, 3), "{words:?}");
    for (words, part) in
        words.iter().zip(["schema -500", "odd number", "symbol 99 of a table of 6"])
    {
        assert!(words.starts_with("series up{job=\"node\"}: ") && words.contains(part), "{words}");
    }
    let kept =
        |decoded: &Decoded<'_>| (decoded.batch.histograms().len(), decoded.exemplars_rejected);
    assert_eq!(with_decoded(&body, kept).unwrap(), (1, 2));
}

#[test]
fn a_short_request_cannot_fill_the_memory_by_metadata_or_exemplars() {
    let mut builder = Builder::default();
    let long = builder.symbol(&"x".repeat(60_000));
    for index in 0..100 {
        let name = format!("metric{index}");
        let series = builder.series(&[("__name__", &name)], &[(1, 1.0)]);
        series.metadata = Some(MetadataV2 { kind: 1, help_ref: long, unit_ref: long });
        series.exemplars = vec![ExemplarV2 { labels_refs: vec![long; 6], ..ExemplarV2::default() }];
    }
    let body = builder.body();
    let limits = DecodeLimits { metadata_bytes_max: 1 << 20, ..DecodeLimits::default() };
    let refused = decode_v2(&body, &mut Arena::default(), &limits).unwrap_err();
    assert!(matches!(refused, ProtocolError::TooLarge { what: "metadata", .. }), "{refused}");
    let (_, _, words) = rejections(&body);
    assert!(words[0].contains("exemplar labels"), "{words:?}");
}

#[test]
fn labels_are_checked_when_they_are_read() {
    let error = |labels: &[(&str, &str)]| {
        let mut builder = Builder::default();
        builder.series(labels, &[(1, 1.0)]);
        series(&builder.body()).remove(0).0.unwrap_err()
    };
    assert!(matches!(error(&[("job", "a")]), LabelsError::MissingMetricName { .. }));
    assert!(matches!(error(&[("__name__", "")]), LabelsError::MissingMetricName { .. }));
    let repeated = [("__name__", "up"), ("a", "1"), ("a", "1")];
    assert!(matches!(error(&repeated), LabelsError::RepeatedName { .. }));
    assert!(matches!(error(&[("__name__", "up"), ("", "x")]), LabelsError::EmptyName { .. }));
}

#[test]
fn a_table_that_starts_with_a_text_is_refused() {
    let request = RequestV2 { symbols: vec!["up".into()], timeseries: Vec::new() };
    let refused = with_decoded(&request.encode_to_vec(), |_| ()).unwrap_err();
    assert!(refused.to_string().contains("first symbol"), "{refused}");
}

#[test]
fn a_first_version_body_is_told_apart() {
    let labels = Labels::from_pairs(UP.iter().copied()).unwrap();
    let body = crate::prom_remote::encode_v1([(&labels, [].as_slice())]);
    let refused = with_decoded(&body, |_| ()).unwrap_err();
    assert!(matches!(refused, ProtocolError::WrongMessage { field: 1, .. }), "{refused}");
}

#[test]
fn a_short_request_cannot_fill_the_memory() {
    let mut builder = Builder::default();
    let long = "x".repeat(60_000);
    for _ in 0..100 {
        let labels = [("__name__", long.as_str()), ("a", long.as_str()), ("b", long.as_str())];
        builder.series(&labels, &[(1, 1.0)]);
    }
    let body = builder.body();
    let limits = DecodeLimits { labels_bytes_max: 1 << 20, ..DecodeLimits::default() };
    let refused = decode_v2(&body, &mut Arena::default(), &limits).unwrap_err();
    assert!(matches!(refused, ProtocolError::TooLarge { what: "labels of all series", .. }));
    // One series alone is bounded by the model's limits.
    let mut builder = Builder::default();
    let names: Vec<String> = (0..10).map(|index| format!("label{index}")).collect();
    let labels: Vec<_> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
    builder.series(&labels, &[(1, 1.0)]);
    let (_, rejected, words) = rejections(&builder.body());
    assert!(rejected == 1 && words[0].contains("exceeds the limit"), "{words:?}");
}

#[test]
fn more_than_the_limits_is_refused() {
    let mut builder = Builder::default();
    builder.series(UP, &[(1, 1.0), (2, 2.0)]);
    builder.series(UP, &[(1, 1.0)]);
    let body = builder.body();
    let defaults = DecodeLimits::default();
    for (limits, what) in [
        (DecodeLimits { samples_max: 2, ..defaults }, "samples"),
        (DecodeLimits { series_max: 1, ..defaults }, "series"),
        (DecodeLimits { symbols_max: 3, ..defaults }, "symbols"),
    ] {
        let refused = decode_v2(&body, &mut Arena::default(), &limits).unwrap_err();
        assert!(matches!(refused, ProtocolError::TooMany { what: w, .. } if w == what));
    }
}

#[test]
fn a_series_of_many_samples_or_references_takes_no_more_memory_than_the_limits() {
    let message = |field: &[u8]| {
        let mut body = vec![0x22, 0, 0x2a];
        timberline_codec::varint::put_uvarint(&mut body, field.len() as u64);
        [body.as_slice(), field].concat()
    };
    let mut arena = Arena::default();
    let limits = DecodeLimits { samples_max: 10, ..DecodeLimits::default() };
    let refused = decode_v2(&message(&[0x12, 0].repeat(10_000)), &mut arena, &limits).unwrap_err();
    assert_eq!(refused, ProtocolError::TooMany { what: "samples", max: 10 });
    assert!(arena.contents.samples.capacity() < 100, "{}", arena.contents.samples.capacity());

    let refs = [&[0x0a, 0xc0, 0x9a, 0x0c][..], &[1; 200_000]].concat();
    let (_, _, words) = rejections(&message(&refs));
    assert!(words[0].contains("100000 labels exceed the limit of 128"), "{words:?}");
    decode_v2(&message(&refs), &mut arena, &limits).unwrap();
    assert!(arena.labels.len() < 1_000, "{}", arena.labels.len());
}

#[test]
fn an_arena_is_used_again() {
    let mut arena = Arena::default();
    for round in 0..3 {
        let mut builder = Builder::default();
        builder.series(UP, &[(round, 1.0)]);
        let body = builder.body();
        let decoded = decode_v2(&body, &mut arena, &DecodeLimits::default()).unwrap();
        assert_eq!(read(&decoded)[0].1, [(round * 1_000_000, 1.0_f64.to_bits())]);
    }
}

proptest! {
    #[test]
    fn histograms_are_read_as_a_protobuf_library_writes_them(
        histograms in prop::collection::vec(any_histogram(), 1..4),
    ) {
        let mut builder = Builder::default();
        builder.series(UP, &[]).histograms = histograms.iter().map(wire_histogram).collect();
        let found = with_decoded(&builder.body(), |decoded| decoded.batch.histograms().to_vec());
        prop_assert_eq!(found.unwrap(), histograms);
    }

    #[test]
    fn any_references_keep_the_counts(
        symbols in prop::collection::vec("[a-c_]{0,3}", 0..6),
        timeseries in prop::collection::vec(
            (prop::collection::vec(0..8_u32, 0..7), 0..3_usize, 0..2_usize),
            0..8,
        ),
    ) {
        let symbols: Vec<String> = std::iter::once(String::new()).chain(symbols).collect();
        let timeseries: Vec<_> = timeseries
            .into_iter()
            .map(|(labels_refs, samples, histograms)| SeriesV2 {
                labels_refs,
                samples: vec![sample(5, 1.0); samples],
                histograms: vec![WireHistogram::default(); histograms],
                ..SeriesV2::default()
            })
            .collect();
        let count = |series: &SeriesV2| series.samples.len() + series.histograms.len();
        let sent: usize = timeseries.iter().map(count).sum();
        let body = RequestV2 { symbols, timeseries }.encode_to_vec();
        let (written, rejected) = with_decoded(&body, |decoded| {
            read(decoded);
            let kept = decoded.batch.sample_count() + decoded.batch.histograms().len();
            (kept, decoded.samples_rejected)
        })
        .unwrap();
        prop_assert_eq!(written as u64 + rejected, sent as u64);
    }

    #[test]
    fn any_bytes_do_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let _ = with_decoded(&bytes, read);
        let mut builder = Builder::default();
        builder.series(UP, &[(1, 1.0), (2, 1.5)]);
        builder.series(&[("__name__", "down")], &[(1, 1.0)]).histograms =
            vec![WireHistogram::default()];
        let mut bytes = builder.body();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = with_decoded(&bytes, read);
    }
}
