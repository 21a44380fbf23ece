//! Into which windows of time an import divides its samples.
//!
//! Old data goes straight into the longest windows that compaction would merge it into one day; what
//! is younger than those goes into shorter ones. Windows of a longer span contain those of a shorter
//! one, and they never overlap otherwise.

use std::collections::BTreeSet;

use timberline_model::{ColumnsMark, Labels, SeriesColumns, TimeRange};

/// Windows that one spill may have. Samples scattered over centuries get longer windows instead.
const WINDOWS_MAX: usize = 1_000;

/// A window of time that gets a block of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// What it covers.
    pub(super) range: TimeRange,
    /// The level of its block.
    pub(super) level: u8,
}

impl PartialOrd for Window {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Window {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.range.start, self.range.end).cmp(&(other.range.start, other.range.end))
    }
}

impl Window {
    /// Takes the window's samples off the end of ascending columns that go no further than the window.
    pub(super) fn split_off(&self, columns: &mut SeriesColumns) -> SeriesColumns {
        let before = |timestamps: &[i64]| timestamps.partition_point(|ts| *ts < self.range.start);
        let mark = ColumnsMark {
            floats: before(&columns.timestamps),
            histograms: before(&columns.histograms.timestamps),
        };
        if mark == ColumnsMark::default() {
            return std::mem::take(columns);
        }
        columns.split_off(mark)
    }
}

/// How time is divided.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Spans in nanoseconds with their levels, longest first.
    spans: Vec<(i64, u8)>,
    /// What is not covered by a closed window of any of the spans is divided by this one.
    block_window: i64,
    /// Windows that end before this instant are closed.
    closed: i64,
}

impl Windows {
    /// `spans` are the compaction's, ascending by level.
    pub(super) fn new(spans: Vec<i64>, block_window: i64, closed: i64) -> Self {
        let mut spans: Vec<(i64, u8)> =
            spans.into_iter().zip(0_u8..).filter(|(span, _)| *span > block_window).collect();
        spans.reverse();
        Self { spans, block_window, closed }
    }

    /// The window of an instant.
    pub(super) fn at(&self, ts: i64) -> Window {
        let closed = |(span, level): &(i64, u8)| {
            let range = window(ts, *span);
            (range.end < self.closed).then_some(Window { range, level: *level })
        };
        let shortest = || Window { range: window(ts, self.block_window), level: 0 };
        self.spans.iter().find_map(closed).unwrap_or_else(shortest)
    }

    /// All windows that some series have samples in, in order of time.
    pub(super) fn of(&self, series: &[(Labels, SeriesColumns)]) -> Vec<Window> {
        self.first(series, usize::MAX)
    }

    /// As [`of`](Self::of), giving up once there are more than `max`.
    fn first(&self, series: &[(Labels, SeriesColumns)], max: usize) -> Vec<Window> {
        let mut windows: BTreeSet<Window> = BTreeSet::new();
        for (_, columns) in series {
            for timestamps in [&columns.timestamps, &columns.histograms.timestamps] {
                let mut rest = timestamps.as_slice();
                while let Some(ts) = rest.first() {
                    let window = self.at(*ts);
                    rest = &rest[rest.partition_point(|ts| *ts <= window.range.end)..];
                    windows.insert(window);
                    if windows.len() > max {
                        return windows.into_iter().collect();
                    }
                }
            }
        }
        windows.into_iter().collect()
    }

    /// Doubles the longest span until the series lie in few enough windows. Returns whether that was
    /// needed.
    pub(super) fn widen_for(&mut self, series: &[(Labels, SeriesColumns)]) -> bool {
        let mut widened = false;
        while self.first(series, WINDOWS_MAX).len() > WINDOWS_MAX {
            let (longest, level) = self.spans.first().copied().unwrap_or((self.block_window, 0));
            let Some(double) = longest.checked_mul(2) else { return widened };
            self.spans.insert(0, (double, level));
            widened = true;
        }
        widened
    }
}

/// The window of a span in which an instant lies, cut off where 64 bits end.
fn window(ts: i64, span: i64) -> TimeRange {
    let start = i128::from(ts.div_euclid(span)) * i128::from(span);
    let end = start + i128::from(span) - 1;
    let clamp = |ts: i128| ts.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    TimeRange::new(clamp(start), clamp(end))
}

#[cfg(test)]
mod tests {
    //! How time is divided.

    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn windows() -> Windows {
        Windows::new(vec![2 * HOUR, 12 * HOUR, 168 * HOUR], 2 * HOUR, 200 * HOUR)
    }

    #[test]
    fn old_samples_lie_in_long_windows_and_young_ones_in_short() {
        let span = |hour: i64| {
            let window = windows().at(hour * HOUR);
            ((window.range.start / HOUR, (window.range.end + 1) / HOUR), window.level)
        };
        assert_eq!(span(3), ((0, 168), 2));
        assert_eq!(span(170), ((168, 180), 1));
        assert_eq!(span(193), ((192, 194), 0));
        assert_eq!(span(199), ((198, 200), 0));
        assert_eq!(span(500), ((500, 502), 0));
    }

    #[test]
    fn the_ends_of_time_have_windows() {
        for ts in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            assert!(windows().at(ts).range.contains(ts), "{ts}");
        }
    }

    #[test]
    fn samples_scattered_over_centuries_get_fewer_windows() {
        let mut columns = SeriesColumns::default();
        let first = -14_000 * 168 * HOUR;
        for week in 0..14_000 {
            columns.push(first + week * 168 * HOUR, 0, 0.0);
        }
        let series = [(Labels::from_pairs([("a", "b")]).unwrap(), columns)];
        let mut windows = windows();
        assert!(windows.widen_for(&series));
        let all = windows.of(&series);
        assert!(all.len() <= WINDOWS_MAX, "{}", all.len());
        assert!(all.is_sorted_by(|a, b| a.range.end < b.range.start));
    }
}
