//! `prometheus.ChunkedReadResponse`, a stream of them.
//!
//! Fields: `chunked_series = 1` with `labels = 1` and `chunks = 2`; `query_index = 2`. A chunk has
//! `min_time_ms = 1`, `max_time_ms = 2`, `type = 3` and `data = 4`. A series whose chunks take more than a
//! frame goes on in the next one, with its labels again.

use timberline_codec::xor::XorEncoder;
use timberline_model::{Labels, SeriesColumns};

use super::{
    frame::{FRAME_BYTES_MAX, put_frame},
    sampled::{last_of_each_milli, millis},
};
use crate::{
    prom_remote::labels::put_labels,
    protobuf::{put_bytes, put_int64, put_uint64},
};

/// Floats in a chunk, as Prometheus cuts its own.
pub const SAMPLES_PER_CHUNK: u16 = 120;

/// The type of a chunk of floats.
const XOR: u64 = 1;

/// Makes frames of series. Its memory is that of two frames.
#[derive(Debug)]
pub struct ChunkStream {
    frame_bytes_max: usize,
    labels: Vec<u8>,
    series: Vec<u8>,
    message: Vec<u8>,
    part: Vec<u8>,
}

impl Default for ChunkStream {
    fn default() -> Self {
        Self::new(FRAME_BYTES_MAX)
    }
}

impl ChunkStream {
    /// A stream whose frames end with the chunk that exceeds so many bytes, or before.
    #[must_use]
    pub const fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max,
            labels: Vec::new(),
            series: Vec::new(),
            message: Vec::new(),
            part: Vec::new(),
        }
    }

    /// Hands the frames of a series to `send`, one by one.
    ///
    /// # Errors
    /// What `send` returns; nothing is sent after that.
    pub fn push<E>(
        &mut self,
        query: usize,
        labels: &Labels,
        columns: &SeriesColumns,
        mut send: impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.labels.clear();
        put_labels(&mut self.labels, 1, labels);
        self.series.clear();
        let mut chunk = FloatChunk::default();
        for index in last_of_each_milli(&columns.timestamps) {
            if chunk.count == SAMPLES_PER_CHUNK {
                self.end_chunk(&mut chunk, query, &mut send)?;
            }
            chunk.push(millis(columns.timestamps[index]), columns.values[index]);
        }
        self.end_chunk(&mut chunk, query, &mut send)?;
        self.end_frame(query, &mut send)
    }

    fn end_chunk<E>(
        &mut self,
        chunk: &mut FloatChunk,
        query: usize,
        send: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if chunk.count == 0 {
            return Ok(());
        }
        let FloatChunk { encoder, min_ms, max_ms, .. } = std::mem::take(chunk);
        self.put_chunk(XOR, min_ms, max_ms, encoder.payload());
        if self.labels.len() + self.series.len() >= self.frame_bytes_max {
            self.end_frame(query, send)?;
        }
        Ok(())
    }

    fn put_chunk(&mut self, kind: u64, min_ms: i64, max_ms: i64, data: &[u8]) {
        let part = &mut self.part;
        part.clear();
        put_int64(part, 1, min_ms);
        put_int64(part, 2, max_ms);
        put_uint64(part, 3, kind);
        put_bytes(part, 4, data);
        put_bytes(&mut self.series, 2, part);
    }

    fn end_frame<E>(
        &mut self,
        query: usize,
        send: &mut impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.series.is_empty() {
            return Ok(());
        }
        let Self { labels, series, message, part, .. } = self;
        part.clear();
        part.extend_from_slice(labels);
        part.extend_from_slice(series);
        message.clear();
        put_bytes(message, 1, part);
        if query > 0 {
            put_uint64(message, 2, query as u64);
        }
        series.clear();
        let mut frame = Vec::with_capacity(message.len() + 16);
        put_frame(&mut frame, message);
        send(frame)
    }
}

/// A chunk of floats under way.
#[derive(Default)]
struct FloatChunk {
    encoder: XorEncoder,
    count: u16,
    min_ms: i64,
    max_ms: i64,
}

impl FloatChunk {
    fn push(&mut self, ms: i64, value: f64) {
        if self.count == 0 {
            self.min_ms = ms;
        }
        self.count += 1;
        self.max_ms = ms;
        self.encoder.append(ms, value);
    }
}
