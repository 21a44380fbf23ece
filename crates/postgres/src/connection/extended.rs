//! The extended protocol: statements with parameters, and portals that give rows in portions.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use pgwire::messages::{
    PgWireBackendMessage, PgWireFrontendMessage,
    data::{NoData, ParameterDescription, RowDescription},
    extendedquery::{
        Bind, BindComplete, Close, CloseComplete, Describe, Parse, ParseComplete,
        TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
    },
    response::EmptyQueryResponse,
};

use super::{Connection, Fault, STATEMENTS_MAX};
use crate::{
    error::Ended,
    refusal::Refusal,
    statement::{Portal, PortalState, Statement, binary},
    types::description,
};

impl Connection {
    /// Answers one message.
    pub(super) async fn extended(&mut self, message: PgWireFrontendMessage) -> Result<(), Fault> {
        match message {
            PgWireFrontendMessage::Parse(parse) => self.on_parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.on_bind(&bind).await,
            PgWireFrontendMessage::Describe(describe) => self.on_describe(&describe).await,
            PgWireFrontendMessage::Execute(execute) => {
                let name = execute.name.unwrap_or_default();
                let max_rows = usize::try_from(execute.max_rows).ok().filter(|max| *max > 0);
                self.on_execute(&name, max_rows).await
            }
            PgWireFrontendMessage::Close(close) => self.on_close(&close).await,
            PgWireFrontendMessage::Flush(_) => Ok(self.socket.flush().await?),
            // Left over from a COPY that went wrong.
            PgWireFrontendMessage::CopyData(_)
            | PgWireFrontendMessage::CopyDone(_)
            | PgWireFrontendMessage::CopyFail(_) => Ok(()),
            _ => Err(Refusal::protocol("a message that makes no sense here").into()),
        }
    }

    /// The end of a round of messages.
    pub(super) async fn sync(&mut self) -> Result<(), Ended> {
        if !self.in_transaction() {
            self.end_portals();
        }
        self.idle = true;
        self.socket.ready(self.status).await
    }

    async fn on_parse(&mut self, parse: Parse) -> Result<(), Fault> {
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Refusal::new("42P05", message).into());
        }
        if self.statements.len() >= STATEMENTS_MAX {
            let message = format!("more than {STATEMENTS_MAX} statements are prepared");
            return Err(Refusal::new("53400", message).into());
        }
        self.check_transaction(&parse.query)?;
        if timberline_sql::text::statements(&parse.query).len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Refusal::new("42601", message).into());
        }
        let statement = self
            .parse(&parse.query, &parse.type_oids)
            .await
            .map_err(|fault| located(fault, &parse.query))?;
        self.statements.insert(name, Arc::new(statement));
        let done = PgWireBackendMessage::ParseComplete(ParseComplete::new());
        Ok(self.socket.feed(done).await?)
    }

    async fn on_bind(&mut self, bind: &Bind) -> Result<(), Fault> {
        let name = bind.statement_name.as_deref().unwrap_or_default();
        let portal_name = bind.portal_name.as_deref().unwrap_or_default();
        let statement = self.statement(name)?;
        let parameters = statement.parameters();
        if parameters.len() != bind.parameters.len() {
            return Err(Refusal::protocol(format!(
                "bind message supplies {} parameters, but prepared statement \"{name}\" requires {}",
                bind.parameters.len(),
                parameters.len()
            ))
            .into());
        }
        if !portal_name.is_empty() && self.portals.contains_key(portal_name) {
            let message = format!("cursor \"{portal_name}\" already exists");
            return Err(Refusal::new("42P03", message).into());
        }
        let codes = &bind.parameter_format_codes;
        if codes.len() > 1 && codes.len() != parameters.len() {
            return Err(Refusal::protocol("formats for another number of parameters").into());
        }
        let binary = |index: usize| {
            let code = if codes.len() == 1 { codes.first() } else { codes.get(index) };
            code == Some(&1)
        };
        let mut values = Vec::with_capacity(parameters.len());
        for (index, (kind, bytes)) in parameters.iter().zip(&bind.parameters).enumerate() {
            let bytes: Option<&Bytes> = bytes.as_ref();
            values.push(kind.value(index + 1, bytes, binary(index))?);
        }
        let portal =
            Portal::new(Arc::clone(&statement), values, bind.result_column_format_codes.clone());
        self.keep_portal(portal_name, portal)?;
        let done = PgWireBackendMessage::BindComplete(BindComplete::new());
        Ok(self.socket.feed(done).await?)
    }

    async fn on_describe(&mut self, describe: &Describe) -> Result<(), Fault> {
        let name = describe.name.as_deref().unwrap_or_default();
        match describe.target_type {
            TARGET_TYPE_BYTE_STATEMENT => {
                let statement = self.statement(name)?;
                let oids = statement.parameters().iter().map(|kind| kind.kind.oid()).collect();
                let parameters = ParameterDescription::new(oids);
                let message = PgWireBackendMessage::ParameterDescription(parameters);
                self.socket.feed(message).await?;
                let columns = self.columns(&statement)?;
                self.describe(columns.as_ref(), &[]).await
            }
            TARGET_TYPE_BYTE_PORTAL => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                let statement = Arc::clone(&portal.statement);
                let columns = match &portal.state {
                    PortalState::Open(rowset) => Some(Arc::clone(rowset.schema())),
                    _ => self.columns(&statement)?,
                };
                let count = columns.as_ref().map_or(0, |columns| columns.fields().len());
                let binary = self.portals.get(name).map(|portal| binary(&portal.formats, count));
                let binary = binary.transpose()?.unwrap_or_default();
                self.describe(columns.as_ref(), &binary).await
            }
            _ => Err(Refusal::protocol("neither a statement nor a portal").into()),
        }
    }

    /// Sends what columns there will be.
    pub(super) async fn describe(
        &mut self,
        columns: Option<&SchemaRef>,
        binary: &[bool],
    ) -> Result<(), Fault> {
        let message = match columns {
            Some(columns) => {
                let each = columns.fields().iter().enumerate();
                let each = each.map(|(index, field)| {
                    description(field, binary.get(index).copied().unwrap_or(false))
                });
                PgWireBackendMessage::RowDescription(RowDescription::new(each.collect()))
            }
            None => PgWireBackendMessage::NoData(NoData::new()),
        };
        Ok(self.socket.feed(message).await?)
    }

    async fn on_execute(&mut self, name: &str, max_rows: Option<usize>) -> Result<(), Fault> {
        // Taken out while it runs: a FETCH in it may use another one.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let sql = portal.statement.sql.clone();
        if portal.statement.empty {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            self.socket.feed(empty).await?;
            return Ok(());
        }
        self.check_transaction(&sql)?;
        let outcome = self.run(&mut portal, max_rows, false).await;
        if outcome.is_ok() {
            self.portals.insert(name.to_owned(), portal);
        }
        outcome
    }

    async fn on_close(&mut self, close: &Close) -> Result<(), Fault> {
        let name = close.name.as_deref().unwrap_or_default();
        match close.target_type {
            TARGET_TYPE_BYTE_STATEMENT => drop(self.statements.remove(name)),
            TARGET_TYPE_BYTE_PORTAL => drop(self.portals.remove(name)),
            _ => return Err(Refusal::protocol("neither a statement nor a portal").into()),
        }
        let done = PgWireBackendMessage::CloseComplete(CloseComplete::new());
        Ok(self.socket.feed(done).await?)
    }

    fn statement(&self, name: &str) -> Result<Arc<Statement>, Refusal> {
        self.statements.get(name).map(Arc::clone).ok_or_else(|| {
            Refusal::new("26000", format!("prepared statement \"{name}\" does not exist"))
        })
    }
}

pub(super) fn no_portal(name: &str) -> Refusal {
    Refusal::new("34000", format!("cursor \"{name}\" does not exist"))
}

/// A place by line and column is counted in the statement itself, which is all of the text.
fn located(fault: Fault, sql: &str) -> Fault {
    match fault {
        Fault::Refused(mut refusal) => {
            refusal.sql = Some(sql.to_owned());
            Fault::Refused(refusal)
        }
        ended @ Fault::Ended(_) => ended,
    }
}
