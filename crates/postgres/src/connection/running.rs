//! Running statements: through the gate, within their time, until they are canceled.

use std::{sync::Arc, time::Duration};

use pgwire::messages::{
    PgWireBackendMessage, PgWireFrontendMessage,
    copy::{CopyData, CopyDone, CopyOutResponse},
    extendedquery::PortalSuspended,
    response::{CommandComplete, TransactionStatus},
    startup::ParameterStatus,
};
use timberline_sql::{Answer, SqlError};
use tokio::time::Instant;

use super::{Connection, Fault, PENDING_MAX, extended::no_portal};
use crate::{
    command::{Command, Fetch},
    copy::CopyOptions,
    encode::write_row,
    error::Ended,
    refusal::Refusal,
    rowset::{Counted, Rowset, time_allowed},
    statement::{Planned, Portal, PortalState, Statement, binary},
};

impl Connection {
    /// In a transaction that has failed, only its end is heard.
    pub(super) fn check_transaction(&self, sql: &str) -> Result<(), Refusal> {
        if self.status != TransactionStatus::Error {
            return Ok(());
        }
        match Command::of(sql) {
            Ok(Command::Commit | Command::Rollback) => Ok(()),
            _ => Err(Refusal::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )),
        }
    }

    /// Runs a portal, or goes on with it. At most so many rows are sent; `describe` says their columns
    /// first, as the simple protocol does.
    pub(super) async fn run(
        &mut self,
        portal: &mut Portal,
        max_rows: Option<usize>,
        describe: bool,
    ) -> Result<(), Fault> {
        let statement = Arc::clone(&portal.statement);
        if !matches!(statement.command, Command::Query | Command::Copy { .. }) {
            portal.state = PortalState::Ended;
        }
        match &statement.command {
            Command::Query => self.query(portal, max_rows, describe, "SELECT", false).await,
            Command::Copy { options, .. } => self.copy(portal, options).await,
            Command::Begin => self.begin().await,
            Command::Commit => self.end_transaction("COMMIT").await,
            Command::Rollback => self.end_transaction("ROLLBACK").await,
            Command::Set { name, value } => self.set(name, value.as_deref()).await,
            Command::ResetAll => {
                self.settings_mut().reset();
                self.complete("RESET").await
            }
            Command::Show(name) => self.show(Some(name), describe, &portal.formats).await,
            Command::ShowAll => self.show(None, describe, &portal.formats).await,
            Command::Discard { all } => {
                self.portals.clear();
                if *all {
                    self.statements.clear();
                    self.settings_mut().reset();
                }
                self.complete(if *all { "DISCARD ALL" } else { "DISCARD" }).await
            }
            Command::Deallocate(None) => {
                self.statements.clear();
                self.complete("DEALLOCATE ALL").await
            }
            Command::Deallocate(Some(name)) => match self.statements.remove(name) {
                Some(_) => self.complete("DEALLOCATE").await,
                None => {
                    let message = format!("prepared statement \"{name}\" does not exist");
                    Err(Refusal::new("26000", message).into())
                }
            },
            Command::Declare { name, hold, .. } => {
                let values = std::mem::take(&mut portal.values);
                self.declare(name, *hold, &statement, values).await
            }
            Command::Fetch(fetch) => self.fetch(fetch, describe, &portal.formats).await,
            Command::Close(None) => {
                self.portals.clear();
                self.complete("CLOSE CURSOR ALL").await
            }
            Command::Close(Some(name)) => match self.portals.remove(name) {
                Some(_) => self.complete("CLOSE CURSOR").await,
                None => Err(no_portal(name).into()),
            },
            Command::Unlisten => self.complete("UNLISTEN").await,
        }
    }

    /// Says that a statement was carried out.
    async fn complete(&mut self, tag: &str) -> Result<(), Fault> {
        let message = CommandComplete::new(tag.to_owned());
        Ok(self.socket.feed(PgWireBackendMessage::CommandComplete(message)).await?)
    }

    async fn begin(&mut self) -> Result<(), Fault> {
        if self.status == TransactionStatus::Transaction {
            self.socket.warn("there is already a transaction in progress").await?;
        } else {
            self.status = TransactionStatus::Transaction;
            self.wrote = false;
        }
        self.complete("BEGIN").await
    }

    async fn end_transaction(&mut self, tag: &str) -> Result<(), Fault> {
        let failed = self.status == TransactionStatus::Error;
        let tag = if failed { "ROLLBACK" } else { tag };
        if self.status == TransactionStatus::Idle {
            self.socket.warn("there is no transaction in progress").await?;
        } else if tag == "ROLLBACK" && self.wrote {
            let text = "what was written stays: Timberline commits each statement by itself";
            self.socket.warn(text).await?;
        }
        self.status = TransactionStatus::Idle;
        self.wrote = false;
        self.end_portals();
        self.complete(tag).await
    }

    async fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Fault> {
        let outcome = self.settings_mut().set(name, value)?;
        if let Some((name, value)) = outcome.reported {
            let status = ParameterStatus::new(name.to_owned(), value);
            self.socket.feed(PgWireBackendMessage::ParameterStatus(status)).await?;
        }
        if let Some(text) = outcome.warning {
            self.socket.warn(text).await?;
        }
        self.complete(if value.is_some() { "SET" } else { "RESET" }).await
    }

    async fn show(
        &mut self,
        name: Option<&str>,
        describe: bool,
        formats: &[i16],
    ) -> Result<(), Fault> {
        let batch = self.shown(name)?;
        let binary = binary(formats, batch.num_columns())?;
        if describe {
            self.describe(Some(&batch.schema()), &binary).await?;
        }
        for row in 0..batch.num_rows() {
            let mut data = bytes::BytesMut::new();
            write_row(&mut data, &batch, row, &binary);
            let count = i16::try_from(binary.len()).unwrap_or(i16::MAX);
            let row = pgwire::messages::data::DataRow::new(data, count);
            self.socket.feed(PgWireBackendMessage::DataRow(row)).await?;
        }
        self.complete("SHOW").await
    }

    async fn declare(
        &mut self,
        name: &str,
        hold: bool,
        statement: &Statement,
        values: Vec<timberline_sql::ScalarValue>,
    ) -> Result<(), Fault> {
        if !hold && !self.in_transaction() {
            let message = "DECLARE CURSOR can only be used in transaction blocks, or WITH HOLD";
            return Err(Refusal::new("25P01", message).into());
        }
        if self.portals.contains_key(name) {
            return Err(Refusal::new("42P03", format!("cursor \"{name}\" already exists")).into());
        }
        let of_cursor = Statement {
            sql: statement.sql.clone(),
            command: Command::Query,
            planned: statement.planned.clone(),
            empty: false,
        };
        let mut portal = Portal::new(Arc::new(of_cursor), values, Vec::new());
        portal.hold = hold;
        self.keep_portal(name, portal)?;
        self.complete("DECLARE CURSOR").await
    }

    async fn fetch(&mut self, fetch: &Fetch, describe: bool, formats: &[i16]) -> Result<(), Fault> {
        let mut cursor = self.portals.remove(&fetch.name).ok_or_else(|| no_portal(&fetch.name))?;
        formats.clone_into(&mut cursor.formats);
        // FETCH 0 takes nothing.
        let count = fetch.count.unwrap_or(usize::MAX);
        let (tag, describe) = if fetch.step_over { ("MOVE", false) } else { ("FETCH", describe) };
        let outcome = self.query(&mut cursor, Some(count), describe, tag, true).await;
        if outcome.is_ok() {
            self.portals.insert(fetch.name.clone(), cursor);
        }
        outcome
    }

    /// Runs what the engine runs. A cursor that still has rows says how many it gave; a portal of the
    /// protocol says that it is suspended.
    async fn query(
        &mut self,
        portal: &mut Portal,
        max_rows: Option<usize>,
        describe: bool,
        tag: &str,
        cursor: bool,
    ) -> Result<(), Fault> {
        if matches!(portal.state, PortalState::Fresh) && !self.open(portal).await? {
            return Ok(());
        }
        let PortalState::Open(rowset) = &mut portal.state else {
            return self.complete(&format!("{tag} 0")).await;
        };
        let binary = binary(&portal.formats, rowset.schema().fields().len())?;
        if describe {
            let schema = Arc::clone(rowset.schema());
            self.describe(Some(&schema), &binary).await?;
        }
        let limit = max_rows.unwrap_or(usize::MAX);
        let sent = self.send_rows(rowset, &binary, limit, tag == "MOVE").await?;
        if rowset.ended {
            portal.state = PortalState::Ended;
        } else {
            rowset.counted.set(&Ok(()));
            // Others may run while the client thinks.
            rowset.place = None;
            if !cursor {
                let message = PgWireBackendMessage::PortalSuspended(PortalSuspended::new());
                return Ok(self.socket.feed(message).await?);
            }
        }
        self.complete(&format!("{tag} {sent}")).await
    }

    async fn send_rows(
        &mut self,
        rowset: &mut Rowset,
        binary: &[bool],
        limit: usize,
        step_over: bool,
    ) -> Result<usize, Fault> {
        let mut sent = 0;
        let deadline = self.deadline();
        while sent < limit && !rowset.ended {
            if step_over {
                if rowset.step_over() {
                    sent += 1;
                    continue;
                }
            } else if let Some(row) = rowset.row(binary) {
                self.socket.feed(PgWireBackendMessage::DataRow(row)).await?;
                sent += 1;
                continue;
            }
            self.fill(rowset, deadline).await?;
        }
        Ok(sent)
    }

    /// Waits for more rows of a rowset, with a place among the statements that run.
    async fn fill(&mut self, rowset: &mut Rowset, deadline: Instant) -> Result<(), Fault> {
        if rowset.place.is_none() {
            rowset.place = Some(self.shared.gate.admit(self.client).await?);
        }
        // What was computed so far should not wait for what is to come.
        self.socket.flush().await?;
        let outcome = self.wait(rowset.fill(), deadline).await?;
        rowset.counted.set(&outcome);
        outcome?;
        Ok(())
    }

    /// Starts what a portal runs; `false` if it answers no rows, and is done.
    async fn open(&mut self, portal: &mut Portal) -> Result<bool, Fault> {
        let Some(planned) = portal.statement.planned.clone() else {
            return Err(Refusal::protocol("there is nothing to run").into());
        };
        portal.state = PortalState::Ended;
        match self.answer(&planned, std::mem::take(&mut portal.values)).await? {
            Opened::Rows(rowset) => {
                portal.state = PortalState::Open(rowset);
                Ok(true)
            }
            Opened::Done { command, rows } => {
                self.wrote = true;
                let tag = match (command, rows) {
                    ("INSERT", Some(rows)) => format!("INSERT 0 {rows}"),
                    (command, Some(rows)) => format!("{command} {rows}"),
                    (command, None) => command.to_owned(),
                };
                self.complete(&tag).await?;
                Ok(false)
            }
        }
    }

    async fn answer(
        &mut self,
        planned: &Planned,
        values: Vec<timberline_sql::ScalarValue>,
    ) -> Result<Opened, Fault> {
        let mut counted = Counted::new(&self.shared.gate);
        let deadline = self.deadline();
        let gate = Arc::clone(&self.shared.gate);
        let admitted = self.wait(gate.admit(self.client), deadline).await?;
        counted.set(&admitted);
        let place = admitted?;
        let session = Arc::clone(&self.session);
        let outcome = self.wait(session.execute(&planned.prepared, values), deadline).await?;
        counted.set(&outcome);
        Ok(match outcome? {
            Answer::Done { command, rows } => Opened::Done { command, rows },
            Answer::Rows(rows) => {
                let schema = Arc::clone(&planned.schema);
                // Of a statement without columns that were told, those that come are sent.
                let schema = if schema.fields().len() == rows.schema().fields().len() {
                    schema
                } else {
                    rows.schema()
                };
                Opened::Rows(Box::new(Rowset::new(rows, schema, place, counted)))
            }
        })
    }

    async fn copy(&mut self, portal: &mut Portal, options: &CopyOptions) -> Result<(), Fault> {
        let Some(planned) = portal.statement.planned.clone() else {
            return Err(Refusal::protocol("there is nothing to copy").into());
        };
        portal.state = PortalState::Ended;
        let values = std::mem::take(&mut portal.values);
        let Opened::Rows(mut rowset) = self.answer(&planned, values).await? else {
            return Err(Refusal::new("42601", "COPY needs a query that answers rows").into());
        };
        let schema = Arc::clone(rowset.schema());
        let columns = i16::try_from(schema.fields().len()).unwrap_or(i16::MAX);
        let formats = vec![0; schema.fields().len()];
        let begun = CopyOutResponse::new(0, columns, formats);
        self.socket.feed(PgWireBackendMessage::CopyOutResponse(begun)).await?;
        if options.header {
            let names: Vec<&str> =
                schema.fields().iter().map(|field| field.name().as_str()).collect();
            self.copy_data(options.head(&names)).await?;
        }
        let deadline = self.deadline();
        while !rowset.ended {
            self.fill(&mut rowset, deadline).await?;
            if let Some(batch) = rowset.take_batch() {
                for line in options.lines(&batch) {
                    self.copy_data(line).await?;
                }
            }
        }
        self.socket.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
        let rows = rowset.counted.rows;
        self.complete(&format!("COPY {rows}")).await
    }

    async fn copy_data(&mut self, lines: Vec<u8>) -> Result<(), Fault> {
        let data = CopyData::new(lines.into());
        Ok(self.socket.feed(PgWireBackendMessage::CopyData(data)).await?)
    }

    /// When a statement that begins now must have ended.
    pub(super) fn deadline(&self) -> Instant {
        let allowed = time_allowed(&self.shared.gate, self.settings().statement_timeout());
        Instant::now() + allowed.min(Duration::from_secs(365 * 24 * 3_600))
    }

    /// Waits for a statement's work, until it is canceled or out of time, and notices when the client
    /// leaves.
    pub(super) async fn wait<T>(
        &mut self,
        work: impl Future<Output = Result<T, SqlError>>,
        deadline: Instant,
    ) -> Result<Result<T, SqlError>, Ended> {
        tokio::pin!(work);
        loop {
            let room = self.pending.len() < PENDING_MAX;
            tokio::select! {
                biased;
                // One that came while the statement was planned, which has no pause, counts as well.
                Ok(()) = self.registered.requests.changed() => return Ok(Err(SqlError::Canceled)),
                outcome = &mut work => return Ok(outcome),
                () = tokio::time::sleep_until(deadline) => {
                    let message = "canceling statement due to statement timeout \
                                   (statement_timeout, or the server's query.timeout)";
                    return Ok(Err(SqlError::Timeout { message: message.to_owned() }));
                }
                message = self.socket.next(), if room => match message {
                    Some(Ok(PgWireFrontendMessage::Terminate(_))) | None => {
                        return Err(Ended::Closed);
                    }
                    Some(Ok(message)) => self.pending.push_back(message),
                    Some(Err(error)) => return Err(error.into()),
                },
            }
        }
    }
}

/// What became of a statement that was started.
enum Opened {
    Rows(Box<Rowset>),
    Done { command: &'static str, rows: Option<u64> },
}
