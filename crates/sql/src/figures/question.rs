//! An aggregation that figures answer.

use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;
use timberline_model::{Cuts, PageUse, ValueSpan};

use super::{bucket::Buckets, groups::Keys, spread::Spread};

/// One column of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Count,
    Sum,
    Mean,
    Spread(Spread),
    Min,
    Max,
    First,
    Last,
    FirstTime,
    LastTime,
}

/// What a group's column is.
#[derive(Clone, Debug)]
pub(super) enum GroupColumn {
    /// One of the keys.
    Key(usize),
    /// The bucket: an expression over the time, as its only column.
    Bucket(Arc<dyn PhysicalExpr>),
}

/// An aggregation that figures answer.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) keys: Keys,
    pub(super) buckets: Option<Buckets>,
    /// The values that count, if not all do.
    pub(super) values: Option<ValueSpan>,
    pub(super) groups: Vec<GroupColumn>,
    pub(super) figures: Vec<Figure>,
}

impl Question {
    /// Whether it asks for what no page has figures of.
    pub(super) fn needs_floats(&self) -> bool {
        self.figures.iter().any(|figure| matches!(figure, Figure::Spread(_)))
    }

    /// Whether totals answer it: what it asks for is of all series together, and of all their values.
    pub(super) fn is_of_totals(&self) -> bool {
        let has_total =
            |figure: &Figure| !matches!(figure, Figure::Spread(_) | Figure::First | Figure::Last);
        self.keys.count() == 0 && self.values.is_none() && self.figures.iter().all(has_total)
    }

    /// Where its buckets end.
    pub(super) fn cuts(&self) -> Cuts {
        self.buckets.map_or_else(Cuts::none, |of| Cuts::buckets(of.origin, of.width))
    }

    /// The pages whose figures are enough; `None` if none are.
    pub(super) fn pages(&self) -> Option<PageUse> {
        if self.needs_floats() {
            return None;
        }
        let cuts = self.cuts();
        // Figures do not say which values are NaN: such pages are decoded.
        let values = Some(self.values.unwrap_or(ValueSpan::ALL));
        Some(PageUse { cuts, values, ..PageUse::default() })
    }
}
