//! Windows over floats of which storage has left out whole pages and handed out their figures.
//!
//! Only functions are asked so whose value comes out the same to the last bit: counts, extremes, the ends
//! of a window, and sums and means of integers.

use timberline_model::{Cuts, PageFigures, PageUse, SeriesColumns};

use super::{
    column::StepColumn,
    compensated::Mean,
    lanes::Lanes,
    leaf::{Leaf, Source},
    steps::{Sight, Windows, first_after},
    window::{PlainFunction, WindowFunction},
};
use crate::ast::RangeExtension;

/// Windows that overlap more often than this are slid over, float by float, for less.
const OVERLAP_MAX: i64 = 4;
/// Floats and pages between two looks at whether the query may go on.
const BETWEEN_CHECKS: usize = 1 << 18;

/// Which pages a leaf needs no floats of; `None` where it needs all floats.
pub(super) fn wanted(leaf: &Leaf<'_>) -> Option<PageUse> {
    let Source::Window { function: WindowFunction::Plain(function), range } = &leaf.source else {
        return None;
    };
    let is_sum = matches!(function, PlainFunction::Sum | PlainFunction::Avg);
    let is_known = is_sum
        || matches!(
            function,
            PlainFunction::Count
                | PlainFunction::Present
                | PlainFunction::Min
                | PlainFunction::Max
                | PlainFunction::First
                | PlainFunction::Last
        );
    if !is_known || leaf.selector.extension != RangeExtension::None {
        return None;
    }
    let Sight { steps, fixed, .. } = leaf.sight;
    let (step, count) = if fixed.is_some() { (0, 1) } else { (steps.step, steps.count()) };
    // What all windows have in common is read once for each.
    let span = leaf.sight.last().saturating_sub(leaf.sight.first());
    let is_sparse = step.saturating_mul(OVERLAP_MAX) >= *range;
    let is_mostly_common = span.saturating_mul(2 * OVERLAP_MAX) <= *range;
    if count > 1 && !is_sparse && !is_mostly_common {
        return None;
    }
    let cuts = Cuts::windows(leaf.sight.first(), step, count as u64, *range);
    Some(PageUse { cuts, exact_sums: is_sum, ..PageUse::default() })
}

/// Evaluates all steps of one series, whose columns have figures of pages.
pub(super) fn apply(
    function: PlainFunction,
    columns: &SeriesColumns,
    windows: Windows<'_>,
    out: &mut StepColumn,
) {
    let (timestamps, pages) = (&columns.timestamps, &columns.pages);
    let (mut low, mut high, mut first_page, mut end_page, mut seen) = (0, 0, 0, 0, 0);
    let mut lanes = match function {
        PlainFunction::Avg => Some(Lanes::means()),
        PlainFunction::Sum => Some(Lanes::sums()),
        _ => None,
    };
    for step in 0..windows.sight.steps.count() {
        let end = windows.sight.at(step);
        let start = end.saturating_sub(windows.range);
        high = first_after(timestamps, high, end);
        low = first_after(&timestamps[..high], low, start);
        while end_page < pages.len() && pages[end_page].range.end <= end {
            end_page += 1;
        }
        while first_page < end_page && pages[first_page].range.start <= start {
            first_page += 1;
        }
        if low == high && first_page == end_page {
            continue;
        }
        seen += high - low + end_page - first_page;
        if seen > BETWEEN_CHECKS {
            seen = 0;
            if windows.budget.check().is_err() {
                return;
            }
        }
        let window = Window {
            timestamps: &timestamps[low..high],
            values: &columns.values[low..high],
            pages: &pages[first_page..end_page],
        };
        match &mut lanes {
            Some(lanes) if window.pages.is_empty() => lanes.push(step, window.values, out),
            _ => out.set(step, window.value(function)),
        }
    }
    if let Some(mut lanes) = lanes {
        lanes.finish(out);
    }
}

/// What lies in one window; it is not empty.
#[derive(Clone, Copy)]
struct Window<'a> {
    timestamps: &'a [i64],
    values: &'a [f64],
    pages: &'a [PageFigures],
}

/// A part of a window.
#[derive(Clone, Copy)]
enum Part<'a> {
    Floats(&'a [f64]),
    Page(&'a PageFigures),
}

impl<'a> Window<'a> {
    fn value(self, function: PlainFunction) -> f64 {
        match function {
            PlainFunction::Present => 1.0,
            PlainFunction::Count => {
                let of_pages: usize = self.pages.iter().map(|page| page.count).sum();
                (self.values.len() + of_pages) as f64
            }
            PlainFunction::Min => self.extreme(|page| page.min, |value, low| value < low),
            PlainFunction::Max => self.extreme(|page| page.max, |value, top| value > top),
            PlainFunction::First => match (self.timestamps.first(), self.pages.first()) {
                (Some(ts), Some(page)) if *ts > page.range.start => page.first,
                (None, Some(page)) => page.first,
                _ => self.values[0],
            },
            PlainFunction::Last => match (self.timestamps.last(), self.pages.last()) {
                (Some(ts), Some(page)) if *ts < page.range.end => page.last,
                (None, Some(page)) => page.last,
                _ => self.values[self.values.len() - 1],
            },
            PlainFunction::Sum => self.mean().sum(),
            PlainFunction::Avg => self.mean().value(),
            _ => unreachable!("figures are asked for by `wanted` only"),
        }
    }

    fn extreme(self, of: impl Fn(&PageFigures) -> f64, beats: impl Fn(f64, f64) -> bool) -> f64 {
        let mut best = None;
        let mut see = |value: f64| match best {
            Some(before) if !(beats(value, before) || f64::is_nan(before)) => {}
            _ => best = Some(value),
        };
        self.in_order(|part| match part {
            Part::Floats(values) => values.iter().for_each(|value| see(*value)),
            Part::Page(page) => see(of(page)),
        });
        best.unwrap_or(f64::NAN)
    }

    fn mean(self) -> Mean {
        let mut mean = Mean::default();
        self.in_order(|part| match part {
            Part::Floats(values) => values.iter().for_each(|value| mean.add(*value)),
            Part::Page(page) => mean.merge(Mean::of(page.sum, page.compensation, page.count)),
        });
        mean
    }

    fn in_order(self, mut visit: impl FnMut(Part<'a>)) {
        let mut done = 0;
        for page in self.pages {
            let rest = &self.timestamps[done..];
            let before = rest.partition_point(|ts| *ts < page.range.start);
            visit(Part::Floats(&self.values[done..done + before]));
            visit(Part::Page(page));
            done += before;
        }
        visit(Part::Floats(&self.values[done..]));
    }
}
