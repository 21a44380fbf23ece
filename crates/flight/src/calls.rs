//! The calls of Flight SQL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::{
    Action, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, Ticket,
    flight_service_server::FlightService,
    sql::{
        ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
        ActionCreatePreparedStatementResult, CommandGetCatalogs, CommandGetDbSchemas,
        CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
        CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
        CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, SqlInfo,
        TicketStatementQuery,
        server::{FlightSqlService, PeekableFlightDataStream},
    },
};
use futures_util::{Stream, TryStreamExt as _, stream};
use prost::bytes::Bytes;
use timberline_sql::ScalarValue;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataValue};

use crate::{
    error::status,
    metadata::{sql_info, table_types, type_info},
    prepared::Bound,
    rows::{FlightStream, plain, whole},
    service::{Ran, Service, client_of, info, internal, schema_bytes},
};

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
        let bound = self.0.statements.get(&query.prepared_statement_handle)?;
        let rows = self.bound_rows(&bound.prepared, request).await?;
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
        let mut rows = self.bound_rows(&bound.prepared, request).await?;
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
