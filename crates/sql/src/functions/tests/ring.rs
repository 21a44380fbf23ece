//! The functions of Biscuit's SQL.

use super::table::{refusal, rows, session};

#[tokio::test]
async fn the_functions_of_rings_give_worked_numbers() {
    let context = session();
    for (call, answer) in [
        ("ts_bucket(125, 60)", "120"),
        ("ts_bucket(-1, 60)", "-60"),
        ("ts_bucket(-60, 60)", "-60"),
        ("ts_bucket(5, 0)", "-"),
        ("ts_bucket(NULL, 60)", "-"),
        ("ts_bucket(-9223372036854775808, -1)", "-"),
        ("align_time(125, 60, 10)", "70"),
        ("align_time(9, 60, 10)", "-50"),
        ("align_time(9, 0, 10)", "-"),
        ("align_time(9, 60, NULL)", "-"),
        ("bucket_rate(200, 100, 10)", "10.0"),
        ("bucket_rate(50, 200, 10)", "-"),
        ("bucket_rate(50, 50, 10)", "0.0"),
        ("bucket_rate(50, 20, 0)", "-"),
        ("bucket_rate(50, 20, -5)", "-"),
        ("bucket_rate(50, NULL, 5)", "-"),
        ("clamp(5, 0, 3)", "3.0"),
        ("clamp(-5, 0, 3)", "0.0"),
        ("clamp(1.5, 0, 3)", "1.5"),
        ("clamp(1, 5, 3)", "5.0"),
        ("clamp('NaN'::double, 0, 3)", "NaN"),
        ("clamp(1, NULL, 3)", "-"),
        ("null_if_outside(3, 0, 3)", "3.0"),
        ("null_if_outside(3.1, 0, 3)", "-"),
        ("null_if_outside('NaN'::double, 0, 3)", "-"),
        ("series_add(1, 2.5)", "3.5"),
        ("series_sub(1, 2.5)", "-1.5"),
        ("series_mul(2, 2.5)", "5.0"),
        ("series_div(5, 2)", "2.5"),
        ("series_div(5, 0)", "-"),
        ("series_div(NULL, 2)", "-"),
    ] {
        assert_eq!(rows(&context, &format!("SELECT {call}")).await, [answer], "{call}");
    }
    let found = refusal(&context, "SELECT clamp(1, 2)").await;
    assert!(found.contains("clamp"), "{found}");
}

#[tokio::test]
async fn a_counters_reset_gives_no_rate() {
    let sql = "SELECT ts, bucket_rate(v, LAG(v) OVER (ORDER BY ts), 10) \
               FROM (VALUES (0, 100.0), (10, 200.0), (20, 50.0)) AS t(ts, v) ORDER BY ts";
    assert_eq!(rows(&session(), sql).await, ["0 -", "10 10.0", "20 -"]);
}
