//! Finding the table of a name.

use std::{num::NonZeroUsize, sync::Arc};

use datafusion::error::{DataFusionError, Result};
use timberline::Database;
use timberline_model::{
    Cuts, LabelQuery, METRIC_NAME, Matcher, PageUse, ScanError, Selector, SeriesColumns,
    SeriesSource as _, TimeRange,
};

use super::{Layout, SeriesTable, WHOLE};

/// Of so many series of a metric one has to have native histograms for the table to have their columns.
const PROBED_SERIES_MAX: usize = 16;

/// The table over all series, or that of a metric; `None` if there is no such metric.
pub(crate) async fn series_table(
    database: &Arc<Database>,
    name: &str,
) -> Result<Option<Arc<SeriesTable>>> {
    if name == WHOLE {
        let table = SeriesTable::new(Arc::clone(database), Layout::whole());
        return Ok(Some(Arc::new(table)));
    }
    let (of, name) = (Arc::clone(database), name.to_owned());
    let work = tokio::task::spawn_blocking(move || layout_of(&of, &name));
    let layout = work.await.map_err(|error| DataFusionError::External(Box::new(error)))?;
    let layout = layout.map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok(layout.map(|layout| Arc::new(SeriesTable::new(Arc::clone(database), layout))))
}

/// Whether there is a table of series of this name.
pub(crate) fn exists(database: &Database, name: &str) -> bool {
    name == WHOLE
        || database
            .label_values(METRIC_NAME, &LabelQuery { limit: 1, ..of_metric(name) })
            .is_ok_and(|found| !found.is_empty())
}

/// The names of all metrics, sorted.
pub(crate) fn metric_names(database: &Database) -> Result<Vec<String>, ScanError> {
    database.label_values(METRIC_NAME, &LabelQuery::default())
}

fn of_metric(name: &str) -> LabelQuery {
    LabelQuery { selectors: vec![vec![Matcher::equal(METRIC_NAME, name)]], ..LabelQuery::default() }
}

fn layout_of(database: &Database, name: &str) -> Result<Option<Layout>, ScanError> {
    if name.is_empty() {
        return Ok(None);
    }
    let labels = database.label_names(&of_metric(name))?;
    if labels.is_empty() {
        return Ok(None);
    }
    let has_histograms = has_histograms(database, name)?;
    Ok(Some(Layout::of_metric(name, &labels, has_histograms)))
}

/// Looks at a few series, and only where the database has any native histogram.
fn has_histograms(database: &Database, name: &str) -> Result<bool, ScanError> {
    let in_blocks = database
        .blocks()
        .iter()
        .any(|block| block.details.is_none_or(|details| details.histograms > 0));
    if !in_blocks && database.stats().head_histograms == 0 {
        return Ok(false);
    }
    let selector =
        Selector { matchers: vec![Matcher::equal(METRIC_NAME, name)], range: TimeRange::ALL };
    // Without cuts, nearly all floats come as figures, and cost nothing.
    let wanted = PageUse { cuts: Cuts::none(), ..PageUse::default() };
    let mut columns = SeriesColumns::default();
    for mut scan in database.scan(&selector, NonZeroUsize::MIN)? {
        scan.take_figures(&wanted);
        for _ in 0..PROBED_SERIES_MAX {
            if scan.next(&mut columns)?.is_none() {
                break;
            }
            if !columns.histograms.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
