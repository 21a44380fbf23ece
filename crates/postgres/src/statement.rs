//! Statements that were parsed, and portals that run them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use timberline_sql::{Prepared, ScalarValue, Session, SqlError, text::Tokens};

use crate::{
    catalog::Catalog, command::Command, driver_questions, params::ParameterType, refusal::Refusal,
    rowset::Rowset, type_question,
};

/// A statement, ready to be run.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) command: Command,
    /// What the engine runs, if it is to run something.
    pub(crate) planned: Option<Arc<Planned>>,
    /// Whether it says nothing at all.
    pub(crate) empty: bool,
}

/// What the engine runs.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) prepared: Prepared,
    pub(crate) parameters: Vec<ParameterType>,
    /// The columns that clients are told; none if it answers no rows.
    pub(crate) schema: SchemaRef,
}

impl Statement {
    /// Parses a statement; the client may have said of which types its parameters are.
    ///
    /// # Errors
    /// As the engine has them.
    pub(crate) async fn parse(
        session: &Session,
        catalog: &mut Catalog,
        sql: &str,
        oids: &[u32],
    ) -> Result<Self, Refusal> {
        let empty = Tokens::of(sql).all(|token| &sql[token.range] == ";");
        let command = if empty { Command::Query } else { Command::of(sql)? };
        let query = match &command {
            _ if empty => None,
            Command::Query => Some(sql),
            Command::Declare { query, .. } => Some(&sql[*query..]),
            Command::Copy { query, .. } => Some(query.as_str()),
            _ => None,
        };
        let planned = match query {
            Some(query) => {
                let planned = Planned::of(session, catalog, query, oids).await;
                let planned = planned.map_err(|error| {
                    let refusal = Refusal::from(error);
                    // Of a query within a statement, the place would be off.
                    let place = refusal.place.filter(|_| command == Command::Query);
                    Refusal { place, ..refusal }
                });
                Some(Arc::new(planned?))
            }
            None => None,
        };
        Ok(Self { sql: sql.to_owned(), command, planned, empty })
    }

    /// The types of its parameters.
    pub(crate) fn parameters(&self) -> &[ParameterType] {
        self.planned.as_ref().map_or(&[], |planned| &planned.parameters)
    }
}

impl Planned {
    async fn of(
        session: &Session,
        catalog: &mut Catalog,
        query: &str,
        oids: &[u32],
    ) -> Result<Self, SqlError> {
        let (rewritten, oids) = match type_question::answered(query) {
            Some((answer, parameters)) => (answer, parameters),
            None => {
                let asked = driver_questions::answered(query);
                let asked = asked.as_deref().unwrap_or(query);
                (catalog.rewritten(session, asked)?, oids.to_vec())
            }
        };
        let prepared = match session.prepare(&rewritten).await {
            Ok(prepared) => prepared,
            // Places in a text that the client never sent would mislead.
            Err(SqlError::Statement { message, .. }) if rewritten != query => {
                return Err(SqlError::Statement { message, position: None });
            }
            Err(error) => return Err(error),
        };
        let needed = prepared.parameters()?;
        let count = needed.len().max(oids.len());
        let parameters: Vec<ParameterType> = (0..count)
            .map(|index| {
                let oid = oids.get(index).copied().unwrap_or(0);
                ParameterType::new(oid, needed.get(index).cloned().flatten())
            })
            .collect();
        // With the types of the parameters, those of the columns may be others.
        let schema = if parameters.is_empty() {
            prepared.schema()
        } else {
            let nulls = parameters.iter().map(ParameterType::null).collect();
            prepared.bound(nulls).map_or_else(|_| prepared.schema(), |bound| bound.schema())
        };
        Ok(Self { prepared, parameters, schema })
    }
}

/// A statement with its parameters, and how far it has come.
pub(crate) struct Portal {
    pub(crate) statement: Arc<Statement>,
    pub(crate) values: Vec<ScalarValue>,
    /// Formats of the columns: none for text, one for all, or one for each.
    pub(crate) formats: Vec<i16>,
    pub(crate) state: PortalState,
    /// Whether it outlives its transaction.
    pub(crate) hold: bool,
}

/// How far a portal has come.
pub(crate) enum PortalState {
    Fresh,
    Open(Box<Rowset>),
    Ended,
}

impl Portal {
    /// A portal that was not run yet.
    pub(crate) const fn new(
        statement: Arc<Statement>,
        values: Vec<ScalarValue>,
        formats: Vec<i16>,
    ) -> Self {
        Self { statement, values, formats, state: PortalState::Fresh, hold: false }
    }
}

/// For each column, whether it is sent in binary.
///
/// # Errors
/// Formats for another number of columns.
pub(crate) fn binary(formats: &[i16], columns: usize) -> Result<Vec<bool>, Refusal> {
    match formats {
        [] => Ok(vec![false; columns]),
        [one] => Ok(vec![*one == 1; columns]),
        each if each.len() == columns => Ok(each.iter().map(|code| *code == 1).collect()),
        each => Err(Refusal::protocol(format!("{} formats for {columns} columns", each.len()))),
    }
}
