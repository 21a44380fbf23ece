//! What all calls of Flight SQL share: sessions, prepared statements, and running them.

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::Schema, ipc::writer::IpcWriteOptions};
use arrow_flight::{
    FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket,
    sql::{ProstMessageExt, server::PeekableFlightDataStream},
};
use futures_util::TryStreamExt as _;
use prost::{Message as _, bytes::Bytes};
use timberline_sql::{Answer, Gate, Prepared, ScalarValue, Session, SqlEngine, SqlError};
use tonic::{
    Request, Response, Status,
    metadata::{MetadataMap, MetadataValue},
};

use crate::{
    auth::Door,
    error::status,
    parameters::bound_rows,
    prepared::Statements,
    rows::{Counted, FlightStream, flight, whole},
};

/// Makes texts that nobody can guess.
pub type Random = Arc<dyn Fn() -> String + Send + Sync>;

/// The header in which a call names its database.
const DATABASE_HEADER: &str = "database";

/// Answers the calls.
#[derive(Clone)]
pub(crate) struct Service(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: SqlEngine,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) door: Door,
    pub(crate) random: Random,
    pub(crate) database: String,
    pub(crate) statements: Statements,
}

impl Service {
    pub(crate) fn new(
        engine: SqlEngine,
        gate: Arc<dyn Gate>,
        door: Door,
        random: Random,
        database: String,
    ) -> Self {
        let statements = Statements::default();
        Self(Arc::new(Inner { engine, gate, door, random, database, statements }))
    }

    /// A session in the database that a call names in its header `database`, or else in the server's own.
    pub(crate) fn session(&self, head: &MetadataMap) -> Result<Session, Status> {
        let named = head.get(DATABASE_HEADER).map(MetadataValue::to_str).transpose();
        let named =
            named.map_err(|_| Status::invalid_argument("the database's name is no text"))?;
        let database = named.unwrap_or(&self.0.database);
        self.0.engine.session(database).map_err(|error| status(&error))
    }

    pub(crate) async fn prepare(
        &self,
        sql: &str,
        head: &MetadataMap,
    ) -> Result<(Session, Prepared), Status> {
        let session = self.session(head)?;
        let planning = async {
            match tokio::time::timeout(self.0.gate.timeout(), session.prepare(sql)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(SqlError::Timeout { message: "planning took too long".to_owned() }),
            }
        };
        let prepared = planning.await.map_err(|error| status(&error))?;
        Ok((session, prepared))
    }

    /// The rows of parameters that a call brings for a statement, no later than a statement may take.
    pub(crate) async fn bound_rows(
        &self,
        prepared: &Prepared,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<Vec<Vec<ScalarValue>>, Status> {
        let allowed = self.0.gate.timeout();
        let rows = tokio::time::timeout(allowed, bound_rows(prepared, request)).await;
        rows.unwrap_or_else(|_| {
            let text = format!("the parameters did not come within {allowed:?} (query.timeout)");
            Err(Status::deadline_exceeded(text))
        })
    }

    /// Runs a statement; its place and its count go with the rows.
    pub(crate) async fn run(
        &self,
        session: &Session,
        prepared: &Prepared,
        values: Vec<ScalarValue>,
        client: std::net::IpAddr,
    ) -> Result<Ran, Status> {
        let mut counted = Counted::new(&self.0.gate);
        let place = counted.within(self.0.gate.admit(client)).await;
        let place = place.map_err(|error| status(&error))?;
        let answer = counted.within(session.execute(prepared, values)).await;
        match answer.map_err(|error| status(&error))? {
            Answer::Rows(rows) => Ok(Ran::Rows(flight(rows, place, counted))),
            Answer::Done { rows, .. } => {
                counted.succeeded();
                Ok(Ran::Done(rows))
            }
        }
    }

    pub(crate) async fn rows_of(
        &self,
        session: &Session,
        prepared: &Prepared,
        values: Vec<ScalarValue>,
        client: std::net::IpAddr,
    ) -> Result<Response<FlightStream>, Status> {
        match self.run(session, prepared, values, client).await? {
            Ran::Rows(stream) => Ok(Response::new(stream)),
            Ran::Done(_) => {
                Ok(Response::new(whole(RecordBatch::new_empty(Arc::new(Schema::empty())))))
            }
        }
    }

    /// All rows of a question of our own about what there is.
    pub(crate) async fn texts(
        &self,
        sql: &str,
        values: Vec<ScalarValue>,
        head: &MetadataMap,
    ) -> Result<Vec<Vec<String>>, Status> {
        let session = self.session(head)?;
        let ask = async {
            let Answer::Rows(rows) = session.run(sql, values).await? else {
                return Ok(Vec::new());
            };
            let batches: Vec<_> = rows.into_stream().try_collect().await?;
            let mut texts = Vec::new();
            for batch in &batches {
                for row in 0..batch.num_rows() {
                    let cell = |column: &arrow::array::ArrayRef| {
                        let mut text = Vec::new();
                        timberline_sql::render::write_text(&mut text, column.as_ref(), row);
                        String::from_utf8_lossy(&text).into_owned()
                    };
                    texts.push(batch.columns().iter().map(cell).collect());
                }
            }
            Ok(texts)
        };
        ask.await.map_err(|error: SqlError| status(&error))
    }
}

/// What became of a statement that was run.
pub(crate) enum Ran {
    Rows(FlightStream),
    Done(Option<u64>),
}

/// Where a call came from.
pub(crate) fn client_of<T>(request: &Request<T>) -> std::net::IpAddr {
    let unknown = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    request.remote_addr().map_or(unknown, |address| address.ip())
}

/// Says where the rows of a question are, and what columns they have. Of a statement that answers none it says
/// nothing about columns: clients then wait for the beginning of the answer, and so for the end of what is written,
/// instead of leaving before it has begun.
pub(crate) fn info(
    schema: &Schema,
    ticket: &impl ProstMessageExt,
    descriptor: FlightDescriptor,
) -> Result<Response<FlightInfo>, Status> {
    let ticket = Ticket::new(ticket.as_any().encode_to_vec());
    let mut info = FlightInfo::new();
    if !schema.fields().is_empty() {
        info = info.try_with_schema(schema).map_err(|error| Status::internal(error.to_string()))?;
    }
    let info =
        info.with_endpoint(FlightEndpoint::new().with_ticket(ticket)).with_descriptor(descriptor);
    Ok(Response::new(info))
}

pub(crate) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    let IpcMessage(bytes) =
        message.map_err(|error: arrow::error::ArrowError| Status::internal(error.to_string()))?;
    Ok(bytes)
}

pub(crate) fn internal(error: &impl ToString) -> Status {
    Status::internal(error.to_string())
}
