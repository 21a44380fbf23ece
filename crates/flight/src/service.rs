//! The calls of Flight SQL.

use std::sync::Arc;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema},
    ipc::writer::IpcWriteOptions,
};
use arrow_flight::{
    Action, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    IpcMessage, SchemaAsIpc, Ticket,
    decode::FlightRecordBatchStream,
    error::FlightError,
    flight_service_server::FlightService,
    sql::{
        ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
        ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
        CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
        CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
        CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult,
        ProstMessageExt, SqlInfo, TicketStatementQuery,
        server::{FlightSqlService, PeekableFlightDataStream},
    },
};
use futures_util::{Stream, TryStreamExt as _, stream};
use prost::{Message as _, bytes::Bytes};
use timberline_sql::{Answer, Gate, Prepared, ScalarValue, Session, SqlEngine, SqlError};
use tonic::{
    Request, Response, Status, Streaming,
    metadata::{MetadataMap, MetadataValue},
};

use crate::{
    auth::Door,
    error::status,
    metadata::{sql_info, table_types, type_info},
    prepared::{Bound, Statements},
    rows::{Counted, FlightStream, flight, plain, whole},
};

/// Makes texts that nobody can guess.
pub type Random = Arc<dyn Fn() -> String + Send + Sync>;

/// The header in which a call names its database.
const DATABASE_HEADER: &str = "database";

/// Rows of parameters that one call may bind.
const BOUND_ROWS_MAX: usize = 100_000;

/// Answers the calls.
#[derive(Clone)]
pub(crate) struct Service(Arc<Inner>);

struct Inner {
    engine: SqlEngine,
    gate: Arc<dyn Gate>,
    door: Door,
    random: Random,
    database: String,
    statements: Statements,
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

    async fn prepare(&self, sql: &str, head: &MetadataMap) -> Result<(Session, Prepared), Status> {
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

    /// Runs a statement; its place and its count go with the rows.
    async fn run(
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

    async fn rows_of(
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
enum Ran {
    Rows(FlightStream),
    Done(Option<u64>),
}

/// Where a call came from.
fn client_of<T>(request: &Request<T>) -> std::net::IpAddr {
    let unknown = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    request.remote_addr().map_or(unknown, |address| address.ip())
}

/// Says where the rows of a question are, and what columns they have. Of a statement that answers none it says
/// nothing about columns: clients then wait for the beginning of the answer, and so for the end of what is written,
/// instead of leaving before it has begun.
fn info(
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

fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    let IpcMessage(bytes) =
        message.map_err(|error: arrow::error::ArrowError| Status::internal(error.to_string()))?;
    Ok(bytes)
}

fn internal(error: &impl ToString) -> Status {
    Status::internal(error.to_string())
}

/// The rows of parameters that a client sends.
async fn bound_rows(
    request: Request<PeekableFlightDataStream>,
) -> Result<Vec<Vec<ScalarValue>>, Status> {
    // The first message, with the columns, was looked at already.
    let data = request.into_inner().into_peekable();
    let data = data.map_err(|status| FlightError::Tonic(Box::new(status)));
    let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
    let wrong = |error: FlightError| Status::invalid_argument(format!("parameters: {error}"));
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(wrong)? {
        if rows.len() + batch.num_rows() > BOUND_ROWS_MAX {
            return Err(Status::invalid_argument(format!(
                "more than {BOUND_ROWS_MAX} rows of parameters"
            )));
        }
        for row in 0..batch.num_rows() {
            let values: Result<Vec<ScalarValue>, _> = batch
                .columns()
                .iter()
                .map(|column| ScalarValue::try_from_array(column.as_ref(), row))
                .collect();
            rows.push(values.map_err(|error| Status::invalid_argument(error.to_string()))?);
        }
    }
    Ok(rows)
}

/// The count of rows that Flight SQL has for "nobody knows".
const UNKNOWN: i64 = -1;

fn affected(rows: Option<u64>) -> i64 {
    rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(UNKNOWN)
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<
        Response<std::pin::Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>>,
        Status,
    > {
        let token = self.0.door.login(request.metadata())?;
        let payload = token.clone().unwrap_or_default().into_bytes().into();
        let answer = HandshakeResponse { protocol_version: 0, payload };
        let stream: std::pin::Pin<Box<dyn Stream<Item = _> + Send>> =
            Box::pin(stream::iter([Ok(answer)]));
        let mut response = Response::new(stream);
        if let Some(token) = token {
            let header = MetadataValue::try_from(format!("Bearer {token}"))
                .map_err(|error| internal(&error))?;
            response.metadata_mut().insert("authorization", header);
        }
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let (_, prepared) = self.prepare(&query.query, request.metadata()).await?;
        let ticket = TicketStatementQuery { statement_handle: query.query.into_bytes().into() };
        info(&plain(&prepared.schema()), &ticket, request.into_inner())
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let sql = str::from_utf8(&ticket.statement_handle)
            .map_err(|_| Status::invalid_argument("the ticket holds no statement"))?;
        let (session, prepared) = self.prepare(sql, request.metadata()).await?;
        self.rows_of(&session, &prepared, Vec::new(), client_of(&request)).await
    }

    async fn do_put_statement_update(
        &self,
        update: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let (session, prepared) = self.prepare(&update.query, request.metadata()).await?;
        match self.run(&session, &prepared, Vec::new(), client_of(&request)).await? {
            Ran::Done(rows) => Ok(affected(rows)),
            Ran::Rows(rows) => {
                // It answers rows, which nobody wants; it is run to its end all the same.
                let _: Vec<_> =
                    rows.try_filter(|_| std::future::ready(false)).try_collect().await?;
                Ok(UNKNOWN)
            }
        }
    }

    async fn do_put_statement_ingest(
        &self,
        ingest: CommandStatementIngest,
        _: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let text =
            "bulk ingestion is not supported: execute an INSERT with rows of parameters into";
        Err(Status::unimplemented(format!("{text} {:?}", ingest.table)))
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let (session, prepared) = self.prepare(&query.query, request.metadata()).await?;
        let parameters = prepared.parameters().map_err(|error| status(&error))?;
        let fields = parameters.into_iter().enumerate().map(|(index, kind)| {
            Field::new(format!("${}", index + 1), kind.unwrap_or(DataType::Utf8), true)
        });
        let parameter_schema = Schema::new(fields.collect::<Vec<_>>());
        let handle: Bytes = (self.0.random)().into_bytes().into();
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.clone(),
            dataset_schema: schema_bytes(&plain(&prepared.schema()))?,
            parameter_schema: schema_bytes(&parameter_schema)?,
        };
        let bound = Bound { session: Arc::new(session), prepared, rows: Vec::new() };
        self.0.statements.keep(handle.to_vec(), bound);
        Ok(result)
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        _: Request<Action>,
    ) -> Result<(), Status> {
        self.0.statements.forget(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let rows = bound_rows(request).await?;
        if rows.len() > 1 {
            return Err(Status::invalid_argument(format!(
                "{} rows of parameters: a question takes one",
                rows.len()
            )));
        }
        self.0.statements.bind(&query.prepared_statement_handle, rows)?;
        Ok(DoPutPreparedStatementResult {
            prepared_statement_handle: Some(query.prepared_statement_handle),
        })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let bound = self.0.statements.get(&query.prepared_statement_handle)?;
        let prepared = match bound.rows.first() {
            Some(values) if !values.is_empty() => {
                bound.prepared.bound(values.clone()).map_err(|error| status(&error))?
            }
            _ => bound.prepared,
        };
        info(&plain(&prepared.schema()), &query, request.into_inner())
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let bound = self.0.statements.get(&query.prepared_statement_handle)?;
        let values = bound.rows.into_iter().next().unwrap_or_default();
        self.rows_of(&bound.session, &bound.prepared, values, client_of(&request)).await
    }

    async fn do_put_prepared_statement_update(
        &self,
        query: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let client = client_of(&request);
        let bound = self.0.statements.get(&query.prepared_statement_handle)?;
        let mut rows = bound_rows(request).await?;
        if rows.is_empty() {
            rows.push(Vec::new());
        }
        let mut all = 0;
        for values in rows {
            match self.run(&bound.session, &bound.prepared, values, client).await? {
                Ran::Done(Some(rows)) => all += affected(Some(rows)),
                Ran::Done(None) => all = UNKNOWN,
                Ran::Rows(_) => {
                    return Err(Status::invalid_argument("the statement answers rows: query it"));
                }
            }
        }
        Ok(all)
    }

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info(&query.into_builder().schema(), &query, request.into_inner())
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let mut builder = query.into_builder();
        let sql = "SELECT DISTINCT catalog_name FROM information_schema.schemata ORDER BY 1";
        for row in self.texts(sql, Vec::new(), request.metadata()).await? {
            builder.append(&row[0]);
        }
        Ok(Response::new(whole(builder.build().map_err(|error| internal(&error))?)))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info(&query.clone().into_builder().schema(), &query, request.into_inner())
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let mut builder = query.into_builder();
        let sql = "SELECT DISTINCT catalog_name, schema_name \
                   FROM information_schema.schemata ORDER BY 1, 2";
        for row in self.texts(sql, Vec::new(), request.metadata()).await? {
            builder.append(&row[0], &row[1]);
        }
        Ok(Response::new(whole(builder.build().map_err(|error| internal(&error))?)))
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info(&query.clone().into_builder().schema(), &query, request.into_inner())
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        request: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let include_schema = query.include_schema;
        let pattern = |pattern: &Option<String>| pattern.clone().unwrap_or_else(|| "%".to_owned());
        let values = vec![
            ScalarValue::Utf8(Some(pattern(&query.db_schema_filter_pattern))),
            ScalarValue::Utf8(Some(pattern(&query.table_name_filter_pattern))),
        ];
        let mut builder = query.into_builder();
        let sql = "SELECT table_catalog, table_schema, table_name, table_type \
                   FROM information_schema.tables \
                   WHERE table_schema LIKE $1 AND table_name LIKE $2 ORDER BY 1, 2, 3";
        let session = self.session(request.metadata())?;
        for row in self.texts(sql, values, request.metadata()).await? {
            let [catalog, schema, table, kind] = row.as_slice() else { continue };
            let mut columns = Schema::empty();
            if include_schema {
                let quoted = |name: &str| name.replace('"', "\"\"");
                let sql = format!("SELECT * FROM \"{}\".\"{}\"", quoted(schema), quoted(table));
                // A table that went away meanwhile is left out.
                let Ok(prepared) = session.prepare(&sql).await else { continue };
                columns = plain(&prepared.schema()).as_ref().clone();
            }
            let kind = if kind == "BASE TABLE" { "TABLE" } else { kind };
            builder
                .append(catalog, schema, table, kind, &columns)
                .map_err(|error| internal(&error))?;
        }
        Ok(Response::new(whole(builder.build().map_err(|error| internal(&error))?)))
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        info(&query.into_builder().schema(), &query, request.into_inner())
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        _: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        Ok(Response::new(whole(table_types(query).map_err(|error| internal(&error))?)))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let infos = sql_info().map_err(|error| internal(&error))?;
        info(&query.clone().into_builder(infos).schema(), &query, request.into_inner())
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let infos = sql_info().map_err(|error| internal(&error))?;
        Ok(Response::new(whole(
            query.into_builder(infos).build().map_err(|error| internal(&error))?,
        )))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let types = type_info().map_err(|error| internal(&error))?;
        info(&query.into_builder(types).schema(), &query, request.into_inner())
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        _: Request<Ticket>,
    ) -> Result<Response<FlightStream>, Status> {
        let types = type_info().map_err(|error| internal(&error))?;
        Ok(Response::new(whole(
            query.into_builder(types).build().map_err(|error| internal(&error))?,
        )))
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

/// The stream of `DoGet` is ours by name, so that the two traits agree.
const _: fn() = || {
    fn same<T: FlightService>() {}
    same::<Service>();
};
