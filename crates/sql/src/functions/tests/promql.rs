//! `promql` as a table.

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use tempfile::TempDir;
use timberline::{Database, Labels, Options, Retention, WriteBatch};

use super::table::{refusal, rows, session};
use crate::functions::register_promql;

const MINUTE: i64 = 60_000_000_000;

/// A session over `up{host}`, one sample a minute: a has the minute, b ten times the minute.
fn over_database() -> (SessionContext, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        retention: Retention { age: None, bytes: None },
        background: false,
        ..Options::default()
    };
    let database = Arc::new(Database::open(directory.path(), options).unwrap());
    let mut batch = WriteBatch::default();
    for (host, factor) in [("a", 1.0), ("b", 10.0)] {
        batch.push_labels(Labels::from_pairs([("__name__", "up"), ("host", host)]).unwrap());
        for minute in 0..10 {
            batch.push_sample(minute * MINUTE, minute as f64 * factor);
        }
    }
    assert_eq!(database.write(&batch).unwrap().samples_written, 20);
    let context = session();
    register_promql(&context, &database);
    (context, directory)
}

#[tokio::test]
async fn an_answer_is_a_table() {
    let (context, _directory) = over_database();
    let all = "SELECT * FROM promql('up', 60, 120, 60) ORDER BY tags['host'], time";
    assert_eq!(
        rows(&context, all).await,
        [
            "1970-01-01T00:01:00Z up {host: a} 1.0 - - -",
            "1970-01-01T00:02:00Z up {host: a} 2.0 - - -",
            "1970-01-01T00:01:00Z up {host: b} 10.0 - - -",
            "1970-01-01T00:02:00Z up {host: b} 20.0 - - -",
        ]
    );
    for arguments in [
        "'1970-01-01T00:01:00Z', '1970-01-01T00:02:00Z', '1m'",
        "TIMESTAMP '1970-01-01T00:01:00Z', to_timestamp_seconds(120), INTERVAL '1 minute'",
        "60.0, 120.0, '60'",
        "'60', '120', '1 minute'",
        "to_timestamp(0) + '1m', to_timestamp(180) - '1m', 60.0",
    ] {
        let sql = format!("SELECT sum(value), count(*) FROM promql('sum(up)', {arguments})");
        assert_eq!(rows(&context, &sql).await, ["33.0 2"], "{arguments}");
    }
    let instant = "SELECT tags['host'], value, metric FROM promql('up * 2', 150) ORDER BY 1";
    assert_eq!(rows(&context, instant).await, ["a 4.0 -", "b 40.0 -"]);
    assert_eq!(rows(&context, "SELECT value FROM promql('1 + 1', 0)").await, ["2.0"]);
    let now = "SELECT count(*) FROM promql('vector(1)', now() - '1h', now(), '1m')";
    assert_eq!(rows(&context, now).await, ["61"]);
    assert_eq!(rows(&context, "SELECT value FROM promql('down', 0, 60, 60)").await, [""; 0]);
}

#[tokio::test]
async fn an_answer_joins_with_other_tables() {
    let (context, _directory) = over_database();
    let sql = "SELECT owner, max(p.value) FROM promql('up', 0, 300, '1m') AS p \
               JOIN (VALUES ('a', 'ann'), ('b', 'bob')) AS o(host, owner) ON p.tags['host'] = o.host \
               GROUP BY owner ORDER BY owner";
    assert_eq!(rows(&context, sql).await, ["ann 5.0", "bob 50.0"]);
    let many = "SELECT count(*), sum(value) FROM promql('sum by (host) (up) > -1', 0, 540, 0.1)";
    assert_eq!(rows(&context, many).await.len(), 1);
}

#[tokio::test]
async fn wrong_calls_are_named() {
    let (context, _directory) = over_database();
    for (call, message) in [
        ("promql('sum(', 0, 60, 60)", "promql: 1:5: parse error: "),
        (
            "promql('up')",
            "promql: write promql('up', start, end, step) or promql('up', time); 1 argument given",
        ),
        ("promql(5, 0)", "promql: the expression is a text, not 5"),
        ("promql('up', 'noon')", "promql: time is a timestamp, a text such as"),
        ("promql('up', 0, NULL, 1)", "promql: end is a timestamp"),
        ("promql('up', 0, 60, '1 month')", "promql: step is a span such as '1m'"),
        (
            "promql('up', 0, 60, 0)",
            "promql: step is a span such as '1m', or seconds, greater than 0",
        ),
        ("promql('up', 0, 60, 'abc')", "promql: step \"abc\" is not a span of time"),
        ("promql('up', 60, 0, 1)", "promql: start is after end"),
        ("promql('\"text\"', 0)", "gives a text"),
        ("promql('up', 0, 1e9, 1)", "steps exceed the limit of 11000"),
        ("promql('up', $1)", "promql: a parameter such as $1 cannot stand here"),
        ("promql('up + on(host) group_left up{x=~\"(\"}', 0)", "promql: "),
    ] {
        let found = refusal(&context, &format!("SELECT * FROM {call}")).await;
        assert!(found.contains(message), "{call}: {found}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_for_memory_is_refused() {
    let (context, _directory) = over_database();
    let pool = datafusion::execution::memory_pool::GreedyMemoryPool::new(20_000);
    let runtime = datafusion::execution::runtime_env::RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .build_arc()
        .unwrap();
    let state = datafusion::execution::SessionStateBuilder::new_from_existing(context.state());
    let context = SessionContext::new_with_state(state.with_runtime_env(runtime).build());
    let small = rows(&context, "SELECT count(*) FROM promql('up', 0, 540, 60)").await;
    assert_eq!(small, ["20"]);
    let found = refusal(&context, "SELECT count(*) FROM promql('up', 0, 540, 0.1)").await;
    assert!(found.contains("promql"), "{found}");
}
