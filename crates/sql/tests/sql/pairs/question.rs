//! A question in both languages.

use timberline_io::Random;

use super::random::{SPAN, START};

/// Functions over a window, the same of a bucket's rows, and by how much answers may differ.
const OVER_TIME: [(&str, &str, f64); 9] = [
    ("avg_over_time", "avg(value)", 1e-12),
    ("min_over_time", "min(value)", 0.0),
    ("max_over_time", "max(value)", 0.0),
    ("sum_over_time", "sum(value)", 0.0),
    ("count_over_time", "count(*)", 0.0),
    ("last_over_time", "last(value, time)", 0.0),
    ("stdvar_over_time", "var_pop(value)", 1e-9),
    ("stddev_over_time", "stddev_pop(value)", 1e-7),
    ("deriv", "deriv(value, time)", 1e-9),
];

/// Matchers and conditions on columns.
const MATCHERS: [(&str, &str); 9] = [
    ("host=\"a\"", "{host} = 'a'"),
    ("host=~\"a|c\"", "{host} IN ('a', 'c')"),
    ("host=~\"a|c\"", "{host} ~ '^(a|c)$'"),
    ("host!=\"b\"", "{host} <> 'b'"),
    ("dc=\"x\"", "{dc} = 'x'"),
    ("dc=\"\"", "{dc} IS NULL"),
    ("dc!=\"x\"", "{dc} IS DISTINCT FROM 'x'"),
    ("host=~\"[ab].*\"", "{host} LIKE 'a%' OR {host} LIKE 'b%'"),
    ("host!~\"a|d\"", "NOT ({host} = 'a' OR {host} = 'd')"),
];

/// The same in PromQL and in SQL.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) promql: String,
    pub(super) sql: String,
    /// Labels of the answer, in the order of the columns.
    pub(super) labels: Vec<&'static str>,
    /// Of a bucket, in nanoseconds.
    pub(super) width: i64,
    /// End of the last bucket.
    pub(super) end: i64,
    pub(super) tolerance: f64,
}

/// Where the rows come from: a table of the metric, or that of all.
struct Source {
    table: String,
    host: &'static str,
    dc: &'static str,
    le: &'static str,
}

impl Source {
    fn of(metric: &str, random: &mut Random) -> Self {
        if random.one_in(3) {
            let table = format!("(SELECT * FROM metrics WHERE metric = '{metric}')");
            Self { table, host: "tags['host']", dc: "tags['dc']", le: "tags['le']" }
        } else {
            Self { table: metric.to_owned(), host: "host", dc: "dc", le: "le" }
        }
    }

    fn column(&self, label: &str) -> String {
        let column = match label {
            "host" => self.host,
            "dc" => self.dc,
            _ => self.le,
        };
        format!("{column} AS {label}")
    }
}

impl Question {
    pub(super) fn random(random: &mut Random) -> Self {
        let (text, seconds) =
            random.pick(&[("30s", 30), ("1m", 60), ("5m", 300), ("7m", 420), ("10m", 600)]);
        let width = seconds * 1_000_000_000;
        let buckets = 1 + random.below((SPAN / width) as u64) as i64;
        let end = START + buckets * width;
        let mut question = if random.one_in(6) {
            Self::of_histogram(random, text, end)
        } else {
            Self::of_gauge(random, text, end)
        };
        (question.width, question.end) = (width, end);
        question
    }

    /// `f_over_time(load[w])` or an aggregation of it.
    fn of_gauge(random: &mut Random, width: &str, end: i64) -> Self {
        let (over_time, of_rows, tolerance) = random.pick(&OVER_TIME);
        let source = Source::of("load", random);
        let (matchers, conditions) = selection(random, &source, end);
        let promql = format!("{over_time}(load{{{matchers}}}[{width}])");
        let columns = ["host", "dc"].map(|label| source.column(label)).join(", ");
        let sql = format!(
            "SELECT {} AS bucket, {columns}, {of_rows} AS v FROM {} \
             WHERE {conditions} GROUP BY bucket, {}, {}",
            bucket(width),
            source.table,
            source.host,
            source.dc
        );
        let whole = Self { promql, sql, labels: vec!["host", "dc"], width: 0, end: 0, tolerance };
        if random.one_in(3) { whole } else { whole.aggregated(random) }
    }

    /// `agg by (...) (...)`, and perhaps only what is greater than a number.
    fn aggregated(self, random: &mut Random) -> Self {
        let aggregation = random.pick(&["sum", "avg", "min", "max", "count"]);
        let labels = match random.below(4) {
            0 => vec![],
            1 => vec!["host"],
            2 => vec!["dc"],
            _ => vec!["host", "dc"],
        };
        let mut promql = format!("{aggregation} by ({}) ({})", labels.join(", "), self.promql);
        let columns: String = labels.iter().map(|label| format!("{label}, ")).collect();
        let ordinals: String =
            (2..2 + labels.len()).map(|ordinal| format!(", {ordinal}")).collect();
        let mut sql = format!(
            "SELECT bucket, {columns}{aggregation}(v) FROM ({}) WHERE v IS NOT NULL GROUP BY 1{ordinals}",
            self.sql
        );
        let is_exact = self.tolerance == 0.0;
        if is_exact && random.one_in(4) {
            let least = random.below(200);
            promql = format!("{promql} > {least}");
            sql = format!("{sql} HAVING {aggregation}(v) > {least}");
        }
        Self { promql, sql, labels, tolerance: self.tolerance.max(1e-12), ..self }
    }

    /// A quantile of classic histograms.
    fn of_histogram(random: &mut Random, width: &str, end: i64) -> Self {
        let source = Source::of("lat_bucket", random);
        let (matchers, conditions) = selection(random, &source, end);
        let (kept, q) =
            (random.pick(&["host", "dc"]), random.pick(&["0", "0.1", "0.5", "0.9", "0.99", "1"]));
        let promql = format!(
            "histogram_quantile({q}, sum by (le, {kept}) (last_over_time(lat_bucket{{{matchers}}}[{width}])))"
        );
        let columns = ["host", "dc", "le"].map(|label| source.column(label)).join(", ");
        let sql = format!(
            "SELECT bucket, {kept}, histogram_quantile({q}, le, v) FROM (SELECT \
             {} AS bucket, {columns}, last(value, time) AS v FROM {} \
             WHERE {conditions} GROUP BY 1, 2, 3, 4) GROUP BY 1, 2",
            bucket(width),
            source.table
        );
        Self { promql, sql, labels: vec![kept], width: 0, end: 0, tolerance: 1e-12 }
    }
}

/// The bucket of a row. Seven minutes are no part of a day, and begin with the samples.
fn bucket(width: &str) -> String {
    match width {
        "7m" => "time_bucket('7m', time, '2024-01-01T00:00:00Z')".to_owned(),
        _ => format!("time_bucket('{width}', time)"),
    }
}

/// Matchers, and the condition that says the same and bounds the time.
fn selection(random: &mut Random, source: &Source, end: i64) -> (String, String) {
    let mut matchers = Vec::new();
    let mut conditions = vec![format!(
        "time >= '2024-01-01T00:00:00Z' AND time < to_timestamp_seconds({})",
        end / 1_000_000_000
    )];
    for _ in 0..random.below(3) {
        let (matcher, condition) = random.pick(&MATCHERS);
        matchers.push(matcher);
        let condition = condition.replace("{host}", source.host).replace("{dc}", source.dc);
        conditions.push(format!("({condition})"));
    }
    (matchers.join(","), conditions.join(" AND "))
}
