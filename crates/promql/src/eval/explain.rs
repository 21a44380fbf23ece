//! What each part of a query did: the plan that an asker sees.
//!
//! One thread walks the expression, and the journal grows with it; the threads of a scan tell what they
//! read through the budget, which the walk looks at before and after.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use timberline_model::TimeRange;

use super::{evaluator::Evaluator, query::QueryStats, steps::Steps};
use crate::ast::Span;

/// One part of a query, and what it took.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PlanNode {
    /// The part, as it was written where the text is known.
    pub expression: String,
    /// What was done: `scan`, `aggregate`, `call`, `binary`, ...
    pub operation: &'static str,
    /// At how many steps it was evaluated.
    pub steps: u64,
    /// Series of its result; of a scan those that were read.
    pub series: u64,
    /// Time from its begin to its end, that of its children included.
    pub elapsed: Duration,
    /// What was read, if this is a scan.
    pub scan: Option<ScanNode>,
    /// What it was made of, in the order of evaluation.
    pub children: Vec<PlanNode>,
}

/// What a scan read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ScanNode {
    /// Times that were asked for, both ends included, in nanoseconds.
    pub range: TimeRange,
    /// Streams that ran side by side.
    pub streams: usize,
    /// Series, samples and pages of this scan.
    pub read: QueryStats,
    /// Whether figures of pages would do where windows cover them.
    pub takes_figures: bool,
}

/// The plan as it grows: the parts that have begun, the outermost first.
#[derive(Debug)]
pub(super) struct Journal {
    open: Mutex<Vec<(PlanNode, Instant)>>,
}

impl Journal {
    pub(super) fn new(root: PlanNode) -> Self {
        Self { open: Mutex::new(vec![(root, Instant::now())]) }
    }

    /// A part begins.
    pub(super) fn enter(&self, node: PlanNode) {
        self.lock().push((node, Instant::now()));
    }

    /// The part that began last has ended, with so many series.
    pub(super) fn leave(&self, series: u64) {
        let mut open = self.lock();
        let Some((mut node, begun)) = open.pop() else { return };
        node.elapsed = begun.elapsed();
        if node.scan.is_none() {
            node.series = series;
        }
        if let Some((parent, _)) = open.last_mut() {
            parent.children.push(node);
        }
    }

    /// The scan that began last has read this.
    pub(super) fn leave_scan(&self, scan: ScanNode) {
        if let Some((node, _)) = self.lock().last_mut() {
            node.series = scan.read.series;
            node.scan = Some(scan);
        }
        self.leave(0);
    }

    /// The whole plan. Parts that have not ended are those of a query that failed, which has none.
    pub(super) fn into_plan(self) -> Option<PlanNode> {
        let open = self.open.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut root, begun) = open.into_iter().next()?;
        root.elapsed = begun.elapsed();
        Some(root)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(PlanNode, Instant)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Evaluator<'_> {
    pub(super) fn plan_node(&self, place: Span, operation: &'static str, steps: Steps) -> PlanNode {
        let written = self.query.text.and_then(|text| text.get(place.start..place.end));
        let expression = written.unwrap_or_default().to_owned();
        PlanNode { expression, operation, steps: steps.count() as u64, ..PlanNode::default() }
    }

    /// A scan begins; gives what was read before it.
    pub(super) fn begin_scan(&self, place: Span, steps: Steps) -> QueryStats {
        if let Some(journal) = &self.journal {
            journal.enter(self.plan_node(place, "scan", steps));
        }
        self.budget.stats()
    }

    /// The scan that began last has ended.
    pub(super) fn end_scan(
        &self,
        before: QueryStats,
        range: TimeRange,
        streams: usize,
        takes_figures: bool,
    ) {
        if let Some(journal) = &self.journal {
            let read = between(before, self.budget.stats());
            journal.leave_scan(ScanNode { range, streams, read, takes_figures });
        }
    }
}

/// What lies between two looks at the account.
fn between(before: QueryStats, after: QueryStats) -> QueryStats {
    let mut read = QueryStats {
        series: after.series - before.series,
        samples: after.samples - before.samples,
        ..QueryStats::default()
    };
    read.pages.decoded = after.pages.decoded - before.pages.decoded;
    read.pages.skipped = after.pages.skipped - before.pages.skipped;
    read
}
