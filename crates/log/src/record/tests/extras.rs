//! Records with start timestamps, histograms, exemplars and metadata.

use timberline_model::{Exemplar, FamilyMetadata, Metadata, MetricKind};

use super::*;

/// Series, time, start, and bytes.
type Histograms = Vec<(u64, i64, i64, Vec<u8>)>;
type Exemplars = Vec<(u64, Exemplar)>;

/// All that a record may hold.
#[derive(Clone, Debug, PartialEq)]
struct Content {
    samples: Samples,
    starts: Vec<i64>,
    histograms: Histograms,
    exemplars: Exemplars,
    metadata: Vec<FamilyMetadata>,
}

fn encode(content: &Content) -> Vec<u8> {
    let mut encoder = RecordEncoder::default();
    encode_with(&mut encoder, &[], &content.samples);
    encoder.starts(&content.starts);
    let refs: Vec<_> = content.histograms.iter().map(|of| SeriesRef(of.0)).collect();
    let timestamps: Vec<_> = content.histograms.iter().map(|of| of.1).collect();
    let starts: Vec<_> = content.histograms.iter().map(|of| of.2).collect();
    let bytes = content.histograms.iter().map(|of| of.3.as_slice());
    encoder.histograms(&refs, &timestamps, &starts, bytes);
    let refs: Vec<_> = content.exemplars.iter().map(|of| SeriesRef(of.0)).collect();
    encoder.exemplars(&refs, content.exemplars.iter().map(|of| &of.1));
    encoder.metadata(&content.metadata);
    encoder.finish().to_vec()
}

fn decode(bytes: &[u8]) -> Result<Content, LogError> {
    let record = Record::decode(bytes)?;
    let mut starts = Vec::new();
    record.starts_into(&mut starts)?;
    assert!(starts.is_empty() || starts.len() == record.sample_count());
    let histograms = record.histograms()?;
    let exemplars = record.exemplars()?;
    let metadata = record.metadata().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(histograms.len(), record.histogram_count());
    assert_eq!(exemplars.len(), record.exemplar_count());
    assert_eq!(metadata.len(), record.family_count());
    Ok(Content {
        samples: decoded(bytes)?.1,
        starts,
        histograms: histograms
            .into_iter()
            .map(|of| (of.series.0, of.ts, of.start, of.encoded.to_vec()))
            .collect(),
        exemplars: exemplars.into_iter().map(|(series, exemplar)| (series.0, exemplar)).collect(),
        metadata,
    })
}

fn start() -> impl Strategy<Value = i64> {
    prop_oneof![3 => Just(0), 1 => timestamp()]
}

fn histograms() -> impl Strategy<Value = Histograms> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::vec((0..50_u64, timestamp(), start(), bytes), 0..20).prop_map(|mut all| {
        all.sort_by_key(|of| of.0);
        all
    })
}

fn exemplars() -> impl Strategy<Value = Exemplars> {
    let exemplar = (timestamp(), value_bits(), "[a-z]{0,6}").prop_map(|(ts, bits, trace)| {
        let labels = Labels::from_pairs([("trace_id", trace)]).unwrap();
        Exemplar { labels, value: f64::from_bits(bits), ts }
    });
    prop::collection::vec((any::<u64>(), exemplar), 0..20).prop_map(|mut all| {
        all.sort_by_key(|of| of.0);
        all
    })
}

fn metadata() -> impl Strategy<Value = Vec<FamilyMetadata>> {
    let family = (".{0,9}", 0..8_u8, ".{0,5}", ".{0,30}").prop_map(|(family, kind, unit, help)| {
        let kind = MetricKind::from_code(kind).unwrap();
        FamilyMetadata { family, metadata: Metadata { kind, unit, help } }
    });
    prop::collection::vec(family, 0..6)
}

fn content() -> impl Strategy<Value = Content> {
    let starts = prop::collection::vec(start(), 50);
    (samples(), starts, histograms(), exemplars(), metadata()).prop_map(
        |(samples, mut starts, histograms, exemplars, metadata)| {
            starts.truncate(samples.len());
            if starts.iter().all(|start| *start == 0) {
                starts.clear();
            }
            Content { samples, starts, histograms, exemplars, metadata }
        },
    )
}

proptest! {
    #[test]
    fn all_kinds_round_trip(content in content()) {
        let bytes = encode(&content);
        prop_assert_eq!(decode(&bytes).unwrap(), content);
    }

    #[test]
    fn changed_or_arbitrary_bytes_give_an_error_or_content(
        content in content(),
        at: prop::sample::Index,
        to: u8,
        tail: Vec<u8>,
        kind in 1..8_u8,
    ) {
        let mut bytes = encode(&content);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _answer = decode(&bytes);
        let mut forged = vec![VERSION, kind];
        timberline_codec::varint::put_uvarint(&mut forged, tail.len() as u64);
        forged.extend(tail);
        let _answer = decode(&forged);
    }

    #[test]
    fn a_record_that_is_cut_is_refused(content in content(), at: prop::sample::Index) {
        let bytes = encode(&content);
        let cut = decode(&bytes[..at.index(bytes.len())]);
        prop_assert!(cut.is_err() || cut.unwrap() != content);
    }
}

#[test]
fn starts_that_all_are_one_take_a_few_bytes() {
    let samples: Samples = (0..1_000).map(|series| (series, 5_000_000, 0)).collect();
    let without = encoded(&[], &samples).len();
    let mut encoder = RecordEncoder::default();
    encode_with(&mut encoder, &[], &samples);
    encoder.starts(&[1_700_000_000_000_000_000; 1_000]);
    assert!(encoder.finish().len() <= without + 12);
    encode_with(&mut encoder, &[], &samples);
    encoder.starts(&[0; 1_000]);
    assert_eq!(encoder.finish().len(), without, "nobody said any start");
}

#[test]
fn contradictions_of_the_further_sections_are_refused() {
    let cases: [(&[u8], &str); 11] = [
        (&[1, STARTS, 3, 1, 0, 2], "without samples"),
        (&[1, SAMPLES, 12, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, STARTS, 0], "are cut off"),
        (
            &[1, SAMPLES, 12, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, STARTS, 4, 1, 0, 2, 2],
            "bytes after",
        ),
        (&[1, HISTOGRAMS, 1, 0], "more histograms"),
        (&[1, HISTOGRAMS, 5, 1, 0, 1, 0, 0], "form of start timestamps"),
        (&[1, HISTOGRAMS, 7, 1, 0, 1, 0, 0, 9, 0], "form of start timestamps"),
        (&[1, HISTOGRAMS, 7, 1, 0, 1, 0, 0, 0, 4], "a histogram is cut off"),
        (&[1, HISTOGRAMS, 8, 1, 0, 1, 0, 0, 0, 0, 7], "bytes after"),
        (&[1, EXEMPLARS, 2, 200, 1], "more exemplars"),
        (&[1, METADATA, 5, 1, 0, 8, 0, 0], "metadata"),
        (&[1, METADATA, 6, 1, 0, 0, 0, 0, 1], "bytes after"),
    ];
    for (bytes, reason) in cases {
        let error = decode(bytes).unwrap_err();
        assert!(matches!(error, LogError::MalformedRecord { .. }), "{bytes:?}: {error}");
        assert!(error.to_string().contains(reason), "{bytes:?}: {error}");
    }
}

#[test]
fn an_encoder_keeps_no_extras_of_the_record_before() {
    let mut encoder = RecordEncoder::default();
    encode_with(&mut encoder, &[], &vec![(2, 5, 7)]);
    encoder.starts(&[3]);
    encoder.histograms(&[SeriesRef(1)], &[1], &[], [b"h".as_slice()].into_iter());
    let exemplar = Exemplar { labels: Labels::empty(), value: 1.0, ts: 1 };
    encoder.exemplars(&[SeriesRef(1)], [&exemplar].into_iter());
    encoder.metadata(&[FamilyMetadata { family: "m".into(), metadata: Metadata::default() }]);
    assert!(encoder.finish().len() > 30);
    encoder.clear();
    assert_eq!(encoder.finish(), [VERSION]);
}
