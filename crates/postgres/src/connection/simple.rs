//! The simple protocol: a text of statements, and all of their rows as text.

use std::sync::Arc;

use pgwire::messages::{
    PgWireBackendMessage,
    response::{EmptyQueryResponse, TransactionStatus},
};
use timberline_sql::text::statements;

use super::{Connection, Fault};
use crate::{
    error::Ended,
    statement::{Portal, Statement},
};

impl Connection {
    /// Runs the statements of a text, up to the first one that goes wrong.
    pub(super) async fn simple(&mut self, text: &str) -> Result<(), Ended> {
        let all = statements(text);
        if all.is_empty() {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            self.socket.feed(empty).await?;
        }
        for sql in all {
            match self.simple_statement(sql).await {
                Ok(()) => {}
                Err(Fault::Ended(ended)) => return Err(ended),
                Err(Fault::Refused(refusal)) => {
                    if self.status == TransactionStatus::Transaction {
                        self.status = TransactionStatus::Error;
                    }
                    let before = text
                        .as_bytes()
                        .get(..sql.as_ptr().addr().saturating_sub(text.as_ptr().addr()))
                        .and_then(|before| str::from_utf8(before).ok())
                        .map_or(0, |before| before.chars().count());
                    let message = refusal.response(sql, before);
                    self.socket.feed(PgWireBackendMessage::ErrorResponse(message)).await?;
                    break;
                }
            }
        }
        if !self.in_transaction() {
            self.end_portals();
        }
        self.idle = true;
        self.socket.ready(self.status).await
    }

    async fn simple_statement(&mut self, sql: &str) -> Result<(), Fault> {
        self.check_transaction(sql)?;
        let statement = self.parse(sql, &[]).await?;
        if !statement.parameters().is_empty() {
            let message = "there is no parameter $1: the simple protocol has no parameters";
            return Err(crate::refusal::Refusal::new("42P02", message).into());
        }
        let mut portal = Portal::new(Arc::new(statement), Vec::new(), Vec::new());
        self.run(&mut portal, None, true).await
    }

    /// Parses a statement; a cancellation or the end of time ends that, too.
    pub(super) async fn parse(&mut self, sql: &str, oids: &[u32]) -> Result<Statement, Fault> {
        let deadline = self.deadline();
        let (session, catalog) = (Arc::clone(&self.session), Arc::clone(&self.catalog));
        let parsing = async {
            let mut catalog = catalog.lock().await;
            Ok(Statement::parse(&session, &mut catalog, sql, oids).await)
        };
        Ok(self.wait(parsing, deadline).await???)
    }
}
