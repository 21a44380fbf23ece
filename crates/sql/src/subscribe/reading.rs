//! Reading the storage for windows: at the beginning, after a resume, and where a state is doubtful.

use std::{num::NonZeroUsize, sync::Arc};

use timberline::{Database, ReadPoint};
use timberline_model::{Labels, Matcher, Selector, SeriesColumns, SeriesScan, TimeRange};

use super::{
    plan::{Plan, Windowed},
    windows::{ClosedWindows, Window, Windows},
};
use crate::SqlError;

/// Doubtful series of a window that are read one by one; more of them are read with all others.
const SINGLY_MAX: usize = 32;

/// A database and a plan to read it for.
pub(super) struct Reading<'a> {
    pub(super) database: &'a Database,
    pub(super) plan: &'a Plan,
    pub(super) spec: &'a Windowed,
}

impl Reading<'_> {
    /// Fills windows from an instant on, as the database was at a point; `None` when the point has passed.
    pub(super) fn fill(
        &self,
        point: ReadPoint,
        from: i64,
        windows: &mut Windows,
    ) -> Result<Option<()>, SqlError> {
        let selector = self.selector(from, i64::MAX);
        let Some(streams) = self.database.scan_at(point, &selector, NonZeroUsize::MIN)? else {
            return Ok(None);
        };
        each(streams, |labels, columns| windows.fill(labels, columns)).map(Some)
    }

    /// The newest instant of matching samples from an instant on, at a point; `None` when the point has
    /// passed.
    pub(super) fn newest(&self, point: ReadPoint, from: i64) -> Result<Option<i64>, SqlError> {
        let selector = self.selector(from, i64::MAX);
        let Some(streams) = self.database.scan_at(point, &selector, NonZeroUsize::MIN)? else {
            return Ok(None);
        };
        let mut newest = i64::MIN;
        each(streams, |labels, columns| {
            if self.plan.bind(labels).is_some()
                && let Some(last) = columns.timestamps.last()
            {
                newest = newest.max(*last);
            }
            Ok(())
        })?;
        Ok(Some(newest))
    }

    /// The windows from `start` up to `end` that have samples.
    pub(super) fn closed(&self, start: i64, end: i64) -> Result<ClosedWindows, SqlError> {
        let selector = self.selector(start, end - 1);
        let mut closed = ClosedWindows::default();
        let streams = self.database.scan_settled(&selector, NonZeroUsize::MIN)?;
        each(streams, |labels, columns| closed.add((self.plan, self.spec), labels, columns))?;
        Ok(closed)
    }

    /// Reads what is doubtful in a window.
    pub(super) fn settle(
        &self,
        start: i64,
        window: &mut Window,
        windows: &mut Windows,
    ) -> Result<(), SqlError> {
        let end = start.saturating_add(self.spec.width) - 1;
        let Some(doubtful) = window.doubtful_series(SINGLY_MAX) else {
            let streams =
                self.database.scan_settled(&self.selector(start, end), NonZeroUsize::MIN)?;
            each(streams, |labels, columns| {
                window.read_series(labels, columns, windows);
                Ok(())
            })?;
            window.all_read(self.database.duplicates());
            return Ok(());
        };
        for known in doubtful {
            let matchers =
                known.labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
            let selector = Selector { matchers, range: TimeRange::new(start, end) };
            let streams = self.database.scan_settled(&selector, NonZeroUsize::MIN)?;
            each(streams, |labels, columns| {
                if *labels == known.labels {
                    window.replace(&Arc::clone(&known), columns);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn selector(&self, start: i64, end: i64) -> Selector {
        Selector { matchers: self.plan.all_matchers(), range: TimeRange::new(start, end) }
    }
}

fn each(
    streams: Vec<Box<dyn SeriesScan>>,
    mut take: impl FnMut(&Labels, &SeriesColumns) -> Result<(), SqlError>,
) -> Result<(), SqlError> {
    let mut columns = SeriesColumns::default();
    for mut stream in streams {
        while let Some(labels) = stream.next(&mut columns)? {
            take(&labels, &columns)?;
        }
    }
    Ok(())
}
