//! Limits, cancellation, and what a plan tells of itself.

use std::{num::NonZeroUsize, time::Duration};

use futures_util::StreamExt as _;
use timberline::{Labels, WriteBatch};
use timberline_sql::{Answer, ScalarValue, SqlError, SqlOptions};

use crate::house::{House, NAME, Told, tell};

/// 2024-01-01T00:00:00Z
const BEGIN: i64 = 1_704_067_200_000_000_000;

fn options(set: impl FnOnce(&mut SqlOptions)) -> SqlOptions {
    let mut options = SqlOptions::default();
    set(&mut options);
    options
}

fn fill(house: &House, hosts: usize, samples: i64) {
    let mut batch = WriteBatch::default();
    for host in 0..hosts {
        let host = format!("h{host}");
        batch.push_labels(Labels::from_pairs([("__name__", "cpu"), ("host", &host)]).unwrap());
        for n in 0..samples {
            batch.push_sample(BEGIN + n * 10_000_000_000, n as f64);
        }
    }
    house.database.write(&batch).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runaway_join_ends_and_the_engine_lives() {
    let house = House::with(options(|of| {
        of.memory_max = 64 << 20;
        of.spill_max = 16 << 20;
    }));
    fill(&house, 50, 2_000);
    let runaway = "SELECT * FROM cpu a, cpu b, cpu c ORDER BY a.value + b.value + c.value";
    let error = house.run(runaway).await.unwrap_err();
    assert!(matches!(error, SqlError::Limit { .. }), "{error:?}");
    assert_eq!(house.lines("SELECT count(*) FROM cpu").await, ["100000"]);
    let sorted = house.run("SELECT * FROM cpu ORDER BY value, host").await.unwrap();
    assert!(matches!(sorted, Told::Rows { rows, .. } if rows.len() == 100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_ends() {
    let house = House::with(options(|of| of.timeout = Duration::from_millis(500)));
    fill(&house, 10, 500);
    let question = "SELECT sum(a.value * b.value) FROM cpu a, cpu b WHERE a.value <> b.value + 1";
    let error = house.run(question).await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Limit { message } if message.contains("0.5 s")),
        "{error:?}"
    );
    let after = house.lines("SELECT count(*) FROM queries").await;
    assert_eq!(after, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_too_many_rows_ends() {
    let house = House::with(options(|of| of.rows_max = 1_000));
    fill(&house, 10, 1_000);
    let error = house.run("SELECT * FROM cpu").await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Limit { message } if message.contains("1000 rows")),
        "{error:?}"
    );
    assert_eq!(house.lines("SELECT count(*) FROM cpu").await, ["10000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_answer_is_forgotten() {
    let house = House::new();
    fill(&house, 10, 20_000);
    let Answer::Rows(rows) = house.session.run("SELECT * FROM cpu", Vec::new()).await.unwrap()
    else {
        panic!("no rows");
    };
    let mut stream = rows.into_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.num_rows() > 0 && first.num_rows() <= 8_192);
    let running = "SELECT text, rows > 0 FROM queries ORDER BY id";
    assert_eq!(house.lines(running).await.first().unwrap(), "SELECT * FROM cpu true");
    drop(stream);
    assert_eq!(house.lines(running).await, [format!("{running} false")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_queries_at_once_are_all_answered() {
    let house = House::new();
    fill(&house, 20, 500);
    house.database.flush().unwrap();
    let mut asked = Vec::new();
    for n in 0..200 {
        let session = house.engine.session(NAME).unwrap();
        asked.push(tokio::spawn(async move {
            let sql = match n % 4 {
                0 => "SELECT count(*) FROM cpu",
                1 => "SELECT sum(n) FROM (SELECT host, count(*) AS n FROM cpu WHERE value >= 0 GROUP BY host)",
                2 => "SELECT count(*) FROM (SELECT * FROM cpu ORDER BY value, host)",
                _ => "SELECT count(*) FROM cpu a JOIN cpu b USING (host, time)",
            };
            tell(session.run(sql, Vec::new()).await.unwrap()).await.unwrap()
        }));
    }
    for one in asked {
        let told = one.await.unwrap();
        assert!(
            matches!(&told, Told::Rows { rows, .. } if rows == &[vec!["10000".to_owned()]]),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_it_read() {
    let house = House::with(options(|of| of.partitions = NonZeroUsize::MIN));
    fill(&house, 4, 5_000);
    house.database.flush().unwrap();
    let rows =
        house.lines("EXPLAIN ANALYZE SELECT value FROM cpu WHERE host = 'h1'").await.join("\n");
    for told in ["series=1", "samples=5.00 K", "blocks_opened=", "pages_decoded="] {
        assert!(rows.contains(told), "{told}: {rows}");
    }
    let figures =
        house.lines("EXPLAIN ANALYZE SELECT host, max(value) FROM cpu GROUP BY host").await;
    let figures = figures.join("\n");
    assert!(figures.contains("SeriesFigures") && figures.contains("series=4"), "{figures}");
    assert!(figures.contains("pages_decoded=0") && figures.contains("samples=0"), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_is_run_with_values() {
    let house = House::new();
    fill(&house, 4, 10);
    let sql = "SELECT count(*) FROM cpu WHERE host = $1 AND value < $2";
    let prepared = house.session.prepare(sql).await.unwrap();
    assert_eq!(prepared.parameters().unwrap().len(), 2);
    for (host, below, count) in [("h1", 5.0, "5"), ("h2", 3.0, "3"), ("none", 9.0, "0")] {
        let values = vec![ScalarValue::from(host), ScalarValue::from(below)];
        let told = tell(house.session.execute(&prepared, values).await.unwrap()).await.unwrap();
        assert!(
            matches!(&told, Told::Rows { rows, .. } if rows == &[vec![count.to_owned()]]),
            "{told:?}"
        );
    }
    let insert = "INSERT INTO mem(time, host, value) VALUES ($1, $2, $3)";
    let insert = house.session.prepare(insert).await.unwrap();
    let at = ScalarValue::TimestampNanosecond(Some(BEGIN), Some("UTC".into()));
    let values = vec![at, ScalarValue::from("a"), ScalarValue::from(7.0)];
    let told = tell(house.session.execute(&insert, values).await.unwrap()).await.unwrap();
    assert_eq!(told, Told::Done { command: "INSERT", rows: Some(1) });
    assert_eq!(house.lines("SELECT host, value FROM mem").await, ["a 7.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_knows_its_place() {
    let house = House::new();
    fill(&house, 1, 1);
    let place = async |sql: &str| match house.run(sql).await.unwrap_err() {
        SqlError::Statement { position, .. } => position,
        other => panic!("{other:?}"),
    };
    assert_eq!(place("SELECT nothere\nFROM cpu").await, Some((1, 8)));
    assert_eq!(place("SELECT *\nFROM nothere").await, Some((2, 6)));
    assert_eq!(place("SELECT *\nFORM cpu").await, Some((2, 1)));
}

/// Metrics are not enumerated to look one up, and listing them takes no look at each.
#[tokio::test(flavor = "multi_thread")]
async fn many_metrics_are_listed_and_described_at_once() {
    let house = House::new();
    let mut batch = WriteBatch::default();
    let count: usize =
        std::env::var("TIMBERLINE_SQL_METRICS").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000);
    for n in 0..count {
        let name = format!("metric_{n}");
        batch
            .push_labels(Labels::from_pairs([("__name__", name.as_str()), ("host", "a")]).unwrap());
        batch.push_sample(BEGIN, n as f64);
    }
    house.database.write(&batch).unwrap();
    let timed = async |sql: &str| {
        let begun = std::time::Instant::now();
        let lines = house.lines(sql).await;
        println!("{count} metrics, {:?}: {sql}", begun.elapsed());
        lines
    };
    let listed = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(timed(listed).await, [(count + 1).to_string()]);
    assert!(timed("SHOW TABLES").await.len() > count);
    assert_eq!(timed("SHOW COLUMNS FROM metric_77").await.len(), 3);
    assert_eq!(timed("SELECT value FROM metric_77").await, ["77.0"]);
    assert_eq!(timed("DESCRIBE metric_77").await.len(), 3);
}
