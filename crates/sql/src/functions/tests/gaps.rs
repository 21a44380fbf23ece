//! `time_bucket_gapfill`, `locf` and `interpolate`.

use super::table::{refusal, rows, with_metrics};
use datafusion::prelude::SessionContext;

/// Host a at 0:10 and 0:40, b at 0:20; minute by tens of seconds.
fn table() -> SessionContext {
    with_metrics(&[
        &[(Some(41.0), "n", "a", Some(7.0)), (Some(25.0), "n", "b", Some(5.0))],
        &[(Some(10.0), "n", "a", Some(1.0))],
    ])
}

const MINUTE: &str = "time >= '1970-01-01T00:00:00Z' AND time < '1970-01-01T00:01:00Z'";

/// Seconds of the buckets, and the rest of the columns.
async fn filled(context: &SessionContext, select: &str, rest: &str) -> Vec<String> {
    let sql = format!(
        "SELECT date_part('second', b)::int, * FROM (SELECT time_bucket_gapfill('10s', time) AS b, {select} \
         FROM metrics WHERE {rest}) ORDER BY 3, b"
    );
    let rows = rows(context, &sql).await;
    rows.iter()
        .map(|row| {
            let cells: Vec<_> = row.split(' ').collect();
            [&cells[..1], &cells[2..]].concat().join(" ")
        })
        .collect()
}

#[tokio::test]
async fn every_group_has_every_bucket() {
    let found = filled(
        &table(),
        "tags['host'] AS host, sum(value), locf(sum(value)), interpolate(sum(value)), count(*)",
        &format!("{MINUTE} GROUP BY b, host"),
    )
    .await;
    assert_eq!(
        found,
        [
            "0 a - - - -",
            "10 a 1.0 1.0 1.0 1",
            "20 a - 1.0 3.0 -",
            "30 a - 1.0 5.0 -",
            "40 a 7.0 7.0 7.0 1",
            "50 a - 7.0 - -",
            "0 b - - - -",
            "10 b - - - -",
            "20 b 5.0 5.0 5.0 1",
            "30 b - 5.0 - -",
            "40 b - 5.0 - -",
            "50 b - 5.0 - -",
        ]
    );
}

#[tokio::test]
async fn bounds_may_be_said_in_many_ways() {
    let context = table();
    for (condition, buckets) in [
        ("time BETWEEN '1970-01-01T00:00:20Z' AND '1970-01-01T00:00:40Z'", "20 30 40"),
        ("time > '1970-01-01T00:00:19.999999999Z' AND time < '1970-01-01T00:00:40Z'", "20 30"),
        ("'1970-01-01T00:00:15Z' <= time AND '1970-01-01T00:00:20Z' > time", "10"),
        (
            "time >= '1970-01-01T00:00:20Z' AND time < TIMESTAMP '1970-01-01T00:00:00Z' + '40s' AND value > 100",
            "20 30",
        ),
        ("time = '1970-01-01T00:00:25Z'", "20"),
        (
            "time < '1970-01-01T00:00:40Z' AND time >= '1970-01-01' AND time >= '1970-01-01T00:00:30Z'",
            "30",
        ),
        ("time >= '1970-01-01T00:00:40Z' AND time < '1970-01-01T00:00:20Z'", ""),
    ] {
        let found = filled(&context, "0, count(*)", &format!("{condition} GROUP BY 1")).await;
        let found: Vec<_> = found.iter().map(|row| row.split(' ').next().unwrap()).collect();
        assert_eq!(found.join(" "), buckets, "{condition}");
    }
    let arguments = "SELECT time_bucket_gapfill(INTERVAL '30 seconds', time, '1970-01-01T00:00:00Z', \
                     '1970-01-01T00:02:00Z') AS b, max(value) FROM metrics GROUP BY 1 ORDER BY 1";
    assert_eq!(
        rows(&context, arguments).await,
        [
            "1970-01-01T00:00:00Z 5.0",
            "1970-01-01T00:00:30Z 7.0",
            "1970-01-01T00:01:00Z -",
            "1970-01-01T00:01:30Z -",
        ]
    );
    let now = "SELECT time_bucket_gapfill('1m', time) AS b, locf(max(value)) FROM metrics \
               WHERE time > now() - '1h' AND time <= now() GROUP BY b";
    let found = rows(&context, now).await.len();
    assert!((60..=61).contains(&found), "{found}");
}

#[tokio::test]
async fn fills_mix_with_the_rest_of_a_statement() {
    let context = table();
    let found = filled(
        &context,
        "tags['host'] AS host, locf(sum(value)) * 2 AS twice, round(interpolate(avg(value)) + 1)",
        &format!("{MINUTE} AND tags['host'] = 'a' GROUP BY b, host HAVING sum(value) > 0"),
    )
    .await;
    assert_eq!(
        found,
        ["0 a - -", "10 a 2.0 2.0", "20 a 2.0 4.0", "30 a 2.0 6.0", "40 a 14.0 8.0", "50 a 14.0 -"]
    );
    let outer = format!(
        "WITH filled AS (SELECT time_bucket_gapfill('10s', time) AS b, locf(sum(value)) AS v FROM metrics \
         WHERE {MINUTE} GROUP BY b) SELECT count(*), count(v), sum(v) FROM filled WHERE v > 1 OR v IS NULL"
    );
    assert_eq!(rows(&context, &outer).await, ["5 4 24.0"]);
    let limited = format!(
        "SELECT time_bucket_gapfill('10s', time) AS b, locf(sum(value)) AS v FROM metrics \
         WHERE {MINUTE} GROUP BY b ORDER BY b DESC LIMIT 2"
    );
    let found = rows(&context, &limited).await;
    assert_eq!(found, ["1970-01-01T00:00:50Z 7.0", "1970-01-01T00:00:40Z 7.0"]);
}

#[tokio::test]
async fn many_rows_pass_in_batches() {
    let context = table();
    let sql = "SELECT count(*), count(v), count(DISTINCT b), sum(l) FROM (SELECT \
               time_bucket_gapfill('1ms', time) AS b, tags['host'] AS h, sum(value) AS v, \
               locf(sum(value)) AS l FROM metrics WHERE time >= '1970-01-01' AND \
               time < '1970-01-01T00:01:00Z' GROUP BY 1, 2)";
    // a: 1 from 10 s to 41 s, then 7 to the end; b: 5 from 25 s.
    let sum = 31_000 + 7 * 19_000 + 5 * 35_000;
    assert_eq!(rows(&context, sql).await, [format!("120000 3 60000 {sum}.0")]);
}

#[tokio::test]
async fn what_is_lacking_or_too_much_is_named() {
    let context = table();
    for (statement, message) in [
        (
            "SELECT time_bucket_gapfill('1m', time), sum(value) FROM metrics GROUP BY 1",
            "no time to fill; add WHERE time >=",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time), sum(value) FROM metrics WHERE time > now() - '1h' GROUP BY 1",
            "no last bucket; add WHERE time <",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time), sum(value) FROM metrics WHERE time < now() GROUP BY 1",
            "no first bucket; add WHERE time >=",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time), sum(value) FROM metrics WHERE time < now() OR time > now() - '1h' GROUP BY 1",
            "no time to fill",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time + '1s'), sum(value) FROM metrics GROUP BY 1",
            "give start and finish",
        ),
        (
            "SELECT time_bucket_gapfill('1 month', time, now() - '1h', now()), sum(value) FROM metrics GROUP BY 1",
            "months differ in length",
        ),
        (
            "SELECT time_bucket_gapfill('1ns', time, now() - '1h', now()), sum(value) FROM metrics GROUP BY 1",
            "more than 10000000 rows would have to be added",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time, NULL, now()), sum(value) FROM metrics GROUP BY 1",
            "start and finish are not NULL",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time, now()), sum(value) FROM metrics GROUP BY 1",
            "3 arguments given",
        ),
        (
            "SELECT time_bucket_gapfill('1m', time) FROM metrics",
            "time_bucket_gapfill: stands by itself in GROUP BY",
        ),
        (
            "SELECT time_bucket_gapfill('1m', value, now(), now()), 1 FROM metrics GROUP BY 1",
            "time is a timestamp, not Float64",
        ),
        (
            "SELECT locf(value) FROM metrics",
            "locf: stands in the SELECT list of a query that groups by",
        ),
        ("SELECT interpolate(sum(value)) FROM metrics", "interpolate: stands in the SELECT list"),
        ("SELECT interpolate(metric) FROM metrics", "interpolate: the value is a number, not Utf8"),
        (
            "SELECT time_bucket_gapfill('1s', time, to_timestamp(0), to_timestamp(6000000)), value, sum(value) FROM metrics GROUP BY 1, 2",
            "more than 10000000 rows",
        ),
    ] {
        let found = refusal(&context, statement).await;
        assert!(found.contains(message), "{statement}: {found}");
    }
}
