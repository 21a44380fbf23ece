//! `POST /api/v1/read`: remote read, as samples in one message or as a stream of chunks.
//!
//! A stream is read by one thread and encoded by another. Its memory is that of a few series and a few
//! frames: whoever reads slowly holds up the scan, and whoever goes away ends it. The time that a stream waits for its reader does not count against the
//! query's timeout; how long it may wait is `http.stall_timeout`.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as blocking,
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::Frame;
use timberline::{Database, ScanError, Selector, SeriesColumns, SeriesSource as _};
use timberline_model::{ErrorKind, Labels};
use timberline_promql::REGEX_COUNT_MAX;
use timberline_protocol::{
    ProtocolError,
    prom_read::{
        CONTENT_TYPE_CHUNKS, CONTENT_TYPE_SAMPLED, ChunkStream, ReadLimits, ReadRequest,
        ResponseType, SampledResponse, decode_request,
    },
    prom_remote,
};
use tokio::sync::{mpsc, oneshot};

use super::{ask::CancelOnDrop, body::read_form, state::App};
use crate::{
    error::{ApiError, Subject},
    net::Client,
    telemetry::Metrics,
};

/// Frames made and not yet taken by the connection.
const FRAMES_AHEAD: usize = 2;
/// Series read and not yet encoded.
const SERIES_AHEAD: usize = 2;
/// Queries of one request.
const QUERIES_MAX: usize = 64;
/// Matchers of one request.
const MATCHERS_MAX: usize = 4_096;

/// `POST /api/v1/read`.
pub(super) async fn read(app: App, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.extensions);
    check_encoding(head.headers.get(header::CONTENT_ENCODING))?;
    let body = read_form(app, body).await?;
    let database = app.database()?;
    let place = app.admit_query(client).await?;
    let canceled = Arc::new(AtomicBool::new(false));
    let mut guard = CancelOnDrop::new(app, &canceled);
    let (start, started) = oneshot::channel();
    let reading = Reading::new(app, database, canceled);
    let metrics = Arc::clone(app.metrics());
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        let _under_way = metrics.query();
        let begun = Instant::now();
        let mut answerer = Answerer { start: Some(start), frames: None };
        let outcome = reading.answer(&body, &mut answerer);
        metrics.query_durations.observe(begun.elapsed());
        metrics.queries.add(1);
        if let Err(error) = outcome {
            metrics.query_failures.add(1);
            answerer.fail(error);
        }
    });
    let begun = started.await;
    guard.disarm();
    match begun {
        Ok(Ok(begun)) => Ok(begun.into_response()),
        Ok(Err(error)) => Err(error),
        // The task ended without a word: it panicked.
        Err(_) => {
            drop(task);
            app.metrics().panics.add(1);
            Err(ApiError::internal("the read failed by a fault of the server; see its log"))
        }
    }
}

fn check_encoding(encoding: Option<&header::HeaderValue>) -> Result<(), ApiError> {
    let given = encoding.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match given {
        Some(given) if !given.is_empty() && !given.eq_ignore_ascii_case("snappy") => {
            let message = format!("unsupported content encoding {given:?}: expected snappy");
            Err(ApiError::new(Subject::Request, ErrorKind::Unsupported, message))
        }
        _ => Ok(()),
    }
}

/// What the head of an answer waits for.
enum Begun {
    /// A whole body.
    Sampled(Vec<u8>),
    /// The frames to come.
    Chunks(mpsc::Receiver<Result<Bytes, BrokenOff>>),
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        match self {
            Self::Sampled(body) => {
                let headers = [
                    (header::CONTENT_TYPE, CONTENT_TYPE_SAMPLED),
                    (header::CONTENT_ENCODING, "snappy"),
                ];
                (headers, body).into_response()
            }
            Self::Chunks(frames) => {
                let headers = [(header::CONTENT_TYPE, CONTENT_TYPE_CHUNKS)];
                (headers, Body::new(Frames(frames))).into_response()
            }
        }
    }
}

/// The body of a stream.
struct Frames(mpsc::Receiver<Result<Bytes, BrokenOff>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0.poll_recv(context).map(|frame| frame.map(|bytes| bytes.map(Frame::data)))
    }
}

/// Why a stream that has begun does not end well: its connection is cut, so that nobody takes what came
/// for all there is.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the answer was broken off: {0}")]
struct BrokenOff(String);

/// The other end of an answer.
struct Answerer {
    /// Until the answer has begun.
    start: Option<oneshot::Sender<Result<Begun, ApiError>>>,
    /// Once a stream has begun.
    frames: Option<mpsc::Sender<Result<Bytes, BrokenOff>>>,
}

impl Answerer {
    fn begin(&mut self, begun: Begun) -> Result<(), ApiError> {
        let start = self.start.take();
        let sent = start.map(|start| start.send(Ok(begun)));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(gone()) }
    }

    fn begin_stream(&mut self) -> Result<(), ApiError> {
        if self.frames.is_none() {
            let (sender, receiver) = mpsc::channel(FRAMES_AHEAD);
            self.frames = Some(sender);
            self.begin(Begun::Chunks(receiver))?;
        }
        Ok(())
    }

    /// Hands a frame on, and waits while too many are ahead of their reader.
    fn send(&mut self, frame: Vec<u8>) -> Result<(), ApiError> {
        self.begin_stream()?;
        let frames = self.frames.as_ref().ok_or_else(gone)?;
        frames.blocking_send(Ok(frame.into())).map_err(|_| gone())
    }

    fn is_gone(&self) -> bool {
        self.frames.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    fn fail(self, error: ApiError) {
        if let Some(start) = self.start {
            let _ = start.send(Err(error));
        } else if let Some(frames) = self.frames
            && !frames.is_closed()
        {
            tracing::warn!(error = error.text(), "a remote read was broken off");
            let _ = frames.blocking_send(Err(BrokenOff(error.text().to_owned())));
        }
    }
}

fn gone() -> ApiError {
    ApiError::new(Subject::Evaluation, ErrorKind::Canceled, "the reader went away")
}

/// A request being answered on a blocking thread.
struct Reading {
    database: Arc<Database>,
    metrics: Arc<Metrics>,
    canceled: Arc<AtomicBool>,
    body_max: usize,
    series_max: usize,
    samples_max: u64,
    response_max: usize,
    frame_max: usize,
    timeout: Duration,
    deadline: Option<Instant>,
    /// Nanoseconds that the stream has waited for its reader.
    waited: AtomicU64,
}

/// A series on its way from the scan to the encoder.
struct Scanned {
    query: usize,
    labels: Labels,
    columns: SeriesColumns,
}

impl Reading {
    fn new(app: &App, database: Arc<Database>, canceled: Arc<AtomicBool>) -> Self {
        let config = app.config();
        let timeout = config.query.timeout.as_std();
        Self {
            database,
            metrics: Arc::clone(app.metrics()),
            canceled,
            body_max: config.http.form_size_max.as_usize(),
            series_max: usize::try_from(config.query.series_max.get()).unwrap_or(usize::MAX),
            samples_max: config.read.samples_max.get(),
            response_max: config.read.response_size_max.as_usize(),
            frame_max: config.read.frame_size_max.as_usize(),
            timeout,
            deadline: Instant::now().checked_add(timeout),
            waited: AtomicU64::new(0),
        }
    }

    fn answer(&self, body: &[u8], answerer: &mut Answerer) -> Result<(), ApiError> {
        let refused = |error: ProtocolError| ApiError::new(Subject::Request, error.kind(), &error);
        let mut decoded = Vec::new();
        prom_remote::decompress(body, self.body_max, &mut decoded).map_err(refused)?;
        let limits = ReadLimits {
            queries_max: QUERIES_MAX,
            matchers_max: MATCHERS_MAX,
            regexes_max: REGEX_COUNT_MAX,
        };
        let request = decode_request(&decoded, &limits).map_err(refused)?;
        match request.response_type().map_err(refused)? {
            ResponseType::Samples => {
                let response = self.samples(&request)?;
                let body = response.finish().map_err(refused)?;
                answerer.begin(Begun::Sampled(body))
            }
            ResponseType::StreamedXorChunks => self.chunks(&request, answerer),
        }
    }

    fn samples(&self, request: &ReadRequest) -> Result<SampledResponse, ApiError> {
        let mut response = SampledResponse::default();
        let mut samples = 0_u64;
        let (samples_max, response_max) = (self.samples_max, self.response_max);
        for query in 0..request.queries.len() {
            self.scan(request, query, &mut |labels, columns| {
                samples += count(columns);
                if samples > samples_max {
                    return Err(ApiError::invalid(format!(
                        "exceeded sample limit ({samples_max}, read.samples_max): ask for less, or \
                         for STREAMED_XOR_CHUNKS"
                    )));
                }
                response.push(&labels, columns);
                if response.len() > response_max {
                    return Err(ApiError::invalid(format!(
                        "the answer exceeds {response_max} bytes (read.response_size_max): ask for \
                         less, or for STREAMED_XOR_CHUNKS"
                    )));
                }
                Ok(())
            })?;
            response.end_result();
        }
        Ok(response)
    }

    fn chunks(&self, request: &ReadRequest, answerer: &mut Answerer) -> Result<(), ApiError> {
        let (series, scanned) = blocking::sync_channel(SERIES_AHEAD);
        let (used, unused) = blocking::channel();
        thread::scope(|scope| {
            let scan = scope.spawn(move || self.scan_ahead(request, &series, &unused));
            let encoded = self.encode(&scanned, &used, answerer);
            // Ends the scan, if the encoder has ended first.
            drop(scanned);
            let scan = scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            encoded.and(scan)
        })?;
        answerer.begin_stream()
    }

    /// Reads the series of all queries, and hands them on until nobody takes them.
    fn scan_ahead(
        &self,
        request: &ReadRequest,
        series: &blocking::SyncSender<Scanned>,
        unused: &blocking::Receiver<SeriesColumns>,
    ) -> Result<(), ApiError> {
        for query in 0..request.queries.len() {
            self.scan(request, query, &mut |labels, columns| {
                let empty = unused.try_recv().unwrap_or_default();
                let columns = std::mem::replace(columns, empty);
                series.send(Scanned { query, labels, columns }).map_err(|_| gone())
            })?;
        }
        Ok(())
    }

    /// Makes frames of series as they come, until none comes any more.
    fn encode(
        &self,
        scanned: &blocking::Receiver<Scanned>,
        used: &blocking::Sender<SeriesColumns>,
        answerer: &mut Answerer,
    ) -> Result<(), ApiError> {
        let mut stream = ChunkStream::new(self.frame_max);
        for Scanned { query, labels, columns } in scanned {
            if answerer.is_gone() {
                return Err(gone());
            }
            stream.push(query, &labels, &columns, |frame| {
                let begun = Instant::now();
                answerer.send(frame)?;
                let waited = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.waited.fetch_add(waited, Ordering::Relaxed);
                self.check()
            })?;
            // A scan that has ended needs no further columns.
            let _ = used.send(columns);
        }
        Ok(())
    }

    /// Calls `visit` for every series of a query, in the order of their labels. It may take the columns.
    fn scan(
        &self,
        request: &ReadRequest,
        query: usize,
        visit: &mut dyn FnMut(Labels, &mut SeriesColumns) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let failed = |error: ScanError| ApiError::new(Subject::Evaluation, error.kind(), &error);
        let query = &request.queries[query];
        self.check()?;
        if query.range.is_empty() {
            return Ok(());
        }
        let selector = Selector { matchers: query.matchers.clone(), range: query.range };
        let mut scan = self.database.scan_sorted(&selector, self.series_max).map_err(failed)?;
        let mut columns = SeriesColumns::default();
        while let Some(labels) = scan.next(&mut columns).map_err(failed)? {
            self.metrics.query_series.add(1);
            self.metrics.query_samples.add(count(&columns));
            visit(labels, &mut columns)?;
            self.check()?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.canceled.load(Ordering::Relaxed) {
            return Err(gone());
        }
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        let deadline = self.deadline.and_then(|deadline| deadline.checked_add(waited));
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let message = format!("the read took longer than {:?} (query.timeout)", self.timeout);
            return Err(ApiError::new(Subject::Evaluation, ErrorKind::Timeout, message));
        }
        Ok(())
    }
}

fn count(columns: &SeriesColumns) -> u64 {
    (columns.len() + columns.histograms.len()) as u64
}

#[cfg(test)]
mod tests;
