//! `POST /api/v1/write`: remote write 1.0 and 2.0, and samples as JSON.

use std::{cell::RefCell, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use timberline::{Database, WriteOutcome};
use timberline_protocol::{
    DecodeLimits, Decoded, ProtocolError, WriteForm, WriteReport, json, negotiate_write,
    prom_remote::{self, Arena, RemoteWriteVersion},
};

use super::{
    body::{BodyLimits, read_body},
    state::App,
};
use crate::{
    error::{ApiError, Subject},
    telemetry::Metrics,
};

/// Decompressed bytes that a thread keeps room for between requests.
const SCRATCH_BYTES_KEPT: usize = 4 << 20;

thread_local! {
    /// Room for a decompressed body, used again for the next request on the same thread.
    static DECOMPRESSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// `POST /api/v1/write`.
pub(super) async fn write(app: App, request: Request) -> Response {
    let form = match negotiate(request.headers()) {
        Ok(form) => form,
        Err(error) => return error.into_response(),
    };
    // From here on every answer says how much was written, also when that is nothing.
    match receive(&app, form, request.into_body()).await {
        Ok(report) => answer(&report),
        Err(error) => with_counts(error.into_response(), 0, 0, 0),
    }
}

fn negotiate(headers: &HeaderMap) -> Result<WriteForm, ApiError> {
    // What is no text is no form either, and not as good as absent.
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let (content_type, encoding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
    negotiate_write(content_type.as_deref(), encoding.as_deref())
        .map_err(|error| ApiError::new(Subject::Write, error.kind(), error))
}

fn answer(report: &WriteReport) -> Response {
    let response = match &report.problem {
        None => StatusCode::NO_CONTENT.into_response(),
        // What could be written is written: the sender must not send it again.
        Some(problem) => ApiError::invalid(problem).into_response(),
    };
    with_counts(
        response,
        report.samples_written,
        report.histograms_written,
        report.exemplars_written,
    )
}

fn with_counts(mut response: Response, samples: u64, histograms: u64, exemplars: u64) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(prom_remote::HEADER_SAMPLES_WRITTEN, HeaderValue::from(samples));
    headers.insert(prom_remote::HEADER_HISTOGRAMS_WRITTEN, HeaderValue::from(histograms));
    headers.insert(prom_remote::HEADER_EXEMPLARS_WRITTEN, HeaderValue::from(exemplars));
    response
}

/// Takes a body in and writes it. The place among the writes is taken once the body is there, so that
/// a body that comes slowly keeps nobody waiting; until then its memory is what is bounded.
async fn receive(app: &App, form: WriteForm, body: Body) -> Result<WriteReport, ApiError> {
    let database = app.database()?;
    let config = app.config();
    let settings = &config.write;
    let limits = BodyLimits {
        bytes_max: settings.body_size_max.as_usize(),
        key: "write.body_size_max",
        timeout: config.http.body_timeout.as_std(),
    };
    let mut reservation = app.body_memory().reservation();
    let body = read_body(body, limits, Some(&mut reservation)).await?;
    let memory = reservation.into_permit();
    let place = app.admit_write().await?;
    let decoding = Decoding {
        form,
        bytes_max: settings.decoded_size_max.as_usize(),
        limits: DecodeLimits {
            samples_max: settings.samples_max.get(),
            series_max: settings.samples_max.get(),
            ..DecodeLimits::default()
        },
    };
    let metrics = Arc::clone(app.metrics());
    let task = tokio::task::spawn_blocking(move || {
        let _held = (place, memory);
        let _under_way = metrics.write();
        decoding.write(&database, &body, &metrics)
    });
    task.await.unwrap_or_else(|_| {
        app.metrics().panics.add(1);
        Err(ApiError::internal("the write failed by a fault of the server; see its log"))
    })
}

/// How a body is decoded.
struct Decoding {
    form: WriteForm,
    bytes_max: usize,
    limits: DecodeLimits,
}

impl Decoding {
    /// Decodes a body and writes what it holds.
    fn write(
        &self,
        database: &Database,
        body: &Bytes,
        metrics: &Metrics,
    ) -> Result<WriteReport, ApiError> {
        metrics.write_bytes.add(body.len() as u64);
        match self.form {
            WriteForm::Json => {
                metrics.write_decoded_bytes.add(body.len() as u64);
                let decoded =
                    json::decode_write(body, &self.limits).map_err(|error| refused(&error))?;
                self.commit(database, &decoded, metrics)
            }
            WriteForm::RemoteWrite(version) => DECOMPRESSED.with_borrow_mut(|decompressed| {
                let outcome = self.write_remote(database, body, version, decompressed, metrics);
                if decompressed.capacity() > SCRATCH_BYTES_KEPT {
                    *decompressed = Vec::new();
                }
                outcome
            }),
        }
    }

    fn write_remote(
        &self,
        database: &Database,
        body: &[u8],
        version: RemoteWriteVersion,
        decompressed: &mut Vec<u8>,
        metrics: &Metrics,
    ) -> Result<WriteReport, ApiError> {
        prom_remote::decompress(body, self.bytes_max, decompressed)
            .map_err(|error| refused(&error))?;
        metrics.write_decoded_bytes.add(decompressed.len() as u64);
        // Not kept between requests: a short body may need very much of it.
        let mut arena = Arena::default();
        let decoded = match version {
            RemoteWriteVersion::V1 => prom_remote::decode_v1(decompressed, &self.limits),
            RemoteWriteVersion::V2 => {
                prom_remote::decode_v2(decompressed, &mut arena, &self.limits)
            }
        };
        let decoded = decoded.map_err(|error| refused(&error))?;
        self.commit(database, &decoded, metrics)
    }

    fn commit(
        &self,
        database: &Database,
        decoded: &Decoded<'_>,
        metrics: &Metrics,
    ) -> Result<WriteReport, ApiError> {
        let begun = Instant::now();
        let outcome = if decoded.batch.is_empty() {
            WriteOutcome::default()
        } else {
            database.write(&decoded.batch).map_err(|error| {
                tracing::debug!(%error, "a write failed");
                ApiError::new(Subject::Write, error.kind(), error)
            })?
        };
        metrics.write_durations.observe(begun.elapsed());
        metrics.samples_written.add(outcome.samples_written);
        metrics.histograms_written.add(outcome.histograms_written);
        metrics.samples_rejected.add(outcome.samples_rejected + decoded.samples_rejected);
        metrics.exemplars_written.add(outcome.exemplars_written);
        metrics.exemplars_rejected.add(outcome.exemplars_rejected + decoded.exemplars_rejected);
        Ok(decoded.report(self.form, &outcome))
    }
}

fn refused(error: &ProtocolError) -> ApiError {
    let key = match error {
        ProtocolError::TooLarge { .. } => " (write.decoded_size_max)",
        ProtocolError::TooMany { what: "samples" | "series", .. } => " (write.samples_max)",
        _ => "",
    };
    ApiError::new(Subject::Write, error.kind(), format!("{error}{key}"))
}
