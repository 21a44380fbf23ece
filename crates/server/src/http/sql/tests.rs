//! Statements over HTTP: forms of answers, errors, and what `GET` may do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io::Cursor, sync::Arc};

use arrow::{array::AsArray as _, datatypes::Int64Type, ipc::reader::StreamReader};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, Response, header},
};
use serde_json::{Value, json};
use timberline::{Databases, Options};
use tower::ServiceExt as _;

use crate::{
    config::{ConfigFlags, Sources, load},
    http::{App, router},
    telemetry::Metrics,
};

fn server() -> (App, Router, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = load(None, std::iter::empty(), &ConfigFlags::default()).unwrap().config;
    let app = App::new(config, Sources::default(), Arc::new(Metrics::default()));
    app.set_databases(Databases::open(dir.path(), Options::default()).unwrap()).unwrap();
    (app.clone(), router(app), dir)
}

async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

fn post(content_type: &str, accept: &str, body: &str) -> Request<Body> {
    Request::post("/sql")
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, accept)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ask(router: &Router, accept: &str, sql: &str) -> (u16, String) {
    text(send(router, post("text/plain", accept, sql)).await).await
}

async fn ask_json(router: &Router, content_type: &str, body: &str) -> (u16, Value) {
    let (status, text) = text(send(router, post(content_type, "*/*", body)).await).await;
    (status, serde_json::from_str(&text).unwrap())
}

const VALUES: &str =
    "SELECT * FROM (VALUES (1, 'a,b', 0.5), (2, NULL, 'NaN'::double)) AS t(n, s, f) ORDER BY n";

#[tokio::test]
async fn rows_come_in_every_form() {
    let (_app, router, _dir) = server();
    let (status, answer) = ask_json(&router, "text/plain", VALUES).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["columns"],
        json!([{"name": "n", "type": "int64"}, {"name": "s", "type": "string"},
               {"name": "f", "type": "float64"}])
    );
    assert_eq!(answer["rows"], json!([[1, "a,b", 0.5], [2, null, "NaN"]]));
    assert_eq!((&answer["row_count"], &answer["status"]), (&json!(2), &json!("success")));
    let (_, lines) = ask(&router, "application/x-ndjson", VALUES).await;
    assert_eq!(lines, "{\"n\":1,\"s\":\"a,b\",\"f\":0.5}\n{\"n\":2,\"s\":null,\"f\":\"NaN\"}\n");
    let (_, csv) = ask(&router, "text/csv", VALUES).await;
    assert_eq!(csv, "n,s,f\n1,\"a,b\",0.5\n2,,NaN\n");
    let arrow = "application/vnd.apache.arrow.stream";
    let response = send(&router, post("text/plain", arrow, VALUES)).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], arrow);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let batches: Vec<_> =
        StreamReader::try_new(Cursor::new(body), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(ask(&router, "image/png", VALUES).await.0, 415);
}

#[tokio::test]
async fn answers_without_rows_are_whole() {
    let (_app, router, _dir) = server();
    let none = "SELECT 1 AS a WHERE false";
    let (_, answer) = ask_json(&router, "text/plain", none).await;
    assert_eq!((&answer["rows"], &answer["row_count"]), (&json!([]), &json!(0)));
    assert_eq!(ask(&router, "text/csv", none).await.1, "a\n");
}

#[tokio::test]
async fn parameters_come_in_json_and_in_forms() {
    let (_app, router, _dir) = server();
    let body = json!({"sql": "SELECT $1::bigint + 1 AS n, $2 AS s", "params": [41, "x"]});
    let (status, answer) = ask_json(&router, "application/json", &body.to_string()).await;
    assert_eq!((status, &answer["rows"]), (200, &json!([[42, "x"]])), "{answer}");
    let form = "application/x-www-form-urlencoded";
    let (_, answer) = ask_json(&router, form, "sql=SELECT+%24%31%3A%3Abigint&params=%5B7%5D").await;
    assert_eq!(answer["rows"], json!([[7]]), "{answer}");
    // What curl -d sends.
    let (_, answer) = ask_json(&router, form, "SELECT 7").await;
    assert_eq!(answer["rows"], json!([[7]]));
    for body in [json!({"sql": "SELECT 1", "params": [[1]]}), json!({"q": 1}), json!({"sql": " "})]
    {
        let (status, answer) = ask_json(&router, "application/json", &body.to_string()).await;
        assert_eq!((status, &answer["errorType"]), (400, &json!("bad_data")), "{body}: {answer}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_400_and_named() {
    let (_app, router, _dir) = server();
    for (sql, named) in
        [("SELECT nothing_here", "nothing_here"), ("SELEC 1", "SELEC"), ("", "no statement")]
    {
        let (status, answer) = ask_json(&router, "text/plain", sql).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(named), "{answer}");
    }
}

#[tokio::test]
async fn get_asks_and_does_not_write() {
    let (_app, router, _dir) = server();
    let get = |sql: &str| {
        let encoded: String = sql.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let uri = format!("/sql?q={encoded}");
        Request::builder().method(Method::GET).uri(uri).body(Body::empty()).unwrap()
    };
    assert_eq!(text(send(&router, get("SELECT 1")).await).await.0, 200);
    let (status, body) = text(send(&router, get("INSERT INTO m VALUES (1)")).await).await;
    assert_eq!((status, body.contains("POST")), (400, true), "{body}");
}

/// Divides by zero after so many rows that an answer was begun.
const BROKEN: &str = "SELECT 1 / (100000 - value) AS n FROM generate_series(1, 200000)";

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let (_app, router, _dir) = server();
    let (status, body) = ask(&router, "application/json", BROKEN).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["status"], "error");
    assert!(
        answer["error"].as_str().unwrap().to_lowercase().contains("zero"),
        "{}",
        answer["error"]
    );
    assert!(answer["row_count"].is_null());
    for accept in ["application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream"] {
        let response = send(&router, post("text/plain", accept, BROKEN)).await;
        assert_eq!(response.status().as_u16(), 200);
        assert!(to_bytes(response.into_body(), usize::MAX).await.is_err(), "{accept}");
    }
}

#[tokio::test]
async fn a_statement_ends_in_time_and_with_its_client() {
    let (app, router, _dir) = server();
    let endless = "SELECT count(*) FROM generate_series(1, 100000000000) WHERE value % 7 = 8";
    let body = json!({"sql": endless, "timeout": "50ms"});
    let (status, answer) = ask_json(&router, "application/json", &body.to_string()).await;
    assert_eq!((status, &answer["errorType"]), (503, &json!("timeout")), "{answer}");
    // The rest of an answer that nobody reads is not computed.
    let rows = "SELECT value FROM generate_series(1, 100000000000)";
    let response = send(&router, post("text/plain", "text/csv", rows)).await;
    assert_eq!(response.status().as_u16(), 200);
    drop(response);
    let canceled = || async {
        while app.metrics().queries_canceled.get() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), canceled()).await.unwrap();
    let page = Request::get("/metrics").body(Body::empty()).unwrap();
    let mut page = text(send(&router, page).await).await.1;
    // The task counts its statement right after that.
    while !page.contains("outcome=\"canceled\"} 1") {
        let again = Request::get("/metrics").body(Body::empty()).unwrap();
        page = text(send(&router, again).await).await.1;
    }
    assert!(
        page.contains("timberline_sql_statements_total{wire=\"http\",outcome=\"timeout\"} 1"),
        "{page}"
    );
}
