//! `histogram_quantile`.

use super::table::{refusal, rows, session};

#[tokio::test]
async fn quantiles_lie_evenly_within_a_bucket() {
    let context = session();
    let of = |q: &str| {
        format!(
            "SELECT histogram_quantile({q}, le, n) FROM (VALUES ('0.1', 10), ('0.5', 30), ('1', 40), \
             ('+Inf', 40), ('not a number', 7), (NULL, 7)) AS t(le, n)"
        )
    };
    for (q, answer) in [
        ("0.75", "0.5"),
        ("0.25", "0.1"),
        ("1", "1.0"),
        ("2", "inf"),
        ("-1", "-inf"),
        ("NULL", "-"),
    ] {
        assert_eq!(rows(&context, &of(q)).await, [answer], "{q}");
    }
    let numbers = "SELECT histogram_quantile(0.5, le, n) FROM (VALUES (1.0, 2), (2.0, 2), (1.0, 2), \
                   ('+Inf'::double, 4)) AS t(le, n)";
    assert_eq!(rows(&context, numbers).await, ["0.5"]);
    let no_end =
        "SELECT histogram_quantile(0.5, le, n) FROM (VALUES ('1', 2), ('2', 4)) AS t(le, n)";
    assert_eq!(rows(&context, no_end).await, ["NaN"]);
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let context = session();
    for (call, message) in [
        (
            "histogram_quantile(0.5)",
            "write histogram_quantile(q, le, count), or histogram_quantile(q, histogram); 1 argument given",
        ),
        ("histogram_quantile(0.5, n)", "histogram is a column of native histograms, not Int64"),
        ("histogram_quantile(0.5, le)", "what is in the column is no native histogram"),
        ("histogram_quantile('x', le, n)", "histogram_quantile: q is a number, not Utf8"),
        (
            "histogram_quantile(0.5, now(), n)",
            "histogram_quantile: le, the upper bound, is a number",
        ),
        ("histogram_quantile(n / 10.0, le, n)", "q is the same for all rows of a group"),
    ] {
        let sql = format!("SELECT {call} FROM (VALUES ('1', 2), ('+Inf', 4)) AS t(le, n)");
        let found = refusal(&context, &sql).await;
        assert!(found.contains(message), "{call}: {found}");
    }
}
