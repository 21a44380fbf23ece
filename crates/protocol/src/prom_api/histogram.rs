//! Native histograms as the API writes them: `{"count":"3","sum":"1.5","buckets":[[0,"1","2","3"]]}`.
//!
//! The first number of a bucket says which of its ends are in it: 0 the upper, 1 the lower, 2 neither, 3
//! both. Buckets without observations are left out.

use timberline_model::{BucketCounts, Histogram};

use super::number::push_value;

/// Appends a histogram.
pub(super) fn push_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    let count = match &histogram.counts {
        BucketCounts::Integer { count, .. } => *count as f64,
        BucketCounts::Float { count, .. } => *count,
    };
    out.extend_from_slice(b"{\"count\":");
    push_value(out, count);
    out.extend_from_slice(b",\"sum\":");
    push_value(out, histogram.sum);
    let mut separator: &[u8] = b",\"buckets\":[";
    for bucket in histogram.buckets() {
        if bucket.count == 0.0 {
            continue;
        }
        let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => b'0',
            (true, false) => b'1',
            (false, false) => b'2',
            (true, true) => b'3',
        };
        out.extend_from_slice(separator);
        out.extend_from_slice(&[b'[', rule]);
        for number in [bucket.lower, bucket.upper, bucket.count] {
            out.push(b',');
            push_value(out, number);
        }
        out.push(b']');
        separator = b",";
    }
    if separator == b"," {
        out.push(b']');
    }
    out.push(b'}');
}
