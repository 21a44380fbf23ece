//! Pages of histograms: round trips, which codec is chosen, sizes, limits, bytes that nobody wrote.

use proptest::prelude::*;
use timberline_model::{BucketCounts, BucketSpan, Histogram, ResetHint, STALE_NAN};

use super::*;
use crate::histogram::tests::{histograms, integer, span};

/// Encodes behind other bytes and decodes behind another histogram, and compares every bit.
pub(super) fn histogram_page(histograms: &[Histogram]) -> (HistogramPageInfo, Vec<u8>) {
    let mut bytes = vec![9, 9];
    let info = encode_histograms(histograms, &mut bytes);
    let page = bytes.split_off(2);
    assert_eq!((info.bytes, info.count), (page.len(), histograms.len()));
    assert_eq!(page[0], info.codec.code());
    let mut decoded = vec![Histogram::stale()];
    decode_histograms(&page, VALUES_MAX, &mut decoded).unwrap();
    assert!(decoded[0].is_stale());
    assert_eq!(&decoded[1..], histograms);
    (info, page)
}

/// A counter of `buckets` buckets that rises by some observations, most of them in the middle.
pub(super) fn rising(count: usize, buckets: usize) -> Vec<Histogram> {
    let mut numbers = Numbers(99);
    let mut counts = vec![0_u64; buckets];
    let (mut sum, mut zero_count) = (0.0, 0);
    let mut next = |index: usize| {
        for (place, count) in counts.iter_mut().enumerate() {
            let distance = place.abs_diff(buckets / 2) as u64;
            *count += numbers.below(64 >> distance.min(5)) + 1;
        }
        zero_count += numbers.below(3);
        sum += numbers.below(1 << 30) as f64 / 1e9;
        let mut histogram = integer(&[span(-9, buckets as u32)], zero_count, &counts);
        histogram.sum = sum;
        if index > 0 {
            histogram.reset_hint = ResetHint::NotReset;
        }
        histogram
    };
    (0..count).map(&mut next).collect()
}

/// The same with counts as floats.
pub(super) fn as_floats(histograms: &[Histogram], factor: f64) -> Vec<Histogram> {
    let scaled = |counts: &[u64]| counts.iter().map(|n| *n as f64 * factor).collect();
    let float = |histogram: &Histogram| {
        let BucketCounts::Integer { count, zero_count, positive, negative } = &histogram.counts
        else {
            unreachable!("an integer histogram")
        };
        let counts = BucketCounts::Float {
            count: *count as f64 * factor,
            zero_count: *zero_count as f64 * factor,
            positive: scaled(positive),
            negative: scaled(negative),
        };
        Histogram { counts, ..histogram.clone() }
    };
    histograms.iter().map(float).collect()
}

/// From some place on, there are more buckets.
pub(super) fn growing(count: usize) -> Vec<Histogram> {
    let mut all = rising(count, 20);
    for (index, histogram) in all.iter_mut().enumerate() {
        let dropped = (count - index) * 8 / count;
        let BucketCounts::Integer { count, zero_count, positive, .. } = &mut histogram.counts
        else {
            unreachable!("an integer histogram")
        };
        positive.truncate(20 - dropped);
        *count = *zero_count + positive.iter().sum::<u64>();
        histogram.positive_spans = vec![span(-9, positive.len() as u32)];
    }
    all
}

/// A bit of everything: both kinds, custom bounds, gauges, stale ones, resets.
pub(super) fn mixed() -> Vec<Histogram> {
    let mut all = rising(30, 5);
    all.push(Histogram { sum: STALE_NAN, ..Histogram::stale() });
    all.extend(as_floats(&rising(20, 6), 0.3));
    let mut custom = rising(20, 4);
    for histogram in &mut custom {
        histogram.schema = timberline_model::CUSTOM_BUCKETS_SCHEMA;
        histogram.zero_threshold = 0.0;
        histogram.custom_values = vec![0.005, 0.01, 2.5];
        histogram.positive_spans = vec![span(0, 4)];
        histogram.reset_hint = ResetHint::Gauge;
        if let BucketCounts::Integer { count, zero_count, .. } = &mut histogram.counts {
            *count -= *zero_count;
            *zero_count = 0;
        }
    }
    all.extend(custom);
    all.extend(rising(10, 5));
    all
}

#[test]
fn many_alike_are_columns_and_few_are_rows() {
    let (info, _) = histogram_page(&rising(1_024, 20));
    assert_eq!(info.codec, HistogramCodec::Columns);
    let (info, page) = histogram_page(&rising(1, 20));
    assert_eq!(info.codec, HistogramCodec::Rows);
    assert!(page.len() < 50, "{}", page.len());
    assert_eq!(histogram_page(&mixed()).0.count, 81);
}

#[test]
fn rising_counters_of_twenty_buckets_take_few_bytes() {
    // 4.5 bits of entropy in each of a few buckets, 1 to 3 in the others, and 30 bits of the sum.
    let (info, _) = histogram_page(&rising(1_024, 20));
    let each = info.bytes as f64 / 1_024.0;
    assert!(each < 16.0, "{each} bytes");
    let (info, _) = histogram_page(&as_floats(&rising(1_024, 20), 1.0));
    let each = info.bytes as f64 / 1_024.0;
    assert!(each < 16.0, "{each} bytes as floats");
}

#[test]
fn buckets_that_come_later_cost_no_column_of_their_own_for_each_layout() {
    let (info, _) = histogram_page(&growing(1_000));
    let (all, _) = histogram_page(&rising(1_000, 20));
    assert_eq!(info.codec, HistogramCodec::Columns);
    assert!(info.bytes < all.bytes + 100, "{} beside {}", info.bytes, all.bytes);
}

#[test]
fn stale_ones_and_resets_lie_between_others() {
    let mut all = rising(600, 20);
    all[300..].clone_from_slice(&rising(300, 20));
    all[300].reset_hint = ResetHint::Reset;
    all[299] = Histogram::stale();
    histogram_page(&all);
    assert_eq!(HistogramPageStats::of(&all), HistogramPageStats { count: 599, stale: 1 });
}

#[test]
fn a_page_takes_as_many_as_fit() {
    let wide = |buckets: usize| integer(&[span(0, buckets as u32)], 0, &vec![1; buckets]);
    assert_eq!(histograms_that_fit(&[]), 0);
    assert_eq!(histograms_that_fit(&rising(1_100, 1)), VALUES_MAX);
    let all = vec![wide(65_536); 20];
    assert_eq!(histograms_that_fit(&all), 15);
    let mut page = Vec::new();
    encode_histograms(&vec![wide(10_000); 100], &mut page);
    let mut decoded = Vec::new();
    decode_histograms(&page, 100, &mut decoded).unwrap();
    assert_eq!(decoded.len(), 100);
}

#[test]
fn figures_come_back() {
    for stats in [
        HistogramPageStats { count: 0, stale: 0 },
        HistogramPageStats { count: 1_000, stale: 24 },
        HistogramPageStats { count: 0, stale: 1_024 },
    ] {
        let mut bytes = Vec::new();
        stats.put(&mut bytes);
        bytes.push(5);
        assert_eq!(HistogramPageStats::read(&bytes), Ok((stats, &[5][..])));
    }
    assert!(HistogramPageStats::read(&[0x80, 8, 1]).is_err());
    assert!(HistogramPageStats::read(&[5]).is_err());
}

fn decode(bytes: &[u8]) -> Result<Vec<Histogram>, PageError> {
    let mut decoded = Vec::new();
    let result = decode_histograms(bytes, VALUES_MAX, &mut decoded);
    if result.is_err() {
        assert!(decoded.is_empty(), "histograms of a page that is none");
    }
    result.map(|()| decoded)
}

/// A page of either codec, and one of many layouts.
pub(super) fn pages() -> Vec<Vec<u8>> {
    let few = mixed();
    let all = [rising(70, 3), as_floats(&rising(70, 3), 0.1), few[25..75].to_vec(), rising(2, 2)];
    all.iter().map(|histograms| histogram_page(histograms).1).collect()
}

#[test]
fn a_page_cut_anywhere_or_with_bytes_behind_it_is_an_error() {
    for page in pages() {
        for len in 0..page.len() {
            assert!(decode(&page[..len]).is_err(), "{len}");
        }
        assert!(decode(&[&page[..], &[0]].concat()).is_err());
        assert!(decode_histograms(&page, 1, &mut Vec::new()).is_err());
    }
}

#[test]
fn any_byte_changed_is_an_error_or_histograms() {
    for page in pages() {
        for place in 0..page.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = page.clone();
                bytes[place] ^= change;
                for histogram in decode(&bytes).unwrap_or_default() {
                    assert_eq!(histogram.check(), Ok(()));
                }
            }
        }
    }
}

#[test]
fn few_bytes_do_not_become_many_histograms_of_many_buckets() {
    let mut page =
        vec![HistogramCodec::Columns.code(), 0x80, 8, 1, 0, 3, 0, 1, 0, 0xff, 0xff, 3, 0];
    page.extend_from_slice(&[0; 100]);
    let error = PageError::Range { field: "cells", value: 65_536 * 1_024, max: 1 << 20 };
    assert!(matches!(decode(&page), Err(found) if found == error), "{:?}", decode(&page).err());
}

#[test]
fn layouts_that_no_histogram_has_are_refused() {
    let layouts = [2, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0];
    let header = [&[HistogramCodec::Columns.code(), 2][..], &layouts].concat();
    // Only the first; the second first; the second twice.
    for runs in [&[0, 1][..], &[1, 1], &[0, 0, 2, 0]] {
        let page = [&header[..], runs, &[0; 40]].concat();
        assert!(matches!(decode(&page), Err(PageError::Range { .. })), "{runs:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_histograms_round_trip(
        kinds in prop::collection::vec((histograms(), 1..40_usize), 1..8),
    ) {
        let all: Vec<Histogram> =
            kinds.into_iter().flat_map(|(histogram, times)| vec![histogram; times]).collect();
        histogram_page(&all);
    }

    #[test]
    fn columns_of_any_histograms_round_trip(all in prop::collection::vec(histograms(), 1..60)) {
        let mut page = vec![HistogramCodec::Columns.code()];
        crate::varint::put_uvarint(&mut page, all.len() as u64);
        crate::page::histograms::columns::encode(&all, &mut page);
        prop_assert_eq!(decode(&page), Ok(all));
    }

    #[test]
    fn pages_with_several_changes_are_an_error_or_histograms(
        page in prop::sample::select(pages()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = page;
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(histograms) = decode(&bytes) {
            prop_assert!(histograms.iter().all(|histogram| histogram.check().is_ok()));
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_histograms(
        code in 0x61_u8..0x63,
        bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), 0_u8..8, any::<u8>()], 0..120),
    ) {
        let _ = decode(&[&[code], &bytes[..]].concat());
    }
}

/// Spans without buckets and buckets far apart are kept as they are.
#[test]
fn odd_spans_come_back() {
    let spans: [BucketSpan; 4] = [span(i32::MIN, 1), span(i32::MAX, 0), span(0, 1), span(3, 0)];
    let odd = integer(&spans, 0, &[1, 2]);
    histogram_page(&vec![odd; 100]);
}
