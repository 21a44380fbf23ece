//! Any bytes as a chunk of Prometheus' histograms: an error, or whole histograms that encode and decode to
//! themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::prometheus::{self, Encoding};

fuzz_target!(|bytes: &[u8]| {
    for encoding in [Encoding::Histogram, Encoding::FloatHistogram] {
        let (mut timestamps, mut histograms) = (Vec::new(), Vec::new());
        let result =
            prometheus::decode_histograms(encoding, bytes, &mut timestamps, &mut histograms);
        assert_eq!(timestamps.len(), histograms.len());
        if result.is_err() {
            assert!(histograms.is_empty(), "columns changed by an error");
            continue;
        }
        let mut chunks = Vec::new();
        prometheus::encode_histograms(&timestamps, &histograms, &mut chunks);
        let (mut timestamps_again, mut again) = (Vec::new(), Vec::new());
        for chunk in chunks {
            prometheus::decode_histograms(
                chunk.encoding,
                &chunk.bytes,
                &mut timestamps_again,
                &mut again,
            )
            .expect("what was encoded decodes");
        }
        // A first histogram's hint is not kept, and a zero that was negative is not one any more.
        for (again, before) in again.iter_mut().zip(&histograms) {
            again.reset_hint = before.reset_hint;
            again.zero_threshold = before.zero_threshold;
            again.custom_values.clone_from(&before.custom_values);
        }
        assert_eq!((timestamps, histograms), (timestamps_again, again));
    }
    let (mut timestamps, mut values) = (Vec::new(), Vec::new());
    if prometheus::decode_floats(bytes, &mut timestamps, &mut values).is_err() {
        assert!(timestamps.is_empty() && values.is_empty(), "columns changed by an error");
    }
});
