//! `prometheus.ChunkedReadResponse`, a stream of them.
//!
//! Fields: `chunked_series = 1` with `labels = 1` and `chunks = 2`; `query_index = 2`. A chunk has
//! `min_time_ms = 1`, `max_time_ms = 2`, `type = 3` and `data = 4`. A series whose chunks take more than a
//! frame goes on in the next one, with its labels again.

use timberline_codec::prometheus::{self, Chunk};
use timberline_model::{Histogram, Labels, SeriesColumns};

use super::{
    frame::{FRAME_BYTES_MAX, put_frame},
    sampled::{last_of_each_milli, millis},
};
use crate::{
    prom_remote::labels::put_labels,
    protobuf::{put_bytes, put_int64, put_uint64},
};

/// Makes frames of series. Its memory is that of a few frames and of one series' samples.
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
        let mut runs = Runs::of(columns);
        let mut chunks = Vec::new();
        while runs.encode_next(&mut chunks) {
            for chunk in chunks.drain(..) {
                self.put_chunk(&chunk);
                if self.labels.len() + self.series.len() >= self.frame_bytes_max {
                    self.end_frame(query, &mut send)?;
                }
            }
        }
        self.end_frame(query, &mut send)
    }

    fn put_chunk(&mut self, chunk: &Chunk) {
        let part = &mut self.part;
        part.clear();
        put_int64(part, 1, chunk.min_ts);
        put_int64(part, 2, chunk.max_ts);
        put_uint64(part, 3, chunk.encoding.code().into());
        put_bytes(part, 4, &chunk.bytes);
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

/// The samples of a series as runs of one kind, floats or histograms, in the order of time: a chunk has
/// one kind, and the receiver takes chunks in their order.
struct Runs {
    floats: (Vec<i64>, Vec<f64>),
    histograms: (Vec<i64>, Vec<Histogram>),
    floats_done: usize,
    histograms_done: usize,
}

impl Runs {
    fn of(columns: &SeriesColumns) -> Self {
        let SeriesColumns { timestamps, values, histograms, .. } = columns;
        let floats = last_of_each_milli(timestamps).map(|at| (millis(timestamps[at]), values[at]));
        let times = &histograms.timestamps;
        let kept =
            last_of_each_milli(times).map(|at| (millis(times[at]), histograms.values[at].clone()));
        let (floats, histograms) = (floats.unzip(), kept.unzip());
        Self { floats, histograms, floats_done: 0, histograms_done: 0 }
    }

    /// Encodes the next run; `false` at the end.
    fn encode_next(&mut self, chunks: &mut Vec<Chunk>) -> bool {
        let floats = &self.floats.0[self.floats_done..];
        let histograms = &self.histograms.0[self.histograms_done..];
        match (floats.first(), histograms.first()) {
            (None, None) => false,
            (Some(float), first) if first.is_none_or(|first| float <= first) => {
                let len = first.map_or(floats.len(), |end| floats.partition_point(|ts| ts <= end));
                let run = self.floats_done..self.floats_done + len;
                self.floats_done = run.end;
                let (timestamps, values) = &self.floats;
                prometheus::encode_floats(&timestamps[run.clone()], &values[run], chunks);
                true
            }
            (first, _) => {
                let len =
                    first.map_or(histograms.len(), |end| histograms.partition_point(|ts| ts < end));
                let run = self.histograms_done..self.histograms_done + len;
                self.histograms_done = run.end;
                let (timestamps, values) = &self.histograms;
                prometheus::encode_histograms(&timestamps[run.clone()], &values[run], chunks);
                true
            }
        }
    }
}
