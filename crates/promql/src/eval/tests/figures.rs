//! Figures of pages in the place of floats give the same values.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use timberline_model::{
    LabelQuery, Labels, PageFigures, PageUse, ScanError, Selector, SeriesColumns, SeriesScan,
    SeriesSource, TimeRange, is_stale,
};

use super::{
    super::{Limits, Query, evaluate, memory::MemorySource},
    SECOND,
};
use crate::parse;

/// Floats of a page.
const PAGE_LEN: usize = 7;

/// A source that makes figures of successive floats wherever the reader takes them.
struct Paged {
    inner: MemorySource,
    skipped: Arc<AtomicUsize>,
}

/// The last series comes first.
struct PagedScan {
    series: Vec<(Labels, SeriesColumns)>,
    skipped: Arc<AtomicUsize>,
}

impl SeriesScan for PagedScan {
    fn next(&mut self, columns: &mut SeriesColumns) -> Result<Option<Labels>, ScanError> {
        columns.clear();
        let Some((labels, read)) = self.series.pop() else { return Ok(None) };
        *columns = read;
        Ok(Some(labels))
    }

    fn take_figures(&mut self, wanted: &PageUse) {
        for (_, columns) in &mut self.series {
            *columns = with_figures(columns, wanted, &self.skipped);
        }
    }

    fn series_count_max(&self) -> usize {
        self.series.len()
    }
}

impl SeriesSource for Paged {
    fn scan(
        &self,
        selector: &Selector,
        _: NonZeroUsize,
    ) -> Result<Vec<Box<dyn SeriesScan>>, ScanError> {
        let mut series = Vec::new();
        for mut scan in self.inner.scan(selector, NonZeroUsize::MIN)? {
            let mut columns = SeriesColumns::default();
            while let Some(labels) = scan.next(&mut columns)? {
                series.push((labels, columns.clone()));
            }
        }
        Ok(vec![Box::new(PagedScan { series, skipped: Arc::clone(&self.skipped) })])
    }

    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        self.inner.label_names(query)
    }

    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        self.inner.label_values(name, query)
    }

    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        self.inner.series(query)
    }
}

fn with_figures(columns: &SeriesColumns, wanted: &PageUse, skipped: &AtomicUsize) -> SeriesColumns {
    let mut kept = SeriesColumns::default();
    let pages = columns.timestamps.chunks(PAGE_LEN).zip(columns.values.chunks(PAGE_LEN));
    for (timestamps, values) in pages {
        let page = figures(timestamps, values, kept.len());
        if !values.iter().any(|value| is_stale(*value)) && wanted.takes(&page) {
            skipped.fetch_add(1, Ordering::Relaxed);
            kept.pages.push(page);
        } else {
            kept.timestamps.extend_from_slice(timestamps);
            kept.values.extend_from_slice(values);
        }
    }
    kept
}

fn figures(timestamps: &[i64], values: &[f64], at: usize) -> PageFigures {
    let fold = |beats: fn(f64, f64) -> bool| {
        let pick = |best: f64, value: &f64| {
            if beats(*value, best) || best.is_nan() { *value } else { best }
        };
        values[1..].iter().fold(values[0], pick)
    };
    let range = TimeRange::new(timestamps[0], timestamps[timestamps.len() - 1]);
    PageFigures {
        at,
        range,
        count: values.len(),
        first: values[0],
        last: values[values.len() - 1],
        min: fold(|value, best| value < best),
        max: fold(|value, best| value > best),
        sum: values.iter().sum(),
        compensation: 0.0,
        is_integral: values.iter().all(|value| value.fract() == 0.0 && value.abs() < 1e9),
        resets: 0,
        drops: 0.0,
    }
}

/// Integers, then tenths, a stretch with NaN, zeros of both signs and a stale marker.
fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for host in 0..3_i64 {
        let labels = crate::parse_series(&format!("m{{host='{host}'}}")).unwrap();
        for n in 0..600_i64 {
            let value = match n {
                0..200 => ((n * 37 + host * 11) % 101) as f64,
                200..400 => ((n * 37) % 101) as f64 / 10.0,
                400..420 => f64::NAN,
                420..440 => [0.0, -0.0][(n % 2) as usize],
                440 => f64::from_bits(timberline_model::STALE_NAN_BITS),
                _ => (n % 5) as f64,
            };
            source.push(&labels, (n * 10 + host) * SECOND, value);
        }
    }
    source
}

#[test]
fn figures_give_what_floats_give() {
    let (plain, paged) = (source(), Paged { inner: source(), skipped: Arc::default() });
    let limits = Limits::default();
    for function in ["count", "present", "min", "max", "first", "last", "sum", "avg"] {
        for range in ["95s", "10m", "1h", "2h"] {
            let before = paged.skipped.load(Ordering::Relaxed);
            for text in [
                format!("{function}_over_time(m[{range}])"),
                format!("{function}_over_time(m[{range}] offset 7m)"),
                format!("sum({function}_over_time(m[{range}] @ 4000))"),
            ] {
                let expr = parse(&text).unwrap();
                for (start, end, step) in
                    [(6_000, 6_000, 0), (4_500, 4_500, 0), (0, 6_100, 600), (3_000, 3_300, 30)]
                {
                    let query = match step {
                        0 => Query::instant(&expr, start * SECOND),
                        _ => Query::range(&expr, start * SECOND, end * SECOND, step * SECOND),
                    };
                    let of = |source: &dyn SeriesSource| {
                        let value = evaluate(source, &query, &limits).unwrap().value;
                        format!("{value:?}")
                    };
                    assert_eq!(of(&plain), of(&paged), "{text} from {start} to {end} by {step}");
                }
            }
            let skipped = paged.skipped.load(Ordering::Relaxed) - before;
            assert!(skipped > 0, "no page of {function} over {range} was left alone");
        }
    }
    // A function that needs all floats, and windows that overlap too much to gain anything.
    let before = paged.skipped.load(Ordering::Relaxed);
    for text in ["rate(m[1h])", "quantile_over_time(0.5, m[1h])", "m"] {
        evaluate(&paged, &Query::instant(&parse(text).unwrap(), 6_000 * SECOND), &limits).unwrap();
    }
    let expr = parse("max_over_time(m[10m])").unwrap();
    let query = Query::range(&expr, 0, 6_000 * SECOND, 10 * SECOND);
    evaluate(&paged, &query, &limits).unwrap();
    assert_eq!(paged.skipped.load(Ordering::Relaxed), before);
}
