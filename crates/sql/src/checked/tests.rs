//! What is refused, and what is not.

use crate::{
    SqlError,
    functions::tests::table::{Row, with_metrics},
};

/// The first value of an answer as text, or the message of its error.
async fn answer(sql: &str) -> Result<String, String> {
    let rows: &[Row<'_>] =
        &[(Some(1.0), "cpu", "a", Some(1.0)), (Some(2.0), "cpu", "b", Some(9e18))];
    let context = with_metrics(&[rows]);
    let work = async { context.sql(sql).await?.collect().await };
    let batches = work.await.map_err(|error| SqlError::from_datafusion(&error).to_string())?;
    let value = arrow::util::display::array_value_to_string(batches[0].column(0), 0);
    Ok(value.unwrap())
}

#[tokio::test]
async fn whole_numbers_that_do_not_fit_are_errors() {
    let max = i64::MAX;
    for (sql, named) in [
        (format!("SELECT {max} + 1"), "9223372036854775807 + 1"),
        (format!("SELECT -{max} - 2"), "-9223372036854775807 - 2"),
        (format!("SELECT 2 * (SELECT {max})"), "9223372036854775807"),
        (format!("SELECT abs(-5) + {max}"), "9223372036854775807"),
        ("SELECT 0::bigint unsigned - 1::bigint unsigned".into(), "0 - 1"),
        ("SELECT 100::tinyint + 100::tinyint".into(), "100 + 100"),
        (format!("SELECT -(-{max} - 1)"), "9223372036854775808"),
        ("SELECT value::bigint * 2 FROM metrics ORDER BY 1 DESC".into(), "9000000000000000000 * 2"),
        (
            format!("SELECT count(*) FROM metrics WHERE value::bigint + {max} > 0"),
            "+ 9223372036854775807",
        ),
        (format!("SELECT max(value::bigint) + {max} FROM metrics"), "+ 9223372036854775807"),
        (format!("SELECT sum(1) FROM metrics GROUP BY value::bigint + {max}"), "+ 922337"),
    ] {
        let error = answer(&sql).await.expect_err(&sql);
        assert!(error.starts_with("number out of range: "), "{sql}: {error}");
        assert!(error.contains(named), "{sql}: {error}");
    }
}

#[tokio::test]
async fn other_numbers_are_computed_as_before() {
    for (sql, value) in [
        ("SELECT 9223372036854775806 + 1", "9223372036854775807"),
        ("SELECT 1 + 2 * 3 - -4", "11"),
        ("SELECT 1.5 + 2", "3.5"),
        ("SELECT 9223372036854775807 + 1.0", "9.223372036854775807e18"),
        ("SELECT value::bigint + 1 FROM metrics WHERE value < 2", "2"),
        ("SELECT value::bigint + 1 AS n FROM metrics GROUP BY value::bigint + 1 ORDER BY 1", "2"),
        ("SELECT sum(value::bigint + 1) FROM metrics WHERE value < 2", "2"),
        ("SELECT CASE WHEN true THEN 1 ELSE 9223372036854775807 + 1 END", "1"),
        ("SELECT -(value::bigint) FROM metrics WHERE value < 2", "-1"),
        ("SELECT date '2026-01-31' - date '2026-01-01'", "30"),
        ("SELECT sum(n + 1) OVER (ORDER BY n + 1) FROM generate_series(1, 3) t(n) ORDER BY 1", "2"),
        ("SELECT row_number() OVER (PARTITION BY n * 2 ORDER BY -n) FROM range(3) t(n)", "1"),
        ("SELECT count(*) FILTER (WHERE n * 2 > 3) FROM generate_series(1, 3) t(n)", "2"),
        ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n * 2) FROM range(3) t(n)", "2.0"),
        ("SELECT first_value(n ORDER BY -n) FROM range(3) t(n)", "2"),
    ] {
        let found = answer(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let same = found.parse::<f64>().ok() == value.parse::<f64>().ok();
        assert!(found == value || (value.contains('e') && same), "{sql}: {found}");
    }
    let named = answer("EXPLAIN SELECT value::bigint + 1 FROM metrics").await;
    assert!(named.is_ok(), "{named:?}");
}

#[tokio::test]
async fn what_makes_much_of_little_is_refused() {
    for call in [
        "repeat('a', 1000000000)",
        "repeat(repeat('a', 60000), 60000)",
        "repeat(upper('abc'), 1000000000)",
        "lpad('a', 1000000000)",
        "rpad('a', 100000000, 'é')",
        "array_repeat('a', 1000000000)",
        "list_repeat(array_repeat('abc', 1000), 1000000)",
        "array_resize([1], 1000000000)",
        "range(1000000000)",
        "range(1, 9000000000000000000, 7)",
        "range(9000000000000000000, 1, -7)",
        "generate_series(1, 1000000000)",
        "generate_series(timestamp '2000-01-01', timestamp '2020-01-01', interval '1 second')",
        "generate_series(timestamp '2001-02-01', timestamp '2021-01-01', interval '1 month -28 days')",
        "generate_series(date '2001-03-01', date '2021-01-01', interval '1 month -31 days')",
        "range(timestamp '2001-02-01', timestamp '2021-01-01', interval '1 day -24 hours')",
        "replace(repeat('a', 60000), 'a', repeat('b', 60000))",
        "regexp_replace(repeat('a', 60000), 'a', repeat('b', 60000), 'g')",
        "regexp_replace(repeat('a', 60000), concat('a|b', repeat('c', 60000)), repeat('b', 60000), 'g')",
        "arrow_cast(NULL, 'FixedSizeBinary(2000000000)')",
        "arrow_cast(NULL, 'FixedSizeList(1000000000, Int64)')",
    ] {
        for sql in [
            format!("SELECT {call}"),
            format!("SELECT {call} FROM metrics"),
            format!("SELECT count(*) FROM metrics WHERE metric = ({call})::text"),
        ] {
            let Err(error) = answer(&sql).await else { panic!("{sql} is answered") };
            let told = error.contains("it would make more than 64 MiB")
                || error.contains("at most 65536 fixed items")
                || (sql.ends_with("::text") && error.contains("ast"));
            assert!(told, "{sql}: {error}");
        }
    }
    let by_column = "SELECT repeat(metric, value::bigint) FROM metrics";
    assert!(answer(by_column).await.unwrap_err().contains("64 MiB for 2 rows"));
    // As much for each of many rows.
    let many = "SELECT max(length(x)) FROM (SELECT repeat('a', 100000) AS x FROM range(10000))";
    assert!(answer(many).await.unwrap_err().contains("64 MiB"));
}

#[tokio::test]
async fn usual_sizes_are_made() {
    for (sql, value) in [
        ("SELECT length(repeat('ab', 1000000))", "2000000"),
        ("SELECT repeat('ab', 3)", "ababab"),
        ("SELECT repeat('ab', -3)", ""),
        ("SELECT repeat(NULL, 3)", ""),
        ("SELECT lpad('7', 3, '0')", "007"),
        ("SELECT rpad('7', 3)", "7  "),
        ("SELECT cardinality(array_repeat(1, 1000))", "1000"),
        ("SELECT cardinality(range(1, 100000))", "99999"),
        ("SELECT generate_series(3, 1, -1)", "[3, 2, 1]"),
        (
            "SELECT cardinality(generate_series(date '2026-01-01', date '2026-12-31', interval '1 month'))",
            "12",
        ),
        (
            "SELECT cardinality(generate_series(timestamp '2026-01-01', timestamp '2025-01-01', interval '-1 month 1 day'))",
            "13",
        ),
        ("SELECT replace('abc', 'b', 'xx')", "axxc"),
        ("SELECT regexp_replace(tags['host'], '(.)', 'x\\1') FROM metrics ORDER BY 1", "xa"),
        ("SELECT array_resize([1, 2], 3, 7)", "[1, 2, 7]"),
        ("SELECT count(*) FROM metrics WHERE tags['host'] = repeat('a', 1)", "1"),
        ("SELECT lpad(tags['host'], 4, '-') FROM metrics ORDER BY 1", "---a"),
    ] {
        let found = answer(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, value, "{sql}");
    }
}
