//! Numbers about an engine, for people and for metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use timberline_log::LogStats;
use timberline_model::WriteOutcome;

use super::{FlushOutcome, engine::Inner, head::HeadStats};
use crate::EngineError;

/// The state of an engine in numbers.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EngineStats {
    /// Series known.
    pub series: u64,
    /// Series that have left the head since the start because they were written no more.
    pub series_retired: u64,
    /// Samples in the head that are not in blocks yet.
    pub head_samples: u64,
    /// Those of them that are native histograms.
    pub head_histograms: u64,
    /// Exemplars in the head that are not in blocks yet.
    pub head_exemplars: u64,
    /// Metric families of which there is metadata.
    pub metadata_families: u64,
    /// Chunks of the head.
    pub head_chunks: u64,
    /// Bytes of memory that the head's samples take, about.
    pub head_sample_bytes: u64,
    /// Bytes of memory that the labels of all series take, about.
    pub head_label_bytes: u64,
    /// Blocks that can be read.
    pub blocks: u64,
    /// Blocks that cannot.
    pub blocks_set_aside: u64,
    /// Samples in blocks.
    pub block_samples: u64,
    /// Bytes of all blocks.
    pub block_bytes: u64,
    /// First instant in head or blocks, nanoseconds.
    pub min_ts: Option<i64>,
    /// Last instant in head or blocks, nanoseconds.
    pub max_ts: Option<i64>,
    /// The log's own numbers.
    pub log: LogStats,
    /// Float samples written since opening.
    pub samples_written: u64,
    /// Native histograms written since opening.
    pub histograms_written: u64,
    /// Exemplars written since opening.
    pub exemplars_written: u64,
    /// Exemplars rejected since opening.
    pub exemplars_rejected: u64,
    /// Samples, floats and histograms, rejected since opening.
    pub samples_rejected: u64,
    /// Batches refused as a whole since opening.
    pub writes_failed: u64,
    /// Flushes since opening.
    pub flushes: u64,
    /// Flushes that failed since opening.
    pub flush_failures: u64,
    /// When the last flush ended, nanoseconds.
    pub last_flush: Option<i64>,
    /// Why the last flush failed, if it did.
    pub last_flush_error: Option<String>,
    /// Compactions since opening.
    pub compactions: u64,
    /// Why the last compaction, or removal of old blocks, failed, if it did; or what a thread of the
    /// engine's own panicked with.
    pub last_maintenance_error: Option<String>,
    /// Things found unreadable when the directory was opened.
    pub damaged: u64,
}

impl EngineStats {
    pub(super) fn of(inner: &Inner) -> Self {
        let HeadStats {
            series,
            samples,
            histograms,
            exemplars,
            chunks,
            sample_bytes,
            label_bytes,
            min_ts,
            max_ts,
            ..
        } = inner.head.stats();
        let view = inner.view();
        let entries = &view.manifest.blocks;
        let counters = &inner.counters;
        let last_flush = counters.last_flush.load(Ordering::Relaxed);
        Self {
            series,
            series_retired: counters.series_retired.load(Ordering::Relaxed),
            head_samples: samples,
            head_histograms: histograms,
            head_exemplars: exemplars,
            metadata_families: inner.families.count(),
            head_chunks: chunks,
            head_sample_bytes: sample_bytes,
            head_label_bytes: label_bytes,
            blocks: view.blocks.len() as u64,
            blocks_set_aside: view.set_aside.len() as u64,
            block_samples: entries.iter().map(|block| block.samples).sum(),
            block_bytes: entries.iter().map(|block| block.bytes).sum(),
            min_ts: entries.iter().map(|block| block.min_ts).chain(min_ts).min(),
            max_ts: entries.iter().map(|block| block.max_ts).chain(max_ts).max(),
            log: inner.log.stats(),
            samples_written: counters.samples_written.load(Ordering::Relaxed),
            histograms_written: counters.histograms_written.load(Ordering::Relaxed),
            exemplars_written: counters.exemplars_written.load(Ordering::Relaxed),
            exemplars_rejected: counters.exemplars_rejected.load(Ordering::Relaxed),
            samples_rejected: counters.samples_rejected.load(Ordering::Relaxed),
            writes_failed: counters.writes_failed.load(Ordering::Relaxed),
            flushes: counters.flushes.load(Ordering::Relaxed),
            flush_failures: counters.flush_failures.load(Ordering::Relaxed),
            last_flush: (last_flush != i64::MIN).then_some(last_flush),
            last_flush_error: counters.last_flush_error.lock().clone(),
            compactions: counters.compactions.load(Ordering::Relaxed),
            last_maintenance_error: counters.last_maintenance_error.lock().clone(),
            damaged: inner.damage.len() as u64,
        }
    }
}

/// What is counted while the engine runs.
#[derive(Debug)]
pub(super) struct Counters {
    samples_written: AtomicU64,
    histograms_written: AtomicU64,
    exemplars_written: AtomicU64,
    exemplars_rejected: AtomicU64,
    samples_rejected: AtomicU64,
    writes_failed: AtomicU64,
    flushes: AtomicU64,
    flush_failures: AtomicU64,
    /// `i64::MIN` before the first.
    last_flush: AtomicI64,
    last_flush_error: Mutex<Option<String>>,
    compactions: AtomicU64,
    last_maintenance_error: Mutex<Option<String>>,
    series_retired: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            samples_written: AtomicU64::new(0),
            histograms_written: AtomicU64::new(0),
            exemplars_written: AtomicU64::new(0),
            exemplars_rejected: AtomicU64::new(0),
            samples_rejected: AtomicU64::new(0),
            writes_failed: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            flush_failures: AtomicU64::new(0),
            last_flush: AtomicI64::new(i64::MIN),
            last_flush_error: Mutex::new(None),
            compactions: AtomicU64::new(0),
            last_maintenance_error: Mutex::new(None),
            series_retired: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub(super) fn count_compaction(&self) {
        self.compactions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_retired(&self, series: u64) {
        self.series_retired.fetch_add(series, Ordering::Relaxed);
    }

    /// Notes how a round of maintenance ended.
    pub(super) fn note_maintenance(&self, error: Option<String>) {
        *self.last_maintenance_error.lock() = error;
    }

    pub(super) fn count_write(&self, outcome: &Result<WriteOutcome, EngineError>) {
        match outcome {
            Ok(outcome) => {
                self.samples_written.fetch_add(outcome.samples_written, Ordering::Relaxed);
                self.histograms_written.fetch_add(outcome.histograms_written, Ordering::Relaxed);
                self.exemplars_written.fetch_add(outcome.exemplars_written, Ordering::Relaxed);
                self.exemplars_rejected.fetch_add(outcome.exemplars_rejected, Ordering::Relaxed);
                self.samples_rejected.fetch_add(outcome.samples_rejected, Ordering::Relaxed);
            }
            Err(_) => {
                self.writes_failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn count_flush(&self, result: &Result<FlushOutcome, EngineError>, now: i64) {
        match result {
            Ok(_) => {
                self.flushes.fetch_add(1, Ordering::Relaxed);
                self.last_flush.store(now, Ordering::Relaxed);
                *self.last_flush_error.lock() = None;
            }
            Err(error) => {
                self.flush_failures.fetch_add(1, Ordering::Relaxed);
                *self.last_flush_error.lock() = Some(error.to_string());
            }
        }
    }
}
