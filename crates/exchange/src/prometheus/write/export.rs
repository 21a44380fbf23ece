//! A database as Prometheus blocks, one for each window of time.

use std::{fs, path::Path};

use timberline::Database;
use timberline_io::{Clock, SystemClock};
use timberline_model::NANOS_PER_MILLI;
use ulid::Ulid;

use super::block::BlockExport;
use crate::{ExchangeError, ExportReport, Progress, Selection};

/// The span of a block: two hours, as Prometheus' own blocks have it.
const BLOCK_NANOS: i64 = 2 * 3_600 * 1_000_000_000;

/// Writes what is selected into a directory that is empty or does not exist.
pub(crate) fn export(
    database: &Database,
    selection: &Selection,
    dir: &Path,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    fs::create_dir_all(dir).map_err(ExchangeError::io("create", dir))?;
    let mut entries = fs::read_dir(dir).map_err(ExchangeError::io("list", dir))?;
    if entries.next().is_some() {
        let reason = "the directory is not empty; blocks are written into a new or empty one";
        return Err(ExchangeError::Path { path: dir.to_owned(), reason });
    }
    // promtool refuses a data directory that has none.
    let wal = dir.join("wal");
    fs::create_dir(&wal).map_err(ExchangeError::io("create", &wal))?;
    let windows = selection.windows(database, BLOCK_NANOS)?;
    let now_ms = u64::try_from(SystemClock.now() / NANOS_PER_MILLI).unwrap_or(0);
    let mut report = ExportReport::default();
    let (mut dropped, mut starts) = (0, 0);
    for (index, window) in windows.iter().enumerate() {
        let mut block = BlockExport::create(dir, Ulid::from_parts(now_ms, index as u128 + 1))?;
        selection.for_each(database, *window, |labels, columns| {
            starts += columns.starts.iter().filter(|start| **start != 0).count();
            let progress = Progress {
                done: index as u64,
                total: windows.len() as u64,
                samples: report.samples + block.samples,
            };
            shown(progress);
            block.push(labels, columns)
        })?;
        report.samples += block.samples;
        report.series += block.series_count() as u64;
        dropped += block.dropped;
        report.blocks += u64::from(block.finish()?);
    }
    if dropped > 0 {
        report.notes.push(format!(
            "{dropped} samples share a millisecond with a later one of their series and were left \
             out: Prometheus' times are milliseconds"
        ));
    }
    if starts > 0 {
        report.notes.push(format!("{starts} start timestamps were left out: blocks have none"));
    }
    Ok(report)
}
