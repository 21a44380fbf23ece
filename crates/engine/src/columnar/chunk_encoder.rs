//! Columns into chunks: how a flush encodes what the head held.

use timberline_block::{BlockError, BlockWriter};
use timberline_codec::{chunk, xor::XorEncoder};
use timberline_model::TimeUnit;

/// Encodes chunks one after the other into one reused buffer.
#[derive(Debug, Default)]
pub(crate) struct ChunkEncoder {
    bytes: Vec<u8>,
}

impl ChunkEncoder {
    /// Adds the samples to the series that the block's writer is at, in as few chunks as possible.
    pub(crate) fn push_all(
        &mut self,
        timestamps: &[i64],
        values: &[f64],
        writer: &mut BlockWriter,
    ) -> Result<(), BlockError> {
        let max = chunk::SAMPLES_MAX;
        for (timestamps, values) in timestamps.chunks(max).zip(values.chunks(max)) {
            let bytes = self.encode(timestamps, values);
            let (first, last) = (timestamps[0], timestamps[timestamps.len() - 1]);
            writer.push_chunk(bytes, timestamps.len() as u32, first, last)?;
        }
        Ok(())
    }

    /// The chunk of at most [`chunk::SAMPLES_MAX`] samples, in the coarsest unit that holds them.
    fn encode(&mut self, timestamps: &[i64], values: &[f64]) -> &[u8] {
        let unit = timestamps.iter().map(|ts| TimeUnit::of(*ts)).max().unwrap_or(TimeUnit::Milli);
        let mut encoder = XorEncoder::new();
        for (ts, value) in timestamps.iter().zip(values) {
            encoder.append(ts / unit.nanos(), *value);
        }
        self.bytes.clear();
        chunk::seal_into(unit as u8, &encoder, &mut self.bytes);
        &self.bytes
    }
}
