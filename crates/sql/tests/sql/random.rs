//! Questions over random data: what conditions leave, and what aggregates give, is the same whether storage
//! answers or rows do.
//!
//! A subquery with a limit that nothing reaches keeps conditions and aggregates away from storage.
//! `TIMBERLINE_SQL_CASES` sets how many random databases are made.

use proptest::{prelude::*, test_runner::TestRunner};
use timberline::{Database, Labels, WriteBatch};
use timberline_model::STALE_NAN;

use crate::house::House;

/// One series: its labels, when it begins, and its values, every 10 s or so.
#[derive(Clone, Debug)]
struct Series {
    host: Option<&'static str>,
    dc: &'static str,
    start: i64,
    jitter: i64,
    values: Vec<f64>,
}

const SECOND: i64 = 1_000_000_000;
/// 2024-01-01T00:00:00Z
const BEGIN: i64 = 1_704_067_200 * SECOND;

fn series() -> impl Strategy<Value = Series> {
    let host = prop_oneof![
        Just(None),
        Just(Some("a")),
        Just(Some("b")),
        Just(Some("web-1")),
        Just(Some("a.b\nc")),
    ];
    let value = prop_oneof![
        8 => (-1_000_i32..1_000).prop_map(f64::from),
        4 => -1e6..1e6,
        1 => Just(STALE_NAN),
    ];
    let dc = prop_oneof![Just("x"), Just("y"), Just("")];
    let values = prop_oneof![
        3 => proptest::collection::vec(value.clone(), 0..40),
        1 => proptest::collection::vec(value, 1_500..2_500),
    ];
    (host, dc, 0..7_200_i64, 0..3_i64, values)
        .prop_map(|(host, dc, start, jitter, values)| Series { host, dc, start, jitter, values })
}

fn write(database: &Database, all: &[Series]) {
    let mut batch = WriteBatch::default();
    for of in all {
        let host = of.host.unwrap_or("");
        let labels = [("__name__", "cpu"), ("host", host), ("dc", of.dc), ("cpu", "0")];
        batch.push_labels(Labels::from_pairs(labels).unwrap());
        for (index, value) in of.values.iter().enumerate() {
            let index = index as i64;
            let ts = BEGIN + (of.start + 10 * index) * SECOND + of.jitter * (index % 7);
            batch.push_sample(ts, *value);
        }
    }
    database.write(&batch).unwrap();
}

fn cases() -> u32 {
    std::env::var("TIMBERLINE_SQL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(8)
}

/// Random databases, some of them flushed in the middle, with a question to each.
fn for_each<Q: std::fmt::Debug>(
    question: impl Strategy<Value = Q>,
    check: impl Fn(&House, &tokio::runtime::Runtime, Q) -> Result<(), TestCaseError>,
) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config =
        ProptestConfig { cases: cases(), max_shrink_iters: 60, ..ProptestConfig::default() };
    let data = proptest::collection::vec((series(), any::<bool>()), 1..12);
    TestRunner::new(config)
        .run(&(data, question), |(data, question)| {
            let house = House::new();
            let (early, late): (Vec<_>, Vec<_>) = data.into_iter().partition(|(_, early)| *early);
            let of =
                |side: Vec<(Series, bool)>| side.into_iter().map(|(of, _)| of).collect::<Vec<_>>();
            write(&house.database, &of(early));
            house.database.flush().unwrap();
            write(&house.database, &of(late));
            // A metric that is there whatever the data.
            write(
                &house.database,
                &[Series { host: Some("sure"), dc: "x", start: 0, jitter: 0, values: vec![1.0] }],
            );
            check(&house, &runtime, question)
        })
        .unwrap();
}

fn same(a: &[String], b: &[String]) -> bool {
    let close = |a: &str, b: &str| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e6),
        _ => a == b,
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        })
}

#[test]
fn aggregates_are_the_same_from_figures_and_from_rows() {
    let groups = prop_oneof![
        Just(""),
        Just("host"),
        Just("host, dc"),
        Just("date_bin(INTERVAL '1 hour', time)"),
        Just("host, date_bin(INTERVAL '7 minutes', time, TIMESTAMP '2024-01-01T00:03:00Z')"),
        Just("time_bucket('1d', time), dc"),
        Just("date_trunc('hour', time), upper(host)"),
        Just("date_trunc('week', time)"),
    ];
    let from = prop_oneof![Just(None), (0..14_400_i64).prop_map(Some)];
    let filter = prop_oneof![
        Just("true"),
        Just("host = 'a'"),
        Just("length(host) = 1"),
        Just("value > 250"),
        Just("value >= -500.5 AND value < 900 AND host <> 'b'"),
        Just("0 <= value"),
        Just("value = 0"),
    ];
    let spreads = prop_oneof![
        Just(""),
        Just(", stddev(value), stddev_pop(value)"),
        Just(", var_samp(value), var_pop(value)"),
    ];
    for_each((groups, from, filter, spreads), |house, runtime, (groups, from, filter, spreads)| {
        let time = from.map_or_else(String::new, |from| {
            format!(" AND time >= to_timestamp({})", BEGIN / SECOND + from)
        });
        let keys = if groups.is_empty() { String::new() } else { format!("{groups}, ") };
        let by = if groups.is_empty() { String::new() } else { format!(" GROUP BY {groups}") };
        let figures = "count(*), count(value), sum(value), avg(value), min(value), max(value), \
                       min(time), max(time)";
        // Of two samples of one time, rows may answer with either.
        let ends = if groups == "host, dc" {
            ", first_value(value ORDER BY time), last_value(value ORDER BY time), \
             first(value, time), last(value, time)"
        } else {
            ""
        };
        let question = |from: &str| {
            format!(
                "SELECT {keys}{figures}{ends}{spreads} FROM {from} WHERE {filter}{time}{by} ORDER BY 1, 2, 3"
            )
        };
        let with_figures = question("cpu");
        let plan = runtime.block_on(house.lines(&format!("EXPLAIN {with_figures}"))).join("\n");
        prop_assert!(plan.contains("SeriesFigures"), "{plan}");
        let answers = runtime.block_on(house.lines(&with_figures));
        let with_rows = question("(SELECT * FROM cpu LIMIT 1000000000)");
        let plan = runtime.block_on(house.lines(&format!("EXPLAIN {with_rows}"))).join("\n");
        prop_assert!(!plan.contains("SeriesFigures"), "{plan}");
        let rows = runtime.block_on(house.lines(&with_rows));
        prop_assert!(same(&answers, &rows), "{with_figures}\n{answers:#?}\n{rows:#?}");
        Ok(())
    });
}

fn condition() -> impl Strategy<Value = String> {
    let label = prop_oneof![Just("<host>"), Just("<dc>"), Just("<cpu>")];
    let value = prop_oneof![
        Just("a"),
        Just("b"),
        Just("web-1"),
        Just("x"),
        Just("y"),
        Just(""),
        Just("0"),
        Just("a.b"),
    ];
    let pattern = prop_oneof![
        Just("%"),
        Just("a%"),
        Just("%b"),
        Just("_"),
        Just("web\\-1"),
        Just("%.%"),
        Just("a_b_c"),
        Just(""),
    ];
    let regex = prop_oneof![
        Just("a"),
        Just("^a$"),
        Just("b|x"),
        Just("^(a|b)"),
        Just("."),
        Just("a.b.c"),
        Just("\\d"),
        Just("(?s)b.c"),
    ];
    let leaf = prop_oneof![
        (label.clone(), prop_oneof![Just("="), Just("<>"), Just("<"), Just(">=")], value.clone())
            .prop_map(|(label, op, value)| format!("{label} {op} '{value}'")),
        (label.clone(), any::<bool>(), proptest::collection::vec(value.clone(), 1..6)).prop_map(
            |(label, not, values)| {
                let not = if not { "NOT " } else { "" };
                format!("{label} {not}IN ('{}')", values.join("', '"))
            }
        ),
        (label.clone(), prop_oneof![Just("LIKE"), Just("NOT LIKE"), Just("ILIKE")], pattern)
            .prop_map(|(label, op, pattern)| format!("{label} {op} '{pattern}'")),
        (label.clone(), prop_oneof![Just("~"), Just("!~"), Just("~*"), Just("!~*")], regex)
            .prop_map(|(label, op, regex)| format!("{label} {op} '{regex}'")),
        (label.clone(), any::<bool>())
            .prop_map(|(label, not)| format!("{label} IS {}NULL", if not { "NOT " } else { "" })),
        (label, value).prop_map(|(label, value)| format!("coalesce({label}, 'none') <> '{value}'")),
        (0..9_000_i64, prop_oneof![Just("<"), Just("<="), Just(">"), Just(">="), Just("=")])
            .prop_map(|(at, op)| format!("time {op} to_timestamp({})", BEGIN / SECOND + at)),
        (0..5_000_i64, 0..5_000_i64).prop_map(|(low, length)| {
            let low = BEGIN / SECOND + low;
            format!("time BETWEEN to_timestamp({low}) AND to_timestamp({})", low + length)
        }),
        (-500..500_i32).prop_map(|value| format!("value > {value}")),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|a| format!("NOT ({a})")),
        ]
    })
}

#[test]
fn conditions_leave_the_same_whether_storage_or_rows_are_asked() {
    let conditions = proptest::collection::vec(condition(), 10);
    for_each(conditions, |house, runtime, conditions| {
        for written in conditions {
            let with = |open: &str, close: &str| {
                ["host", "dc", "cpu"].iter().fold(written.clone(), |text, label| {
                    text.replace(&format!("<{label}>"), &format!("{open}{label}{close}"))
                })
            };
            let (condition, tags) = (with("", ""), with("tags['", "']"));
            let pushed =
                format!("SELECT * FROM cpu WHERE {condition} ORDER BY host, dc, time, value");
            let plain = format!(
                "SELECT * FROM (SELECT * FROM cpu LIMIT 1000000000) WHERE {condition} \
                 ORDER BY host, dc, time, value"
            );
            let answers = runtime.block_on(house.lines(&pushed));
            let rows = runtime.block_on(house.lines(&plain));
            prop_assert!(answers == rows, "{pushed}: {} and {} rows", answers.len(), rows.len());
            let count = format!("SELECT count(*) FROM metrics WHERE {tags}");
            let counted = runtime.block_on(house.lines(&count));
            prop_assert_eq!(counted, vec![rows.len().to_string()], "{}", count);
        }
        Ok(())
    });
}
