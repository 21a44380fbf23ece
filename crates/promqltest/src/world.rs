//! Where the series of a script are: in memory, or in a database half of which is in blocks.

use std::num::NonZeroUsize;

use tempfile::TempDir;
use timberline::{
    Database, Durability, HistogramSample, Options, Retention, SeriesSource, WriteBatch,
};
use timberline_promql::eval::memory::MemorySource;

use crate::{
    error::ScriptError,
    script::{Load, LoadedSample, LoadedSeries},
};

/// Bytes of a log segment: the least there is.
const SEGMENT_BYTES: u64 = 1 << 20;

/// Loaded series.
pub(crate) enum World {
    /// In memory.
    Memory(MemorySource),
    /// In a database.
    Stored(Stored),
}

/// A database in a directory that goes with it.
pub(crate) struct Stored {
    database: Database,
    _directory: TempDir,
}

impl World {
    /// A source in memory without any series.
    pub(crate) fn in_memory() -> Self {
        Self::Memory(MemorySource::default())
    }

    /// A database without any series.
    pub(crate) fn stored() -> Result<Self, ScriptError> {
        let directory = tempfile::tempdir()?;
        let options = Options {
            durability: Durability::Logged,
            segment_bytes: SEGMENT_BYTES,
            reserve_bytes: 0,
            retention: Retention::default(),
            background: false,
            ..Options::default()
        };
        let database = Database::open(directory.path(), options)?;
        Ok(Self::Stored(Stored { database, _directory: directory }))
    }

    /// What it is called.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Stored(_) => "database",
        }
    }

    pub(crate) fn source(&self) -> &dyn SeriesSource {
        match self {
            Self::Memory(source) => source,
            Self::Stored(stored) => &stored.database,
        }
    }

    /// How many threads scan it: results are put together from parts.
    pub(crate) const fn partitions() -> NonZeroUsize {
        NonZeroUsize::new(3).expect("three is not zero")
    }

    pub(crate) fn clear(&mut self) -> Result<(), ScriptError> {
        *self = match self {
            Self::Memory(_) => Self::in_memory(),
            Self::Stored(_) => Self::stored()?,
        };
        Ok(())
    }

    pub(crate) fn load(&mut self, load: &Load) -> Result<(), ScriptError> {
        match self {
            Self::Memory(source) => {
                load.series.iter().for_each(|series| push(source, series));
                Ok(())
            }
            Self::Stored(stored) => stored.load(load),
        }
    }
}

fn push(source: &mut MemorySource, series: &LoadedSeries) {
    for LoadedSample { ts, start, value, histogram } in &series.samples {
        match histogram {
            Some(histogram) => {
                source.push_histogram_since(&series.labels, *ts, *start, (**histogram).clone());
            }
            None => source.push_since(&series.labels, *ts, *start, *value),
        }
    }
}

impl Stored {
    /// Writes the older half of every series, moves it into blocks, and writes the rest.
    fn load(&self, load: &Load) -> Result<(), ScriptError> {
        self.write(load, |samples| &samples[..samples.len() / 2])?;
        self.database.flush()?;
        self.write(load, |samples| &samples[samples.len() / 2..])
    }

    fn write(
        &self,
        load: &Load,
        part: impl Fn(&[LoadedSample]) -> &[LoadedSample],
    ) -> Result<(), ScriptError> {
        let mut batch = WriteBatch::default();
        for series in &load.series {
            batch.push_labels(series.labels.clone());
            for LoadedSample { ts, start, value, histogram } in part(&series.samples) {
                let (ts, start) = (*ts, *start);
                match histogram {
                    Some(histogram) => {
                        let histogram = (**histogram).clone();
                        batch.push_histogram(HistogramSample { ts, start, histogram });
                    }
                    None => batch.push_sample_since(ts, start, *value),
                }
            }
        }
        let outcome = self.database.write(&batch)?;
        match outcome.rejections.first() {
            None => Ok(()),
            Some(first) => {
                let reason = format!("{first} ({} rejected)", outcome.samples_rejected);
                Err(ScriptError::Load { line: load.line, reason })
            }
        }
    }
}
