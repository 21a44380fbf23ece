//! Figures of pages against the floats that they stand for.

use proptest::prelude::*;
use timberline_block::{FloatCodec, Reading};
use timberline_codec::page::PageStats;
use timberline_model::{
    Cuts, Labels, PageCounts, PageFigures, PageUse, STALE_NAN, SeriesColumns, TimeRange,
};

use crate::{
    round_trip::{any_content, open},
    support::{Content, Model, histogram},
};

/// Every bit of some figures, but where they belong.
fn bits(page: &PageFigures) -> ([usize; 2], [u64; 7], bool, TimeRange) {
    let PageFigures { first, last, min, max, sum, compensation, drops, .. } = *page;
    let floats = [first, last, min, max, sum, compensation, drops].map(f64::to_bits);
    ([page.count, page.resets], floats, page.is_integral, page.range)
}

/// Asserts that floats and figures together are what was decoded.
fn check(decoded: &SeriesColumns, mixed: &SeriesColumns, wanted: &PageUse) {
    let mut decoded = decoded.timestamps.iter().copied().zip(decoded.values.iter().copied());
    let mut floats = mixed.timestamps.iter().copied().zip(mixed.values.iter().copied());
    let mut given = 0;
    let mut check_floats = |count: usize, decoded: &mut dyn Iterator<Item = (i64, f64)>| {
        for (ts, value) in floats.by_ref().take(count) {
            let (other_ts, other) = decoded.next().unwrap();
            assert_eq!((ts, value.to_bits()), (other_ts, other.to_bits()));
        }
    };
    for page in &mixed.pages {
        check_floats(page.at - given, &mut decoded);
        given = page.at;
        let floats: Vec<(i64, f64)> = decoded.by_ref().take(page.count).collect();
        let range = TimeRange::new(floats[0].0, floats[floats.len() - 1].0);
        assert!(floats.iter().is_sorted_by(|a, b| a.0 < b.0), "an instant comes twice");
        assert!(floats.iter().all(|(_, value)| !timberline_model::is_stale(*value)));
        let values: Vec<f64> = floats.into_iter().map(|(_, value)| value).collect();
        let stats = PageStats::of(&values);
        let expected = PageFigures {
            at: page.at,
            range,
            count: values.len(),
            first: stats.first,
            last: stats.last,
            min: stats.min,
            max: stats.max,
            sum: stats.sum,
            compensation: stats.compensation,
            is_integral: stats.is_integral,
            resets: stats.resets,
            drops: stats.drops,
        };
        assert_eq!(bits(page), bits(&expected));
        assert!(wanted.takes(page));
    }
    check_floats(usize::MAX, &mut decoded);
    assert_eq!(decoded.next(), None, "floats that neither are there nor have figures");
}

/// Reads a series both ways and compares; says how many pages were left alone.
fn compare(content: Content, codec: FloatCodec, range: TimeRange, wanted: &PageUse) -> PageCounts {
    let (_disk, block) = open(&Model { series: vec![(Labels::empty(), content)] }, codec);
    let (mut decoded, mut mixed) = (SeriesColumns::default(), SeriesColumns::default());
    let series = block.series(0).unwrap();
    let mut reading = Reading::default();
    reading.begin();
    series.read(range, &mut decoded, &mut reading).unwrap();
    let is_strict = decoded.timestamps.is_sorted_by(|before, after| before < after);
    assert!(is_strict || !reading.ascends(), "an order that is not there");
    let all = std::mem::take(&mut reading.counts);
    // With what is remembered of the first.
    series.read_pages(range, &mut |page| wanted.takes(page), &mut mixed, &mut reading).unwrap();
    let counts = reading.counts;
    check(&decoded, &mixed, wanted);
    assert_eq!(decoded.histograms.timestamps, mixed.histograms.timestamps);
    assert_eq!(all, PageCounts { decoded: counts.decoded + counts.skipped, skipped: 0 });
    assert_eq!(counts.skipped, mixed.pages.len() as u64);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn floats_and_figures_are_together_what_a_page_holds(
        content in any_content(),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 3),
        whole in any::<bool>(),
        width in prop_oneof![Just(i64::MAX), 1..20_000_000_000_000_i64],
        exact in any::<bool>(),
        gorilla in any::<bool>(),
    ) {
        let codec = if gorilla { FloatCodec::Gorilla } else { FloatCodec::Smallest };
        let at = |which: usize| *ends[which].get(&content.columns.timestamps);
        let range = if whole { TimeRange::ALL } else { TimeRange::new(at(0), at(1)) };
        let cuts = Cuts::buckets(at(2), width);
        let wanted = PageUse { cuts, exact_sums: exact, exact_drops: exact, ..PageUse::default() };
        compare(content, codec, range, &wanted);
    }
}

const SECOND: i64 = 1_000_000_000;

/// 3,000 floats, a second apart.
fn counter() -> Content {
    (0..3_000_i64).map(|n| (n * SECOND, (n % 70) as f64)).collect::<Vec<_>>().into()
}

fn skipped(content: Content, codec: FloatCodec, range: TimeRange, wanted: &PageUse) -> u64 {
    compare(content, codec, range, wanted).skipped
}

#[test]
fn pages_are_left_alone_where_they_are_within_the_span_and_one_bucket() {
    let (all, smallest) = (TimeRange::ALL, FloatCodec::Smallest);
    let wanted = |cuts| PageUse { cuts, exact_sums: true, exact_drops: true, ..PageUse::default() };
    let uncut = wanted(Cuts::none());
    assert_eq!(skipped(counter(), smallest, all, &uncut), 3);
    assert_eq!(skipped(counter(), FloatCodec::Gorilla, all, &uncut), 0);
    // Pages begin at 0, 1,024 and 2,048 s.
    let (first, last) = (TimeRange::new(0, 2_047 * SECOND), TimeRange::new(1, i64::MAX));
    assert_eq!(skipped(counter(), smallest, first, &uncut), 2);
    assert_eq!(skipped(counter(), smallest, last, &uncut), 2);
    let cut_after = |ts| {
        let mut cuts = Cuts::none();
        cuts.add_after(ts, 1, 1);
        wanted(cuts)
    };
    assert_eq!(skipped(counter(), smallest, all, &cut_after(1_023 * SECOND)), 3);
    assert_eq!(skipped(counter(), smallest, all, &cut_after(1_024 * SECOND - 1)), 3);
    assert_eq!(skipped(counter(), smallest, all, &cut_after(1_024 * SECOND)), 2);
    // Constant pages have figures, too.
    let constant: Vec<(i64, f64)> = (0..3_000).map(|n| (n * SECOND, 0.1)).collect();
    let inexact = PageUse::default();
    assert_eq!(skipped(constant.clone().into(), smallest, all, &inexact), 3);
    assert_eq!(skipped(constant.into(), smallest, all, &uncut), 0, "sums are not exact");
}

#[test]
fn pages_with_a_stale_marker_or_a_repeated_instant_are_decoded() {
    let any = PageUse::default();
    let left_alone = |content| skipped(content, FloatCodec::Smallest, TimeRange::ALL, &any);
    let mut stale = counter();
    stale.columns.values[1_500] = STALE_NAN;
    assert_eq!(left_alone(stale), 2);
    // Anywhere on the timeline, also between two pages.
    for twice in [10, 1_024, 2_999] {
        let mut repeated = counter();
        repeated.columns.timestamps[twice] = repeated.columns.timestamps[twice - 1];
        assert_eq!(left_alone(repeated), 0, "{twice}");
    }
    let mut mixed = counter();
    mixed.columns.histograms.push(5_000 * SECOND, 0, histogram(1));
    assert_eq!(left_alone(mixed), 0);
    let mut since = counter();
    since.columns.starts = vec![7; 3_000];
    assert_eq!(left_alone(since), 3, "starts do not matter");
}
