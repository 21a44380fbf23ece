//! Any bytes as a page of histograms or its figures: an error, or whole histograms within bounds that
//! encode and decode to themselves; and any histograms, one after the other, as a page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::{
    histogram,
    page::{self, HISTOGRAM_CELLS_MAX, HistogramPageStats, VALUES_MAX},
};
use timberline_model::Histogram;

fn round_trip(histograms: &[Histogram]) {
    let (mut bytes, mut decoded) = (Vec::new(), Vec::new());
    page::encode_histograms(histograms, &mut bytes);
    page::decode_histograms(&bytes, histograms.len(), &mut decoded)
        .expect("what was encoded decodes");
    assert_eq!(histograms, decoded);
}

fuzz_target!(|bytes: &[u8]| {
    let mut histograms = Vec::new();
    match page::decode_histograms(bytes, VALUES_MAX, &mut histograms) {
        Ok(()) => {
            assert!(histograms.iter().all(|histogram| histogram.check().is_ok()));
            let cells = |one: &Histogram| {
                let (positive, negative) = one.counts.bucket_counts();
                positive + negative + one.custom_values.len()
            };
            assert!(histograms.iter().map(cells).sum::<usize>() <= HISTOGRAM_CELLS_MAX);
            round_trip(&histograms);
        }
        Err(_) => assert!(histograms.is_empty(), "histograms of a page that is none"),
    }
    let _ = HistogramPageStats::read(bytes);

    let (mut rest, mut taken) = (bytes, Vec::new());
    while let Ok(histogram) = histogram::take(&mut rest) {
        taken.push(histogram);
    }
    taken.truncate(page::histograms_that_fit(&taken));
    if !taken.is_empty() {
        round_trip(&taken);
    }
});
