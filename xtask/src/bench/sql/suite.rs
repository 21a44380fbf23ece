//! The questions, each as every engine says it.
//!
//! Timberline has a table for each metric, and `metrics` for all of them; the others have one table `cpu`
//! with a column for each metric, ordered by host and time, which is what suits them best.

use crate::bench::load::METRICS;

const TEN_HOSTS: &str = "hostname IN ('host_1', 'host_12', 'host_23', 'host_34', 'host_45', 'host_56', \
                         'host_67', 'host_78', 'host_89', 'host_98')";

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) timberline: String,
    pub(super) duckdb: String,
    pub(super) clickhouse: String,
}

/// Where the dialects differ.
struct Dialect {
    table: &'static str,
    value: &'static str,
    /// The start of a bucket of so many seconds.
    bucket: fn(u64) -> String,
    /// A moment in seconds since the Unix epoch.
    moment: fn(u64) -> String,
    last: &'static str,
}

const TIMBERLINE: Dialect = Dialect {
    table: "cpu_usage_user",
    value: "value",
    bucket: |seconds| format!("time_bucket('{seconds}s', time)"),
    moment: |seconds| format!("to_timestamp_seconds({seconds})"),
    last: "last(value, time)",
};
const DUCKDB: Dialect = Dialect {
    table: "cpu",
    value: "cpu_usage_user",
    bucket: |seconds| format!("time_bucket(INTERVAL '{seconds} seconds', time)"),
    moment: |seconds| format!("make_timestamp({seconds}000000)"),
    last: "arg_max(cpu_usage_user, time)",
};
const CLICKHOUSE: Dialect = Dialect {
    table: "cpu",
    value: "cpu_usage_user",
    bucket: |seconds| format!("toStartOfInterval(time, INTERVAL {seconds} SECOND)"),
    moment: |seconds| format!("fromUnixTimestamp64Second({seconds})"),
    last: "argMax(cpu_usage_user, time)",
};

/// All questions about data whose last sample is of the second `end`.
pub(super) fn questions(end: u64) -> Vec<Question> {
    let hour = move |of: &Dialect| {
        let (from, to) = ((of.moment)(end - 3_600), (of.moment)(end));
        format!("time >= {from} AND time < {to}")
    };
    let mut all = of_one_metric(&hour);
    all.extend(of_all_metrics());
    all
}

fn of_one_metric(hour: &dyn Fn(&Dialect) -> String) -> Vec<Question> {
    let each = |name, ask: &dyn Fn(&Dialect) -> String| Question {
        name,
        timberline: ask(&TIMBERLINE),
        duckdb: ask(&DUCKDB),
        clickhouse: ask(&CLICKHOUSE),
    };
    vec![
        each("one series, 1 h", &|of| {
            let (table, value, hour) = (of.table, of.value, hour(of));
            format!("SELECT time, {value} FROM {table} WHERE hostname = 'host_42' AND {hour}")
        }),
        each("10 hosts, 1 h by 1 m, max", &|of| {
            let (table, value, bucket, hour) = (of.table, of.value, (of.bucket)(60), hour(of));
            format!(
                "SELECT hostname, {bucket} AS minute, max({value}) FROM {table} \
                 WHERE {TEN_HOSTS} AND {hour} GROUP BY 1, 2"
            )
        }),
        each("all hosts by hour, avg", &|of| {
            let (table, value, bucket) = (of.table, of.value, (of.bucket)(3_600));
            format!("SELECT hostname, {bucket} AS hour, avg({value}) FROM {table} GROUP BY 1, 2")
        }),
        each("last point of each host", &|of| {
            format!("SELECT hostname, {} FROM {} GROUP BY 1", of.last, of.table)
        }),
        each("10 busiest hosts", &|of| {
            let (table, value) = (of.table, of.value);
            format!(
                "SELECT hostname, avg({value}) AS busy FROM {table} GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
            )
        }),
        each("scan: max", &|of| format!("SELECT max({}) FROM {}", of.value, of.table)),
        each("scan: stddev", &|of| format!("SELECT stddev_samp({}) FROM {}", of.value, of.table)),
        each("scan: count over 90", &|of| {
            format!("SELECT count(*) FROM {} WHERE {} > 90", of.table, of.value)
        }),
        each("scan: 5 regions by 5 m, avg", &|of| {
            let (table, value, bucket) = (of.table, of.value, (of.bucket)(300));
            format!("SELECT region, {bucket} AS minutes, avg({value}) FROM {table} GROUP BY 1, 2")
        }),
    ]
}

fn of_all_metrics() -> Vec<Question> {
    let columns = |call: &str| METRICS.map(|metric| format!("{call}({metric})")).join(", ");
    let by_hour = |of: &Dialect| {
        let (bucket, columns) = ((of.bucket)(3_600), columns("avg"));
        format!("SELECT hostname, {bucket} AS hour, {columns} FROM cpu GROUP BY 1, 2")
    };
    let same = |name, timberline: &str, theirs: String| Question {
        name,
        timberline: timberline.to_owned(),
        duckdb: theirs.clone(),
        clickhouse: theirs,
    };
    vec![
        Question {
            name: "all hosts and 10 metrics by hour, avg",
            timberline: "SELECT metric, tags['hostname'], time_bucket('1h', time), avg(value) \
                         FROM metrics GROUP BY 1, 2, 3"
                .to_owned(),
            duckdb: by_hour(&DUCKDB),
            clickhouse: by_hour(&CLICKHOUSE),
        },
        same(
            "scan of 10 metrics: max",
            "SELECT max(value) FROM metrics",
            format!("SELECT greatest({}) FROM cpu", columns("max")),
        ),
        same(
            "scan of 10 metrics: stddev of each",
            "SELECT metric, stddev_samp(value) FROM metrics GROUP BY 1",
            format!("SELECT {} FROM cpu", columns("stddev_samp")),
        ),
    ]
}
