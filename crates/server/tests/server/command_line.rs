//! The commands, as users type them.

use std::fs;

use crate::harness::{Server, now_ms, stderr, stdout, timberline};

#[test]
fn a_sample_is_written_and_asked_for() {
    let server = Server::start();
    let written = stdout(&server.client(&["write", r#"cpu_usage{host="server1"}"#, "0.85"]));
    assert!(written.starts_with(r#"wrote cpu_usage{host="server1"} 0.85 at 20"#), "{written}");
    let table = stdout(&server.client(&["query", r#"cpu_usage{host="server1"}"#]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["SERIES", "TIME", "(UTC)", "VALUE"]
    );
    assert!(lines[1].starts_with(r#"cpu_usage{host="server1"}"#) && lines[1].ends_with("0.85"));
    assert_eq!(lines[3], "1 series, 1 sample");
}

#[test]
fn ranges_raw_samples_and_formats_are_shown() {
    let server = Server::start();
    for (time, value) in [("-30m", "-5"), ("-20m", "NaN"), ("-10m", "-Inf")] {
        stdout(&server.client(&["write", "m", value, "--time", time]));
    }
    let query = |more: &[&str]| {
        let mut args = vec!["query", "m", "--start=-1h", "--end=now"];
        args.extend_from_slice(more);
        stdout(&server.client(&args))
    };
    let csv = query(&["--raw", "--format", "csv"]);
    let values: Vec<&str> = csv.lines().map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(values, ["value", "-5", "NaN", "-Inf"]);
    assert!(csv.starts_with("time,value,__name__\n20"), "{csv}");
    assert!(query(&["--step", "5m"]).contains("1 series"));
    assert!(query(&[]).lines().count() > 10, "a step of one minute is the default");
    let json: serde_json::Value = serde_json::from_str(&query(&["--format=json"])).unwrap();
    assert_eq!(json["data"]["resultType"], "matrix");
    assert_eq!(stdout(&server.client(&["query", "nothing"])), "no results\n");
    let plan = stdout(&server.client(&["query", "sum(cpu_usage) > 0", "--explain"]));
    let lines: Vec<&str> = plan.lines().filter(|line| !line.contains(" ms")).collect();
    assert_eq!(
        lines[..4].join("\n"),
        "query sum(cpu_usage) > 0\n  - binary sum(cpu_usage) > 0\n      - aggregate sum(cpu_usage)\n          - scan cpu_usage",
        "{plan}"
    );
    assert!(lines[4].contains("pages: 0 decoded, 0 skipped"), "{plan}");
    let scalar =
        stdout(&server.client(&["query", "1+1", "--time", "2026-01-31", "--format", "csv"]));
    assert_eq!(scalar, "time,value\n2026-01-31T00:00:00Z,2\n");
}

#[test]
fn the_server_is_inspected() {
    let server = Server::start();
    server.store(&[("__name__", "m"), ("a.b", "x")], &[(now_ms(), 1.0)]);
    let inspect = |args: &[&str]| stdout(&server.client(&[&["inspect"], args].concat()));
    assert_eq!(inspect(&["labels"]), "__name__\na.b\n\n2 labels\n");
    assert_eq!(inspect(&["labels", "--match", "other"]), "\n0 labels\n");
    assert_eq!(inspect(&["label-values", "a.b"]), "x\n\n1 value\n");
    assert_eq!(inspect(&["label-values", "a.b", "--format", "csv"]), "x\n");
    assert_eq!(
        inspect(&["series", "m"]),
        "{\"a.b\"=\"x\", m}\n\n1 series\n".replace("{\"a.b\"=\"x\", m}", &series_text())
    );
    assert!(inspect(&["health"]).starts_with("healthy: "));
    let status = inspect(&["status"]);
    for words in ["Series", "1 (1 in memory, 0 in blocks)", "healthy", "KiB", "none yet", "m (1)"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    assert!(stdout(&server.client(&["flush"])).starts_with("flushed 1 sample into 1 block"));
    let status = stdout(&server.client(&["status"]));
    assert!(status.contains("1 (0 in memory, 1 in blocks)"), "{status}");
    let json = stdout(&server.client(&["status", "--format", "json"]));
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
}

fn series_text() -> String {
    timberline_model::Labels::from_pairs([("__name__", "m"), ("a.b", "x")]).unwrap().to_string()
}

#[test]
fn a_server_that_does_not_run_is_named_with_what_to_do() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = timberline().args(["query", "up", "--addr", &free.to_string()]).output().unwrap();
    let (code, message) = stderr(&output);
    assert_eq!(code, 1);
    assert!(message.contains("cannot reach a server at http://127.0.0.1:"), "{message}");
    assert!(message.contains("timberline start") && message.contains("--addr"), "{message}");
}

#[test]
fn wrong_use_is_exit_code_2_and_refusals_are_1() {
    let server = Server::start();
    for args in [
        vec!["write", "m{host=~\"x\"}", "1"],
        vec!["write", "m", "one"],
        vec!["write", "m", "1", "--time", "yesterday"],
        vec!["query", "m", "--start", "whenever"],
        vec!["query", "m", "--raw", "--step", "1m"],
        vec!["query"],
        vec!["frobnicate"],
        vec!["query", "m", "--addr", "https://host"],
    ] {
        assert_eq!(stderr(&server.client(&args)).0, 2, "{args:?}");
    }
    let (code, message) = stderr(&server.client(&["query", "sum("]));
    assert_eq!(code, 1);
    assert!(message.contains("1:5: parse error"), "{message}");
    let (code, message) = stderr(&server.client(&["write", "m", "1", "--time", "+2h"]));
    assert_eq!(code, 1);
    assert!(message.contains("10 minutes ahead"), "{message}");
}

#[test]
fn help_teaches_with_examples() {
    for args in
        [vec!["--help"], vec!["start", "--help"], vec!["query", "--help"], vec!["write", "--help"]]
    {
        let help = stdout(&timberline().args(&args).output().unwrap());
        assert!(help.contains("Examples:"), "{args:?}: {help}");
    }
    let help = stdout(&timberline().args(["start", "--help"]).output().unwrap());
    assert!(
        help.contains("--query-timeout <DURATION>") && help.contains("TIMBERLINE_QUERY_TIMEOUT")
    );
    assert!(stdout(&timberline().arg("--version").output().unwrap()).starts_with("timberline 0."));
}

#[test]
fn the_configuration_is_printed_and_checked() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("t.toml");
    let start =
        |args: &[&str]| timberline().arg("start").args(args).current_dir(&home).output().unwrap();
    let printed = stdout(&start(&["--print-config", "--query-timeout", "7s"]));
    assert!(printed.contains("timeout = \"7s\""), "{printed}");
    fs::write(&path, printed.clone()).unwrap();
    assert_eq!(stdout(&start(&["--print-config", "--config", "t.toml"])), printed);

    fs::write(&path, "[query]\ntimeuot = \"1s\"\n").unwrap();
    let (code, message) = stderr(&start(&["--config", "t.toml"]));
    assert_eq!(code, 2);
    assert!(
        message.contains("t.toml:2:1: unknown key `query.timeuot` (did you mean `query.timeout`?)")
    );
    let (code, message) = stderr(&start(&["--listen", ":0"]));
    assert_eq!(code, 2);
    assert!(message.contains("--insecure"), "{message}");
    assert_eq!(stderr(&start(&["--query-timeout", "soon"])).0, 2);
}

#[test]
fn log_lines_can_be_json() {
    let mut server = Server::start_with(&["--log-format", "json"]);
    // Only after its end has it said everything.
    server.signal("TERM");
    server.wait();
    let log = server.log();
    assert!(log.contains("ready"), "{log}");
    for line in log.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(json["level"].is_string(), "{line}");
    }
}
