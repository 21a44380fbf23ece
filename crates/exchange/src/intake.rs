//! Where importers hand over what they have read.

use timberline::{
    BulkImport, Database, Exemplar, FamilyMetadata, ImportOptions, Labels, Rejection,
    SeriesColumns, WriteBatch,
};
use timberline_model::{SeriesKey, limits};

use crate::ExchangeError;

/// Exemplars, and entries of metadata, that are gathered before they are written; and exemplars that are
/// left in the head.
const BATCH_MAX: usize = 8_000;
// All of them may be of one series, and a batch comes on top of fewer than a batch.
const _: () = assert!(2 * BATCH_MAX <= limits::EXEMPLARS_PER_SERIES_MAX);

/// How far an import or an export has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Work done, in the unit of `total`: bytes of files read, or windows of time written.
    pub done: u64,
    /// All work; 0 if it is not known.
    pub total: u64,
    /// Samples so far.
    pub samples: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Samples, floats and histograms, that the files held and the database took.
    pub samples_taken: u64,
    /// Samples that are now in blocks: those taken, without repeats.
    pub samples_written: u64,
    /// Samples that the database refused.
    pub samples_rejected: u64,
    /// Exemplars written.
    pub exemplars_written: u64,
    /// Exemplars refused.
    pub exemplars_rejected: u64,
    /// Metric families of which metadata was handed over.
    pub metadata_entries: u64,
    /// Blocks that were made.
    pub blocks: u64,
    /// The first rejections.
    pub rejections: Vec<Rejection>,
    /// What else the caller should know, in words.
    pub notes: Vec<String>,
}

/// An import under way.
pub(crate) struct Intake<'a> {
    database: &'a Database,
    import: BulkImport,
    batch: WriteBatch<'static>,
    /// Exemplars written since the last flush.
    exemplars_in_head: usize,
    report: ImportReport,
    progress: Progress,
    /// Work of files that are done with.
    base: u64,
    shown: &'a mut dyn FnMut(Progress),
}

impl<'a> Intake<'a> {
    pub(crate) fn begin(
        database: &'a Database,
        options: ImportOptions,
        total: u64,
        shown: &'a mut dyn FnMut(Progress),
    ) -> Result<Self, ExchangeError> {
        Ok(Self {
            database,
            import: database.begin_import(options)?,
            batch: WriteBatch::default(),
            exemplars_in_head: 0,
            report: ImportReport::default(),
            progress: Progress { total, ..Progress::default() },
            base: 0,
            shown,
        })
    }

    /// Takes samples; the columns are empty afterwards.
    pub(crate) fn push(
        &mut self,
        labels: &Labels,
        columns: &mut SeriesColumns,
    ) -> Result<(), ExchangeError> {
        self.progress.samples += columns.sample_count() as u64;
        Ok(self.import.push(labels, columns)?)
    }

    pub(crate) fn push_exemplar(
        &mut self,
        labels: &Labels,
        exemplar: Exemplar,
    ) -> Result<(), ExchangeError> {
        self.batch.push_labels(labels.clone());
        self.batch.push_exemplar(exemplar);
        if self.batch.exemplars().len() >= BATCH_MAX { self.write_batch() } else { Ok(()) }
    }

    pub(crate) fn push_metadata(&mut self, metadata: FamilyMetadata) -> Result<(), ExchangeError> {
        self.report.metadata_entries += 1;
        self.batch.push_metadata(metadata);
        if self.batch.metadata().len() >= BATCH_MAX { self.write_batch() } else { Ok(()) }
    }

    /// Adds something that the caller should know.
    pub(crate) fn note(&mut self, note: String) {
        if self.report.notes.len() < limits::REJECTIONS_NAMED_MAX {
            self.report.notes.push(note);
        }
    }

    /// Says how much of the file at hand is done.
    pub(crate) fn advance_to(&mut self, done: u64) {
        self.progress.done = self.base + done;
        (self.shown)(self.progress);
    }

    /// Says that the file at hand, of so many bytes, is done.
    pub(crate) fn end_file(&mut self, bytes: u64) {
        self.base += bytes;
        self.advance_to(0);
    }

    /// Writes what is left of exemplars and metadata, then publishes the samples: after an error, none are
    /// visible.
    pub(crate) fn finish(mut self) -> Result<ImportReport, ExchangeError> {
        self.write_batch()?;
        let outcome = self.import.finish()?;
        self.report.samples_taken = outcome.samples_taken;
        self.report.samples_written = outcome.samples_written;
        self.report.samples_rejected += outcome.samples_rejected;
        self.report.blocks = outcome.blocks.len() as u64;
        self.report.rejections = outcome.rejections;
        Ok(self.report)
    }

    fn write_batch(&mut self) -> Result<(), ExchangeError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let outcome = self.database.write(&batch)?;
        self.report.exemplars_written += outcome.exemplars_written;
        self.report.exemplars_rejected += outcome.exemplars_rejected;
        for Rejection { series_index, reason, .. } in outcome.rejections {
            let series = batch.series().get(series_index).map(|series| &series.key);
            self.note(match series {
                Some(SeriesKey::Labels(labels)) => format!("rejected: {labels}: {reason}"),
                _ => format!("rejected: {reason}"),
            });
        }
        // The head takes so many of a series only, and nothing else flushes it here.
        self.exemplars_in_head += batch.exemplars().len();
        if self.exemplars_in_head >= BATCH_MAX {
            self.database.flush()?;
            self.exemplars_in_head = 0;
        }
        Ok(())
    }
}
