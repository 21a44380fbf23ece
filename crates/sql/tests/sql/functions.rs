//! Functions with parameters of prepared statements, in plans, and in errors.

use timberline_sql::ScalarValue;

use crate::{
    house::{House, Told, tell},
    load::load,
};

async fn ask(house: &House, sql: &str, parameters: Vec<ScalarValue>) -> Vec<String> {
    let told =
        house.run_with(sql, parameters).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    match told {
        Told::Rows { rows, .. } => rows.iter().map(|row| row.join(" ")).collect(),
        other => panic!("{sql}: {other:?}"),
    }
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

fn house() -> House {
    let house = House::new();
    let lines = ["cpu{host=\"a\"} 2024-01-01T00:00:00Z 10s 1 2 _ _ 5".to_owned()];
    load(&house.database, &lines).unwrap();
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn widths_times_and_bounds_may_be_parameters() {
    let house = house();
    let nanos = |seconds: i64| {
        let at = (1_704_067_200 + seconds) * 1_000_000_000;
        ScalarValue::TimestampNanosecond(Some(at), Some("UTC".into()))
    };
    let sql =
        "SELECT time_bucket($1, time), sum(value) FROM cpu WHERE time >= $2 GROUP BY 1 ORDER BY 1";
    let found = ask(&house, sql, vec![text("30s"), nanos(10)]).await;
    assert_eq!(found, ["2024-01-01T00:00:00Z 2.0", "2024-01-01T00:00:30Z 5.0"]);
    let sql = "SELECT time_bucket_gapfill('10s', time) AS b, locf(sum(value)) FROM cpu \
               WHERE time >= $1 AND time < $2 GROUP BY b ORDER BY b";
    let found = ask(&house, sql, vec![nanos(10), nanos(40)]).await;
    assert_eq!(
        found,
        ["2024-01-01T00:00:10Z 2.0", "2024-01-01T00:00:20Z 2.0", "2024-01-01T00:00:30Z 2.0"]
    );
    let error = house.run_with("SELECT time_bucket($1, time) FROM cpu", vec![text("x")]).await;
    assert!(error.unwrap_err().to_string().contains("time_bucket: width \"x\" is not a span"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_runs_again_with_other_parameters() {
    let house = house();
    let sql = "SELECT rate(value, time), last(value, time) FROM cpu WHERE host = $1 OR value > $2";
    let prepared = house.session.prepare(sql).await.unwrap();
    for (host, least, expected) in
        [("a", 9.0, "0.1 5.0"), ("b", 1.5, "0.1 5.0"), ("b", 9.0, "NULL NULL")]
    {
        let parameters = vec![text(host), ScalarValue::Float64(Some(least))];
        let answer = house.session.execute(&prepared, parameters).await.unwrap();
        match tell(answer).await.unwrap() {
            Told::Rows { rows, .. } => {
                assert_eq!(rows, [expected.split(' ').collect::<Vec<_>>()]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_knows_its_place() {
    let error = house().run("SELECT host,\n       rate(value)\nFROM cpu").await.unwrap_err();
    let timberline_sql::SqlError::Statement { message, position } = error else {
        panic!("{error}")
    };
    assert_eq!(message, "rate: write rate(value, time); 1 argument given");
    assert_eq!(position, Some((2, 8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_and_edges_are_answered_from_figures_of_pages() {
    let sql = "EXPLAIN SELECT host, time_bucket('30s', time) AS b, first(value, time), last(value, time) \
               FROM cpu WHERE time < now() - '1h' GROUP BY host, b";
    let plan = house().lines(sql).await.join("\n");
    assert!(plan.contains("SeriesFigures"), "{plan}");
}
