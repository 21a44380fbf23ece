//! Small tables, and answers as text.

use std::sync::Arc;

use arrow::{
    array::{
        Array as _, ArrayRef, Float64Array, MapBuilder, MapFieldNames, RecordBatch, StringArray,
        StringBuilder, TimestampNanosecondArray,
    },
    datatypes::{Field, Schema},
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{
    datasource::MemTable,
    execution::SessionStateBuilder,
    prelude::{SessionConfig, SessionContext},
};

use crate::{checked, dialect, functions};

/// A row of `metrics`: seconds, metric, host, value.
pub(crate) type Row<'a> = (Option<f64>, &'a str, &'a str, Option<f64>);

/// A session with the functions and no table.
pub(crate) fn session() -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(2).with_information_schema(true);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_query_planner(Arc::new(functions::Planner))
        .build();
    let context = SessionContext::new_with_state(state);
    functions::register(&context);
    dialect::register(&context);
    checked::register(&context);
    context
}

/// A session with a table `metrics(time, metric, tags, value)`, in as many partitions as there are slices.
pub(crate) fn with_metrics(partitions: &[&[Row<'_>]]) -> SessionContext {
    let context = session();
    let batches: Vec<_> = partitions.iter().map(|rows| vec![batch(rows)]).collect();
    let schema = batches[0][0].schema();
    context
        .register_table("metrics", Arc::new(MemTable::try_new(schema, batches).unwrap()))
        .unwrap();
    context
}

fn batch(rows: &[Row<'_>]) -> RecordBatch {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut tags = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for (_, _, host, _) in rows {
        tags.keys().append_value("host");
        tags.values().append_value(host);
        tags.append(true).unwrap();
    }
    let nanos = |seconds: f64| (seconds * 1e9) as i64;
    let times: TimestampNanosecondArray = rows.iter().map(|row| row.0.map(nanos)).collect();
    let metrics: StringArray = rows.iter().map(|row| Some(row.1)).collect();
    let values: Float64Array = rows.iter().map(|row| row.3).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("metric", Arc::new(metrics)),
        ("tags", Arc::new(tags.finish())),
        ("value", Arc::new(values)),
    ];
    let fields: Vec<_> =
        columns.iter().map(|(name, c)| Field::new(*name, c.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The rows of an answer, columns divided by a space, NULL as `-`.
pub(crate) async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    match try_rows(context, sql).await {
        Ok(rows) => rows,
        Err(message) => panic!("{sql}: {message}"),
    }
}

/// The message of a statement that fails.
pub(crate) async fn refusal(context: &SessionContext, sql: &str) -> String {
    match try_rows(context, sql).await {
        Ok(rows) => panic!("{sql}: {rows:?}"),
        Err(message) => message,
    }
}

async fn try_rows(context: &SessionContext, sql: &str) -> Result<Vec<String>, String> {
    let work = async { context.sql(sql).await?.collect().await };
    let batches = work.await.map_err(|error| error.strip_backtrace())?;
    let options = FormatOptions::default().with_null("-");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
            rows.push(cells.join(" "));
        }
    }
    Ok(rows)
}
