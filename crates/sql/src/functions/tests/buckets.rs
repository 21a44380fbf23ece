//! `time_bucket`, spans of time in texts, `first`, `last`, `approx_percentile`, and StreamDB's statements.

use super::table::{refusal, rows, session, with_metrics};

#[tokio::test]
async fn buckets_start_at_multiples_of_the_width_since_the_epoch() {
    let context = session();
    for (width, time, bucket) in [
        ("'5m'", "2024-01-15T00:07:30Z", "2024-01-15T00:05:00Z"),
        ("'1h30m'", "2024-01-15T00:07:30Z", "2024-01-15T00:00:00Z"),
        ("INTERVAL '5 minutes'", "2024-01-15T00:05:00Z", "2024-01-15T00:05:00Z"),
        ("'5 minutes'", "2024-01-15T00:04:59.999999999Z", "2024-01-15T00:00:00Z"),
        ("'1w'", "2024-01-17T12:00:00Z", "2024-01-11T00:00:00Z"),
        ("'1d'", "1969-12-31T23:00:00Z", "1969-12-31T00:00:00Z"),
        ("'1 month'", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z"),
        ("INTERVAL '1 year'", "2024-02-29T12:00:00Z", "2024-01-01T00:00:00Z"),
    ] {
        let sql = format!("SELECT time_bucket({width}, '{time}')");
        assert_eq!(rows(&context, &sql).await, [bucket], "{sql}");
    }
    let origin = "SELECT time_bucket('1d', '2024-01-15T02:00:00Z', '2024-01-01T03:00:00Z')";
    assert_eq!(rows(&context, origin).await, ["2024-01-14T03:00:00Z"]);
    assert_eq!(rows(&context, "SELECT time_bucket('1m', NULL)").await, ["-"]);
    assert_eq!(rows(&context, "SELECT time_bucket(NULL, now())").await, ["-"]);
}

#[tokio::test]
async fn a_wrong_width_is_named() {
    let context = with_metrics(&[&[(Some(1.0), "cpu", "a", Some(1.0))]]);
    for (call, message) in [
        ("time_bucket('abc', time)", "time_bucket: width \"abc\" is not a span of time"),
        ("time_bucket('5', time)", "time_bucket: width \"5\" is not a span of time"),
        ("time_bucket('1y', time)", "write '365d' or INTERVAL '1 year'"),
        ("time_bucket('0s', time)", "time_bucket: the width is greater than zero"),
        ("time_bucket('-1m', time)", "time_bucket: the width is greater than zero"),
        ("time_bucket('1 month 1 day', time)", "not both"),
        ("time_bucket(5, time)", "the width is a span of time such as '5m'"),
        ("time_bucket('5m', value)", "time_bucket: the time is a timestamp, not Float64"),
        ("time_bucket('5m')", "time_bucket: write time_bucket('5m', time)"),
        ("time_bucket(metric, time)", "the width is the same for all rows, not a column"),
    ] {
        let found = refusal(&context, &format!("SELECT {call} FROM metrics")).await;
        assert!(found.contains(message), "{call}: {found}");
    }
}

#[tokio::test]
async fn a_bucket_is_a_date_bin_in_plans() {
    let context = with_metrics(&[&[(Some(1.0), "cpu", "a", Some(1.0))]]);
    let sql = "EXPLAIN SELECT time_bucket('5m', time) AS b, max(value) FROM metrics GROUP BY b";
    let plan = rows(&context, sql).await.join("\n");
    assert!(plan.contains("date_bin(IntervalMonthDayNano("), "{plan}");
}

#[tokio::test]
async fn spans_and_times_may_be_texts() {
    let context = with_metrics(&[&[
        (Some(1_705_276_800.0), "cpu", "a", Some(1.0)),
        (Some(1_705_278_600.0), "cpu", "a", Some(2.0)),
        (Some(1_705_280_400.0), "cpu", "a", Some(3.0)),
    ]]);
    for (condition, values) in [
        ("time BETWEEN '2024-01-15T00:00:00Z' AND '2024-01-15T00:30:00Z'", "1.0 2.0"),
        ("time = '2024-01-15T00:30:00Z'", "2.0"),
        ("time < '2024-01-15 00:30:00'", "1.0"),
        ("'2024-01-15T02:30:00+02:00' <= time", "2.0 3.0"),
        ("time >= to_timestamp('2024-01-15T02:00:00Z') - '1h30m'", "2.0 3.0"),
        ("time >= TIMESTAMP '2024-01-15T02:00:00Z' - INTERVAL '1 hour'", "3.0"),
        ("time + '1h' = '2024-01-15T01:00:00Z'", "1.0"),
        ("'1h' + time = '2024-01-15T01:00:00Z'", "1.0"),
        ("time IN ('2024-01-15T00:00:00Z', '2024-01-15T01:00:00Z')", "1.0 3.0"),
        ("time < '2024-01-15T02:00:00Z' - INTERVAL '1 hour'", "1.0 2.0"),
        ("time > now() - '1m'", ""),
        ("time < now() - interval '1 hour'", "1.0 2.0 3.0"),
    ] {
        let sql = format!("SELECT value FROM metrics WHERE {condition} ORDER BY time");
        assert_eq!(rows(&context, &sql).await.join(" "), values, "{condition}");
    }
    for (condition, message) in [
        ("time > 'yesterday'", "\"yesterday\" is not a time such as"),
        ("time > '5m'", "a span of time is written now() - '5m'"),
        ("time > now() - 'abc'", "\"abc\" is not a span of time"),
        ("time > now() - '1y'", "years differ in length"),
    ] {
        let sql = format!("SELECT value FROM metrics WHERE {condition}");
        let found = refusal(&context, &sql).await;
        assert!(found.contains(message), "{condition}: {found}");
    }
}

#[tokio::test]
async fn first_and_last_go_by_time() {
    let context = with_metrics(&[
        &[
            (Some(30.0), "cpu", "a", Some(3.0)),
            (Some(10.0), "cpu", "a", Some(1.0)),
            (Some(5.0), "cpu", "a", None),
            (None, "cpu", "a", Some(9.0)),
        ],
        &[(Some(20.0), "cpu", "a", Some(2.0)), (None, "mem", "a", Some(7.0))],
    ]);
    let sql =
        "SELECT metric, first(value, time), last(value, time) FROM metrics GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&context, sql).await, ["cpu 1.0 3.0", "mem - -"]);
    let sql =
        "SELECT first(metric, time) FILTER (WHERE value > 1), last(value, time) + 1 FROM metrics";
    assert_eq!(rows(&context, sql).await, ["cpu 4.0"]);
    let sql = "SELECT value, first(value, time) OVER (ORDER BY time ROWS 1 PRECEDING), \
               last(value, time) OVER (ORDER BY time DESC) \
               FROM metrics WHERE time IS NOT NULL AND value IS NOT NULL ORDER BY time";
    assert_eq!(rows(&context, sql).await, ["1.0 1.0 3.0", "2.0 1.0 3.0", "3.0 2.0 3.0"]);
    let found = refusal(&context, "SELECT first(value) FROM metrics").await;
    assert!(found.contains("first: write first(value, time); 1 argument given"), "{found}");
    let found = refusal(&context, "SELECT last(value, metric) FROM metrics").await;
    assert!(found.contains("last: the second argument is the time"), "{found}");
}

#[tokio::test]
async fn approx_percentile_takes_the_share_second() {
    let table: Vec<_> =
        (0..=100).map(|i| (Some(f64::from(i)), "cpu", "a", Some(f64::from(i)))).collect();
    let context = with_metrics(&[&table]);
    let found = rows(&context, "SELECT approx_percentile(value, 0.95) FROM metrics").await;
    let found: f64 = found[0].parse().unwrap();
    assert!((found - 95.0).abs() <= 1.0, "{found}");
}

#[tokio::test]
async fn all_statements_of_streamdb_run_as_they_stand() {
    let context = with_metrics(&[&[
        (Some(1_705_276_800.0), "cpu_usage", "web-1", Some(1.0)),
        (Some(1_705_276_801.0), "cpu_usage", "web-2", Some(2.0)),
        (Some(1_705_276_802.0), "memory", "web-1", Some(3.0)),
        (Some(1_705_284_000.0), "cpu_usage", "web-1", Some(4.0)),
    ]]);
    let point = "SELECT * FROM metrics
WHERE time BETWEEN '2024-01-15T00:00:00Z' AND '2024-01-15T01:00:00Z'
  AND metric = 'cpu_usage'
  AND tags['host'] = 'web-1';";
    assert_eq!(rows(&context, point).await, ["2024-01-15T00:00:00Z cpu_usage {host: web-1} 1.0"]);
    let windows = "SELECT
  time_bucket('5m', time) as bucket,
  metric,
  AVG(value) as avg_value,
  MAX(value) as max_value
FROM metrics
WHERE time > now() - interval '1 hour'
GROUP BY bucket, metric;";
    assert_eq!(rows(&context, windows).await, [""; 0]);
    let all = windows.replace("now() - interval '1 hour'", "'2024-01-15'");
    let mut found = rows(&context, &all).await;
    found.sort();
    assert_eq!(
        found,
        [
            "2024-01-15T00:00:00Z cpu_usage 2.0 2.0",
            "2024-01-15T00:00:00Z memory 3.0 3.0",
            "2024-01-15T02:00:00Z cpu_usage 4.0 4.0",
        ]
    );
    let demo = "SELECT time_bucket('10s', time), AVG(value) FROM metrics WHERE time > now() - '1m' GROUP BY 1";
    assert_eq!(rows(&context, demo).await, [""; 0]);
    let demo = "SELECT time_bucket('5s', time), AVG(value) FROM metrics GROUP BY 1";
    assert_eq!(rows(&context, demo).await.len(), 2);
}
