//! Messages and places of errors.

use crate::{
    SqlError,
    functions::tests::table::{Row, with_metrics},
};

/// `line:column message` of a statement that fails.
async fn failure(sql: &str) -> String {
    let rows: &[Row<'_>] = &[(Some(1.0), "cpu", "a", Some(1.0))];
    let context = with_metrics(&[rows]);
    let work = async { context.sql(sql).await?.collect().await };
    let error = work.await.expect_err(sql);
    match SqlError::from_datafusion(&error).in_statement(sql) {
        SqlError::Statement { message, position: Some((line, column)) } => {
            format!("{line}:{column} {message}")
        }
        other => format!("- {other}"),
    }
}

#[tokio::test]
async fn errors_say_what_and_where() {
    for (sql, expected) in [
        (
            "SELECT time_bucket('abc', time) FROM metrics",
            "1:8 time_bucket: width \"abc\" is not a span of time such as '5m', '1h30m' or '1 day'",
        ),
        (
            "SELECT time_bucket('1m', time),\n  time_bucket('abc', time) FROM metrics",
            "2:3 time_bucket: width \"abc\" is not a span of time such as '5m', '1h30m' or '1 day'",
        ),
        (
            "SELECT\n  rate(value)\nFROM metrics",
            "2:3 rate: write rate(value, time); 1 argument given",
        ),
        (
            "SELECT value FROM metrics\nWHERE time > 'noon'",
            "2:14 \"noon\" is not a time such as '2024-01-15T00:00:00Z'",
        ),
        (
            "SELECT locf(value) FROM metrics",
            "1:8 locf: stands in the SELECT list of a query that groups by time_bucket_gapfill",
        ),
        ("SELECT 1 +\n  FROM metrics", "2:3 "),
        ("SELEC 1", "1:1 syntax error: Expected: an SQL statement, found: SELEC"),
        ("SELECT valu FROM metrics", "1:8 No field named valu. Did you mean 'metrics.value'?"),
        ("SELECT foo(value) FROM metrics", "1:8 Invalid function 'foo'"),
        (
            "SELECT value FROM metrics WHERE time > now() - 'abc'",
            "1:48 what is added to or subtracted from a time: \"abc\" is not a span of time",
        ),
        (
            "SELECT deriv(DISTINCT value, time) FROM metrics",
            "1:8 deriv: DISTINCT has no meaning here",
        ),
    ] {
        let found = failure(sql).await;
        assert!(found.starts_with(expected), "{sql}\n{found}\n{expected}");
    }
}

#[tokio::test]
async fn a_place_in_doubt_is_not_told() {
    let found = failure("SELECT rate(value), rate(value) + 1 FROM metrics").await;
    assert_eq!(found, "- rate: write rate(value, time); 1 argument given");
}
