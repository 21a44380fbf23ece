//! Remote write 1.0 requests written: for tests, benchmarks and clients.

use timberline_model::{Labels, NANOS_PER_MILLI, Sample};

use crate::protobuf::{put_bytes, put_double, put_int64};

/// A `prometheus.WriteRequest`, not compressed. Times are cut to whole milliseconds, as the format has
/// nothing finer.
#[must_use]
pub fn encode_v1<'s>(series: impl IntoIterator<Item = (&'s Labels, &'s [Sample])>) -> Vec<u8> {
    let (mut request, mut message, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for (labels, samples) in series {
        message.clear();
        for (name, value) in labels.iter() {
            part.clear();
            put_bytes(&mut part, 1, name.as_bytes());
            put_bytes(&mut part, 2, value.as_bytes());
            put_bytes(&mut message, 1, &part);
        }
        for sample in samples {
            part.clear();
            put_double(&mut part, 1, sample.value);
            put_int64(&mut part, 2, sample.ts.div_euclid(NANOS_PER_MILLI));
            put_bytes(&mut message, 2, &part);
        }
        put_bytes(&mut request, 1, &message);
    }
    request
}
