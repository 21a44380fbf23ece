//! Frames of the log to batches of a tail.

use timberline_log::{LogError, LogReader, Record};
use timberline_model::LogOffset;

use super::TailBatch;

/// Reads and decodes frames.
#[derive(Debug, Default)]
pub(super) struct BatchDecoder {
    /// Frames that could not be read.
    damaged: u64,
}

impl BatchDecoder {
    /// The next batch with samples before `limit`. Damaged frames are stepped over, as a recovery does,
    /// and named once in the process's own log.
    pub(super) fn next(
        &mut self,
        reader: &mut LogReader,
        limit: LogOffset,
    ) -> Result<Option<TailBatch>, LogError> {
        loop {
            let frame = match reader.next_before(limit) {
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => frame,
                Err(error @ LogError::Damaged { .. }) => {
                    self.note(&error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut batch =
                TailBatch { offset: frame.offset, end: frame.end, ..TailBatch::default() };
            let TailBatch { series, timestamps, values, .. } = &mut batch;
            let decoded = Record::decode(&frame.payload)
                .and_then(|record| record.samples_into(series, timestamps, values));
            match decoded {
                Ok(()) if batch.is_empty() => {}
                Ok(()) => return Ok(Some(batch)),
                Err(error) => self.note(&error),
            }
        }
    }

    fn note(&mut self, error: &LogError) {
        self.damaged += 1;
        if self.damaged == 1 {
            tracing::error!(%error, "a frame of the log cannot be read; its tail goes on behind it");
        }
    }
}
