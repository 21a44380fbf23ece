//! `promtool query`, asking both.

use std::process::Command;

use serde_json::Value;

use crate::twins::{Twins, same};

/// What promtool prints of a server.
fn promtool(address: &str, kind: &str, flags: &[String], last: &str) -> Vec<String> {
    let ran = Command::new("promtool")
        .args(["query", kind])
        .args(flags)
        .arg(format!("http://{address}"))
        .args((!last.is_empty()).then_some(last))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{kind} {flags:?} {last}: {ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The results of a range come in order; others need not.
    if kind != "range" {
        lines.sort();
    }
    lines
}

/// Whether two lines are the same, but for the last digits of numbers.
fn same_words(ours: &str, theirs: &str) -> bool {
    let words = |text: &str| -> Value { text.split_whitespace().collect() };
    same(&words(ours), &words(theirs))
}

#[test]
fn promtool_prints_of_timberline_what_it_prints_of_prometheus() {
    let twins = Twins::start();
    let end = twins.end;
    let time = |name: &str, seconds: i64| format!("--{name}={seconds}");
    let span = [time("start", end - 1_800), time("end", end)];
    let ranged = [&span[..], &["--step=60s".to_owned()]].concat();
    let at = [time("time", end - 300)];
    let matched = |selector: &str| [&span[..], &[format!("--match={selector}")]].concat();
    let mut printed = 0;
    for (kind, flags, last) in [
        ("instant", at.to_vec(), "up"),
        ("instant", at.to_vec(), "sum by (job) (rate(http_requests_total[5m]))"),
        ("instant", at.to_vec(), "topk(3, memory_bytes) / 1e6"),
        ("instant", at.to_vec(), "http_requests_total{instance=~'host-[01]:.*'}[1m]"),
        ("instant", at.to_vec(), "scalar(count(up)) + 0.5"),
        (
            "range",
            ranged.clone(),
            "histogram_quantile(0.9, sum by (le, job) (rate(latency_seconds_bucket[10m])))",
        ),
        ("range", ranged.clone(), "up{job='web'} == 0"),
        ("range", ranged, "max_over_time(memory_bytes[290s:1m]) - on (instance, job) memory_bytes"),
        ("series", matched("up{job='api'}"), ""),
        ("series", matched("{__name__=~'http.*|memory.*', instance!='host-3:9100'}"), ""),
        ("labels", span.to_vec(), "instance"),
        ("labels", span.to_vec(), "__name__"),
        ("labels", matched("latency_seconds_bucket"), "le"),
    ] {
        let [ours, theirs] = twins.addresses().map(|address| promtool(address, kind, &flags, last));
        assert_eq!(ours.len(), theirs.len(), "{kind} {last} {flags:?}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(same_words(ours, theirs), "{kind} {last}:\nours   {ours}\ntheirs {theirs}");
        }
        assert!(!ours.is_empty(), "{kind} {last}");
        printed += ours.len();
    }
    assert!(printed > 300, "{printed} lines");
}

#[test]
fn promtool_shows_what_is_wrong_with_a_query() {
    let twins = Twins::start();
    let [ours, theirs] = twins.addresses().map(|address| {
        let url = format!("http://{address}");
        let ran =
            Command::new("promtool").args(["query", "instant", &url, "sum("]).output().unwrap();
        assert!(!ran.status.success());
        String::from_utf8(ran.stderr).unwrap()
    });
    for text in [&ours, &theirs] {
        assert!(text.contains("bad_data") && text.contains("parse error"), "{text}");
    }
}
