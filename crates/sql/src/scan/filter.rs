//! What a statement's conditions leave of the series and their time.

use std::{fmt, sync::Arc};

use arrow::array::{Array as _, AsArray as _};
use datafusion::{
    catalog::Session,
    common::DFSchema,
    error::{DataFusionError, Result},
    logical_expr::{Expr, utils::conjunction},
    physical_expr::PhysicalExpr,
};
use timberline_model::{Labels, METRIC_NAME, Matcher, Selector, TimeRange};

use super::series_row::SeriesRow;
use crate::{
    pushdown::{matchers_of, time_range_of},
    tables::{Layout, Source},
};

/// What is wanted of a table: a selection that storage understands, and what has to be asked of each series.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) selector: Selector,
    /// Conditions on a series' labels that the matchers do not say exactly.
    pub(crate) condition: Option<SeriesCondition>,
}

impl Wanted {
    /// Whether [`of`](Self::of) takes a condition, and then exactly: it is about time alone, or all
    /// samples of a series share its answer.
    pub(crate) fn takes(layout: &Layout, filter: &Expr) -> bool {
        time_range_of(layout, filter).is_some() || is_of_series(layout, filter)
    }

    /// What conditions that are [taken](Self::takes) leave.
    pub(crate) fn of(layout: &Layout, filters: &[Expr], state: &dyn Session) -> Result<Self> {
        let mut range = TimeRange::ALL;
        let mut matchers: Vec<Matcher> = Vec::new();
        matchers.extend(layout.metric().map(|name| Matcher::equal(METRIC_NAME, name)));
        let mut rest = Vec::new();
        for filter in filters {
            if let Some(span) = time_range_of(layout, filter) {
                range = TimeRange::new(range.start.max(span.start), range.end.min(span.end));
                continue;
            }
            let found = matchers_of(layout, filter);
            matchers.extend(found.matchers);
            if !found.is_exact {
                rest.push(filter.clone());
            }
        }
        let condition =
            conjunction(rest).map(|rest| SeriesCondition::new(layout, &rest, state)).transpose()?;
        Ok(Self { selector: Selector { matchers, range }, condition })
    }
}

impl Wanted {
    /// Writes what chooses series, as plans show it.
    pub(crate) fn fmt_series(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matchers: Vec<String> =
            self.selector.matchers.iter().map(ToString::to_string).collect();
        write!(f, "series={{{}}}", matchers.join(","))
    }
}

/// As plans show it.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_series(f)?;
        let range = self.selector.range;
        if range.start != i64::MIN {
            write!(f, ", from={}", range.start)?;
        }
        if range.end != i64::MAX {
            write!(f, ", to={}", range.end)?;
        }
        match &self.condition {
            Some(condition) => write!(f, ", by_series=[{condition}]"),
            None => Ok(()),
        }
    }
}

/// Whether a condition gives the same for all samples of a series, whenever it is asked.
fn is_of_series(layout: &Layout, filter: &Expr) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty()
        && !filter.is_volatile()
        && columns
            .iter()
            .all(|column| layout.source(&column.name).is_some_and(Source::is_of_series))
}

/// A condition that is evaluated once for each series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesCondition {
    row: SeriesRow,
    condition: Arc<dyn PhysicalExpr>,
}

impl SeriesCondition {
    fn new(layout: &Layout, condition: &Expr, state: &dyn Session) -> Result<Self> {
        let schema = DFSchema::try_from(Arc::clone(layout.schema()))?;
        // Columns may carry the name that a statement gave the table.
        let condition = datafusion::logical_expr::expr_rewriter::unnormalize_col(condition.clone());
        let condition = state.create_physical_expr(condition, &schema)?;
        let (row, mut conditions) =
            SeriesRow::of(layout.schema(), layout.sources(), vec![condition])?;
        let condition = conditions.pop().ok_or_else(|| {
            DataFusionError::Internal("a condition was lost while it was planned".to_owned())
        })?;
        Ok(Self { row, condition })
    }

    /// Whether a series passes. NULL is no.
    pub(crate) fn passes(&self, labels: &Labels) -> Result<bool> {
        let batch = self.row.batch(labels)?;
        let answer = self.condition.evaluate(&batch)?.into_array(1)?;
        let answer = answer
            .as_boolean_opt()
            .ok_or_else(|| DataFusionError::Plan(format!("{} is no condition", self.condition)))?;
        Ok(answer.is_valid(0) && answer.value(0))
    }
}

impl fmt::Display for SeriesCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)
    }
}
