//! Records: round trips, sizes, and hostile bytes.

use proptest::prelude::*;
use timberline_model::{Labels, SeriesRef};

use super::*;
use crate::LogError;

mod extras;

type Samples = Vec<(u64, i64, u64)>;

fn encoded(definitions: &[(SeriesRef, Labels)], samples: &Samples) -> Vec<u8> {
    let mut encoder = RecordEncoder::default();
    encode_with(&mut encoder, definitions, samples).to_vec()
}

fn encode_with<'a>(
    encoder: &'a mut RecordEncoder,
    definitions: &[(SeriesRef, Labels)],
    samples: &Samples,
) -> &'a [u8] {
    encoder.clear();
    for (series, labels) in definitions {
        encoder.define(*series, labels);
    }
    let refs: Vec<_> = samples.iter().map(|sample| SeriesRef(sample.0)).collect();
    let timestamps: Vec<_> = samples.iter().map(|sample| sample.1).collect();
    let values: Vec<_> = samples.iter().map(|sample| f64::from_bits(sample.2)).collect();
    encoder.samples(&refs, &timestamps, &values);
    encoder.finish()
}

fn decoded(bytes: &[u8]) -> Result<(Vec<(SeriesRef, Labels)>, Samples), LogError> {
    let record = Record::decode(bytes)?;
    let definitions = record.definitions().collect::<Result<_, _>>()?;
    let (mut refs, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    record.samples_into(&mut refs, &mut timestamps, &mut values)?;
    assert_eq!(refs.len(), record.sample_count());
    let samples = refs.iter().zip(timestamps).zip(values);
    Ok((definitions, samples.map(|((r, ts), v)| (r.0, ts, v.to_bits())).collect()))
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("host", "a")]).unwrap()
}

/// Timestamps as they come: in some unit, or anything.
fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        (-1000..1000_i64).prop_map(|ms| ms * 1_000_000),
        (-1000..1000_i64).prop_map(|us| us * 1_000),
        Just(1_700_000_000_000_000_000),
        Just(i64::MIN),
        Just(i64::MAX),
    ]
}

fn value_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        Just(0x7ff0_0000_0000_0002),
        Just((-0.0_f64).to_bits()),
        Just(f64::INFINITY.to_bits()),
        Just(f64::NEG_INFINITY.to_bits()),
    ]
}

fn samples() -> impl Strategy<Value = Samples> {
    let series = prop_oneof![0..50_u64, any::<u64>()];
    proptest::collection::vec((series, timestamp(), value_bits()), 0..50).prop_map(|mut samples| {
        samples.sort_by_key(|sample| sample.0);
        samples
    })
}

proptest! {
    #[test]
    fn records_round_trip(
        definitions in proptest::collection::vec((any::<u64>(), any::<u16>()), 0..20),
        samples in samples(),
    ) {
        let definitions: Vec<_> = definitions
            .into_iter()
            .map(|(series, name)| (SeriesRef(series), labels(&format!("metric_{name}"))))
            .collect();
        let bytes = encoded(&definitions, &samples);
        prop_assert_eq!(decoded(&bytes).unwrap(), (definitions, samples));
    }

    #[test]
    fn one_instant_for_all_is_stored_once(ts in timestamp(), count in 1..300_usize) {
        let samples: Samples = (0..count as u64).map(|series| (series, ts, 0)).collect();
        let bytes = encoded(&[], &samples);
        prop_assert!(bytes.len() <= 9 * count + 24);
        prop_assert_eq!(decoded(&bytes).unwrap().1, samples);
    }

    #[test]
    fn arbitrary_bytes_give_an_error_or_columns(bytes: Vec<u8>) {
        let _answer = decoded(&bytes);
        let mut versioned = vec![VERSION];
        versioned.extend(bytes);
        let _answer = decoded(&versioned);
    }

    #[test]
    fn changed_bytes_give_an_error_or_columns(samples in samples(), at: prop::sample::Index, to: u8) {
        let mut bytes = encoded(&[(SeriesRef(1), labels("up"))], &samples);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _answer = decoded(&bytes);
    }

    #[test]
    fn a_record_that_is_cut_is_refused(samples in samples(), at: prop::sample::Index) {
        let bytes = encoded(&[(SeriesRef(1), labels("up"))], &samples);
        let whole = decoded(&bytes).unwrap();
        let cut = decoded(&bytes[..at.index(bytes.len())]);
        prop_assert!(cut.is_err() || cut.unwrap() != whole);
    }
}

#[test]
fn an_encoder_keeps_nothing_of_the_record_before() {
    let mut encoder = RecordEncoder::default();
    encode_with(&mut encoder, &[(SeriesRef(9), labels("old"))], &vec![(9, 9, 9); 3]);
    let definitions = [(SeriesRef(2), labels("new"))];
    let bytes = encode_with(&mut encoder, &definitions, &vec![(2, 5, 7)]);
    assert_eq!(decoded(bytes).unwrap(), (definitions.to_vec(), vec![(2, 5, 7)]));
    assert_eq!(encode_with(&mut encoder, &[], &vec![]), [VERSION]);
}

#[test]
fn unknown_versions_and_sections_are_named() {
    let error = decoded(&[2]).unwrap_err();
    assert_eq!(error.to_string(), "log record has version 2; this program reads version 1");
    let error = decoded(&[1, 7, 0]).unwrap_err();
    assert!(error.to_string().contains("kind 7 (unknown)"), "{error}");
    let error = decoded(&[1, 77, 0]).unwrap_err();
    assert!(error.to_string().contains("kind 77 (unknown)"), "{error}");
}

#[test]
fn contradictions_are_refused() {
    let cases: [(&[u8], &str); 10] = [
        (&[], "no version byte"),
        (&[1, DEFINITIONS], "a section is cut off"),
        (&[1, DEFINITIONS, 5, 1], "a section is cut off"),
        (&[1, DEFINITIONS, 1, 0], "more definitions than bytes"),
        (&[1, SAMPLES, 2, 1, 0], "more samples than bytes"),
        (&[1, SAMPLES, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "timestamps are cut off"),
        (&[1, SAMPLES, 12, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], "unknown time unit"),
        (&[1, SAMPLES, 12, 1, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0], "unknown form"),
        (&[1, SAMPLES, 14, 1, 0, 1, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0], "bytes after"),
        (&[1, DEFINITIONS, 3, 1, 2, 0, DEFINITIONS, 3, 1, 2, 0], "out of order"),
    ];
    for (bytes, reason) in cases {
        let error = decoded(bytes).unwrap_err();
        assert!(matches!(error, LogError::MalformedRecord { .. }), "{bytes:?}: {error}");
        assert!(error.to_string().contains(reason), "{bytes:?}: {error}");
    }
}

#[test]
fn samples_are_appended_or_not_at_all() {
    // One sample of series 5 whose timestamps are in a unit that does not exist.
    let bytes = [1, SAMPLES, 13, 1, 5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let record = Record::decode(&bytes).unwrap();
    let (mut refs, mut timestamps, mut values) = (vec![SeriesRef(1)], vec![1], vec![1.0]);
    assert!(record.samples_into(&mut refs, &mut timestamps, &mut values).is_err());
    assert_eq!((refs, timestamps, values), (vec![SeriesRef(1)], vec![1], vec![1.0]));
}

#[test]
#[should_panic(expected = "comes after")]
fn series_out_of_order_are_a_fault_of_the_caller() {
    encoded(&[], &vec![(2, 0, 0), (1, 0, 0)]);
}
