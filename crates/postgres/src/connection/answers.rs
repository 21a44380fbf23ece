//! Answers that the wire gives itself: settings, and columns of statements that it runs itself.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
};

use super::{Connection, extended::no_portal};
use crate::{
    command::Command,
    refusal::Refusal,
    statement::{PortalState, Statement},
};

impl Connection {
    /// The columns that a statement will answer; `None` if it answers no rows.
    pub(super) fn columns(&self, statement: &Statement) -> Result<Option<SchemaRef>, Refusal> {
        Ok(match &statement.command {
            Command::Query => statement
                .planned
                .as_ref()
                .map(|planned| Arc::clone(&planned.schema))
                .filter(|schema| !schema.fields().is_empty()),
            Command::Show(name) => Some(texts(&[name])),
            Command::ShowAll => Some(texts(&["name", "setting"])),
            Command::Fetch(fetch) if !fetch.step_over => {
                let portal = self.portals.get(&fetch.name).ok_or_else(|| no_portal(&fetch.name))?;
                match &portal.state {
                    PortalState::Open(rowset) => Some(Arc::clone(rowset.schema())),
                    _ => {
                        portal.statement.planned.as_ref().map(|planned| Arc::clone(&planned.schema))
                    }
                }
            }
            // So that a client that describes a cursor by its name hears of its rows.
            Command::Declare { .. } => None,
            _ => None,
        })
    }

    /// One setting, or all of them.
    pub(super) fn shown(&self, name: Option<&str>) -> Result<RecordBatch, Refusal> {
        let column = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
        let (schema, columns) = match name {
            Some(name) => {
                let value = self.settings().get(name).map(str::to_owned).ok_or_else(|| {
                    let message = format!("unrecognized configuration parameter \"{name}\"");
                    Refusal::new("42704", message)
                })?;
                (texts(&[name]), vec![column(vec![value])])
            }
            None => {
                let (names, values) = self.settings().all().into_iter().unzip();
                (texts(&["name", "setting"]), vec![column(names), column(values)])
            }
        };
        RecordBatch::try_new(schema, columns)
            .map_err(|error| Refusal::new("XX000", error.to_string()))
    }
}

fn texts(names: &[&str]) -> SchemaRef {
    let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
