//! Arbitrary bytes as a log record: an error, or columns of equal length that encode to a record with
//! the same content.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_log::{Record, RecordEncoder, RecordHistogram};
use timberline_model::{Exemplar, SeriesRef};

fuzz_target!(|data: &[u8]| {
    let Ok(record) = Record::decode(data) else { return };
    let definitions: Result<Vec<_>, _> = record.definitions().collect();
    let (mut refs, mut timestamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let samples = record.samples_into(&mut refs, &mut timestamps, &mut values);
    assert!(refs.len() == timestamps.len() && refs.len() == values.len());
    let (Ok(definitions), Ok(())) = (definitions, samples) else { return };
    let mut encoder = RecordEncoder::default();
    for (series, labels) in &definitions {
        encoder.define(*series, labels);
    }
    encoder.samples(&refs, &timestamps, &values);
    let mut starts = Vec::new();
    let read = record.starts_into(&mut starts);
    assert!(starts.is_empty() || starts.len() == refs.len());
    let (Ok(()), Ok(histograms), Ok(exemplars)) = (read, record.histograms(), record.exemplars())
    else {
        return;
    };
    let Ok(metadata) = record.metadata().collect::<Result<Vec<_>, _>>() else { return };
    encode_others(&mut encoder, &starts, &histograms, &exemplars);
    encoder.metadata(&metadata);
    let again = Record::decode(encoder.finish()).expect("what was encoded is decoded");
    let mut starts_again = Vec::new();
    again.starts_into(&mut starts_again).expect("what was encoded is decoded");
    if starts.iter().any(|start| *start != 0) {
        assert_eq!(starts_again, starts);
    }
    assert_eq!(again.histograms().expect("what was encoded is decoded"), histograms);
    assert_eq!(again.exemplars().expect("what was encoded is decoded"), exemplars);
    let metadata_again: Result<Vec<_>, _> = again.metadata().collect();
    assert_eq!(metadata_again.expect("what was encoded is decoded"), metadata);
    let (mut refs_again, mut timestamps_again, mut values_again) = (vec![], vec![], vec![]);
    again
        .samples_into(&mut refs_again, &mut timestamps_again, &mut values_again)
        .expect("what was encoded is decoded");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!((refs_again, timestamps_again), (refs, timestamps));
    assert_eq!(bits(&values_again), bits(&values));
    let definitions_again: Result<Vec<_>, _> = again.definitions().collect();
    assert_eq!(definitions_again.expect("what was encoded is decoded"), definitions);
});

fn encode_others(
    encoder: &mut RecordEncoder,
    starts: &[i64],
    histograms: &[RecordHistogram<'_>],
    exemplars: &[(SeriesRef, Exemplar)],
) {
    encoder.starts(starts);
    let refs: Vec<_> = histograms.iter().map(|of| of.series).collect();
    let timestamps: Vec<_> = histograms.iter().map(|of| of.ts).collect();
    let starts: Vec<_> = histograms.iter().map(|of| of.start).collect();
    encoder.histograms(&refs, &timestamps, &starts, histograms.iter().map(|of| of.encoded));
    let refs: Vec<_> = exemplars.iter().map(|of| of.0).collect();
    encoder.exemplars(&refs, exemplars.iter().map(|of| &of.1));
}
