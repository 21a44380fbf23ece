//! Arbitrary bytes as a log record: an error, or columns of equal length that encode to a record with
//! the same content.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_log::{Record, RecordEncoder};

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
    let again = Record::decode(encoder.finish()).expect("what was encoded is decoded");
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
