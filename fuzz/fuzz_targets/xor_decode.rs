//! Any bytes as an xor payload: columns of the stated count, which encode and decode to themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::xor::{self, XorEncoder};

fuzz_target!(|bytes: &[u8]| {
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    if xor::decode(bytes, &mut timestamps, &mut values).is_err() {
        assert!(timestamps.is_empty() && values.is_empty(), "columns changed by an error");
        return;
    }
    assert_eq!(Ok(timestamps.len()), xor::sample_count(bytes));
    assert!(timestamps.len() <= bytes.len() * 8, "more samples than bits");
    let mut encoder = XorEncoder::new();
    for (ts, value) in timestamps.iter().zip(&values) {
        encoder.append(*ts, *value);
    }
    let (mut timestamps_again, mut values_again) = (Vec::new(), Vec::new());
    xor::decode(encoder.payload(), &mut timestamps_again, &mut values_again)
        .expect("what was encoded decodes");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(timestamps, timestamps_again);
    assert_eq!(bits(&values), bits(&values_again));
});
