//! `increase`, `rate`, `delta` and `deriv`.

use super::table::{refusal, rows, with_metrics};

const ALL: &str =
    "increase(value, time), rate(value, time), delta(value, time), deriv(value, time)";

#[tokio::test]
async fn falls_are_resets_and_the_order_of_rows_does_not_matter() {
    // 10 -> 20 -> (reset) 5 -> 8: it rose by 10, then 5, then 3.
    let context = with_metrics(&[
        &[(Some(60.0), "n", "a", Some(8.0)), (Some(20.0), "n", "a", Some(20.0))],
        &[(Some(40.0), "n", "a", Some(5.0)), (Some(0.0), "n", "a", Some(10.0))],
    ]);
    let found = rows(&context, &format!("SELECT {ALL} FROM metrics")).await;
    assert_eq!(found, ["18.0 0.3 -2.0 -0.105"]);
}

#[tokio::test]
async fn too_few_samples_give_null() {
    let context = with_metrics(&[&[
        (Some(60.0), "one", "a", Some(8.0)),
        (Some(50.0), "one", "a", None),
        (Some(60.0), "same", "a", Some(8.0)),
        (Some(60.0), "same", "a", Some(9.0)),
        (Some(1.0), "none", "a", None),
        (None, "none", "a", Some(1.0)),
    ]]);
    let sql = format!("SELECT metric, {ALL} FROM metrics GROUP BY metric ORDER BY metric");
    assert_eq!(rows(&context, &sql).await, ["none - - - -", "one - - - -", "same 1.0 - 1.0 -"]);
    let sql = format!("SELECT {ALL} FROM metrics WHERE false");
    assert_eq!(rows(&context, &sql).await, ["- - - -"]);
}

#[tokio::test]
async fn numbers_that_are_none_are_values() {
    let nan = Some(f64::NAN);
    let context = with_metrics(&[&[
        (Some(0.0), "inner", "a", Some(1.0)),
        (Some(1.0), "inner", "a", nan),
        (Some(2.0), "inner", "a", Some(3.0)),
        (Some(0.0), "last", "a", Some(1.0)),
        (Some(1.0), "last", "a", nan),
    ]]);
    let sql = "SELECT metric, increase(value, time), rate(value, time), delta(value, time) \
               FROM metrics GROUP BY metric ORDER BY metric";
    assert_eq!(rows(&context, sql).await, ["inner 2.0 1.0 2.0", "last NaN NaN NaN"]);
}

#[tokio::test]
async fn windows_grow_and_slide() {
    let context = with_metrics(&[&[
        (Some(0.0), "n", "a", Some(1.0)),
        (Some(10.0), "n", "a", Some(3.0)),
        (Some(20.0), "n", "a", Some(2.0)),
        (Some(30.0), "n", "a", Some(6.0)),
        (Some(0.0), "n", "b", Some(5.0)),
        (Some(10.0), "n", "b", Some(6.0)),
    ]]);
    let over = |frame: &str| {
        format!(
            "SELECT tags['host'], increase(value, time) OVER w, rate(value, time) OVER w, \
             delta(value, time) OVER w, deriv(value, time) OVER w FROM metrics \
             WINDOW w AS (PARTITION BY tags['host'] ORDER BY time {frame}) ORDER BY 1, time"
        )
    };
    assert_eq!(
        rows(&context, &over("")).await,
        [
            "a - - - -",
            "a 2.0 0.2 2.0 0.2",
            "a 4.0 0.2 1.0 0.05",
            "a 8.0 0.26666666666666666 5.0 0.14",
            "b - - - -",
            "b 1.0 0.1 1.0 0.1",
        ]
    );
    let sliding = rows(&context, &over("ROWS 1 PRECEDING")).await;
    assert_eq!(
        sliding,
        [
            "a - - - -",
            "a 2.0 0.2 2.0 0.2",
            "a 2.0 0.2 -1.0 -0.1",
            "a 4.0 0.4 4.0 0.4",
            "b - - - -",
            "b 1.0 0.1 1.0 0.1",
        ]
    );
    let range = over("RANGE BETWEEN INTERVAL '10 seconds' PRECEDING AND CURRENT ROW");
    assert_eq!(rows(&context, &range).await, sliding);
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let context = with_metrics(&[&[(Some(0.0), "n", "a", Some(1.0))]]);
    for (call, message) in [
        ("rate(value)", "rate: write rate(value, time); 1 argument given"),
        ("increase(metric, time)", "increase: the value is a number, not Utf8"),
        ("delta(value, value)", "delta: the time is a timestamp, not Float64"),
        ("deriv(DISTINCT value, time)", "deriv: DISTINCT has no meaning here"),
    ] {
        let found = refusal(&context, &format!("SELECT {call} FROM metrics")).await;
        assert!(found.contains(message), "{call}: {found}");
    }
}
