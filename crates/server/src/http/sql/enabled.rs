//! Runs statements, and streams their rows.
//!
//! Invariant: a statement holds its place until it has ended, and ends when its client goes away.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::{RecordBatch, StringArray, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use axum::{
    body::Body,
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use timberline_model::ErrorKind;
use timberline_sql::{Answer, Gate as _, Outcome, SqlError};
use tokio::sync::{mpsc, oneshot};

use super::{
    encoder::Encoder,
    format::Format,
    question::{Asks, Question},
};
use crate::{
    error::{ApiError, Subject},
    http::{App, subscribe},
    sql::{ServerGate, api_error},
};

/// Pieces of an answer that wait for the client to take them.
const PIECES_WAITING: usize = 2;
/// The name of this wire in metrics.
const WIRE: &str = "http";

/// `GET /sql`: only asks.
pub(in crate::http) async fn ask(app: App, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST /sql`.
pub(in crate::http) async fn run(app: App, request: Request) -> Response {
    answer(&app, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: &App, request: Request) -> Result<Response, ApiError> {
    let sql = app.sql()?;
    let question = match Asks::read(app, request).await? {
        Asks::Once(question) => question,
        Asks::Subscription { sql, database, resume, headers } => {
            let named = database.as_deref().map(|name| app.within(name)).transpose()?;
            let app = named.as_ref().unwrap_or(app);
            return subscribe::begin(app, &headers, &sql, resume.as_deref());
        }
    };
    let named = question.database.as_deref().map(|name| app.within(name)).transpose()?;
    let app = named.as_ref().unwrap_or(app);
    let place = app.admit_query(question.client).await?;
    let session = sql.session(app.database_name()).map_err(|error| api_error(&error))?;
    let (pieces, taken) = mpsc::channel(PIECES_WAITING);
    let (started, start) = oneshot::channel();
    let format = question.format;
    let app = app.clone();
    sql.threads().spawn(async move {
        let begun = Instant::now();
        let _under_way = app.metrics().query();
        let mut sending = Sending { pieces, started: Some(started), format, rows: 0 };
        let gone = sending.pieces.clone();
        let outcome = tokio::select! {
            outcome = sending.statement(&session, question, begun) => outcome,
            () = gone.closed() => Err(SqlError::Canceled),
        };
        if matches!(outcome, Err(SqlError::Canceled)) {
            app.metrics().queries_canceled.add(1);
        }
        let rows = sending.rows;
        drop(place);
        let took = begun.elapsed();
        ServerGate(app.clone()).ended(WIRE, Outcome::of(&outcome), rows, took);
    });
    match start.await {
        Ok(Ok(())) => {
            let body = stream::unfold(taken, |mut taken| async move {
                taken.recv().await.map(|piece: io::Result<Bytes>| (piece, taken))
            });
            let head = [(header::CONTENT_TYPE, format.content_type())];
            Ok((head, Body::from_stream(body)).into_response())
        }
        Ok(Err(error)) => Err(error),
        // The task panicked.
        Err(_) => {
            Err(ApiError::internal("the statement failed by a fault of the server; see its log"))
        }
    }
}

/// One answer on its way.
struct Sending {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    /// Told once the first bytes are certain.
    started: Option<oneshot::Sender<Result<(), ApiError>>>,
    format: Format,
    rows: u64,
}

impl Sending {
    /// Runs a statement and sends what it answers.
    async fn statement(
        &mut self,
        session: &timberline_sql::Session,
        question: Question,
        begun: Instant,
    ) -> Result<(), SqlError> {
        let timeout = question.timeout;
        let asked = session.run(&question.sql, question.params);
        let answered = in_time(begun, timeout, asked).await;
        let sent = match answered {
            Ok(Answer::Rows(rows)) => self.rows(rows, begun, timeout).await,
            Ok(Answer::Done { command, rows }) => self.done(command, rows, begun).await,
            Err(error) => Err(error),
        };
        if let (Err(error), Some(started)) = (&sent, self.started.take()) {
            // The client is gone if nobody takes it.
            let _ = started.send(Err(failed(error)));
        }
        sent
    }

    async fn rows(
        &mut self,
        rows: timberline_sql::Rows,
        begun: Instant,
        timeout: Duration,
    ) -> Result<(), SqlError> {
        let schema = rows.schema();
        let mut batches = rows.into_stream();
        // The first rows decide the status: what fails before them is no answer.
        let mut next = in_time(begun, timeout, async { batches.next().await.transpose() }).await?;
        let (mut encoder, head) = encoder(self.format, &schema, begun)?;
        self.begin(head).await?;
        let outcome = loop {
            let Some(batch) = next else { break Ok(()) };
            match encoder.batch(&batch) {
                Ok(bytes) => self.send(bytes).await?,
                Err(error) => break Err(arrow_failed(&error)),
            }
            self.rows = encoder.rows();
            next = match in_time(begun, timeout, async { batches.next().await.transpose() }).await {
                Ok(next) => next,
                Err(error) => break Err(error),
            };
        };
        match outcome {
            Ok(()) => {
                let end = encoder.finish().map_err(|error| arrow_failed(&error))?;
                self.send(end).await
            }
            Err(error) => {
                let (end, says_so) = encoder.fail(&failed(&error));
                self.send(end).await?;
                if !says_so {
                    let broken = io::Error::other(error.to_string());
                    let _ = self.pieces.send(Err(broken)).await;
                }
                Err(error)
            }
        }
    }

    /// A statement that answers no rows answers one about itself.
    async fn done(
        &mut self,
        command: &str,
        affected: Option<u64>,
        begun: Instant,
    ) -> Result<(), SqlError> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("command", DataType::Utf8, false),
            Field::new("affected", DataType::UInt64, true),
        ]));
        let (mut encoder, mut bytes) = encoder(self.format, &schema, begun)?;
        let batch = RecordBatch::try_new(
            schema,
            vec![
                Arc::new(StringArray::from(vec![command])),
                Arc::new(UInt64Array::from(vec![affected])),
            ],
        );
        let write = |bytes: &mut Vec<u8>| {
            bytes.extend(encoder.batch(&batch?)?);
            bytes.extend(encoder.finish()?);
            Ok(())
        };
        write(&mut bytes).map_err(|error| arrow_failed(&error))?;
        self.begin(bytes).await
    }

    async fn begin(&mut self, bytes: Vec<u8>) -> Result<(), SqlError> {
        if let Some(started) = self.started.take() {
            started.send(Ok(())).map_err(|_| SqlError::Canceled)?;
        }
        self.send(bytes).await
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), SqlError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pieces.send(Ok(bytes.into())).await.map_err(|_| SqlError::Canceled)
    }
}

fn encoder(
    format: Format,
    schema: &SchemaRef,
    begun: Instant,
) -> Result<(Encoder, Vec<u8>), SqlError> {
    Encoder::new(format, schema, begun).map_err(|error| arrow_failed(&error))
}

/// Rows that cannot be written in the form that was asked for.
fn arrow_failed(error: &arrow::error::ArrowError) -> SqlError {
    SqlError::Statement { message: error.to_string(), position: None }
}

/// Waits no longer than the statement has left.
async fn in_time<T>(
    begun: Instant,
    timeout: Duration,
    work: impl Future<Output = Result<T, SqlError>>,
) -> Result<T, SqlError> {
    let left = timeout.saturating_sub(begun.elapsed());
    match tokio::time::timeout(left, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SqlError::Timeout {
            message: format!(
                "the statement took longer than {} (query.timeout, or what the request asked for)",
                timberline_model::format_duration(
                    i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX)
                )
            ),
        }),
    }
}

/// A statement's error on its way to a client.
fn failed(error: &SqlError) -> ApiError {
    match error.kind() {
        ErrorKind::Timeout => ApiError::new(Subject::Evaluation, ErrorKind::Timeout, error),
        _ => api_error(error),
    }
}
