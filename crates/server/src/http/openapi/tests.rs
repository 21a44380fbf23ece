//! The document against the server: every route is in it with its methods, and every operation answers
//! its own example with what it documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use timberline::{Databases, Options, Retention};
use tower::ServiceExt as _;

use super::DOCUMENT;
use crate::{
    config::{ConfigFlags, Sources, load},
    http::{App, router, router::routes},
    telemetry::Metrics,
};

fn document() -> Value {
    serde_yaml_ng::from_str(DOCUMENT).unwrap()
}

/// A router of a database that keeps samples of any time.
fn server() -> (Router, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = load(None, std::iter::empty(), &ConfigFlags::default()).unwrap().config;
    let app = App::new(config, Sources::default(), Arc::new(Metrics::default()));
    let options = Options { retention: Retention::default(), ..Options::default() };
    app.set_databases(Databases::open(dir.path(), options).unwrap()).unwrap();
    // What is live of the configuration was set with them: its retention of 30 days.
    app.databases().unwrap().set_common(Retention::default(), None);
    (router(app), dir)
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or("", |value| value.to_str().unwrap()).to_owned();
    let mut body = response.into_body();
    if content_type == "text/event-stream" {
        // It has no end: the first event will do.
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        return (status, content_type, frame.into_data().unwrap().to_vec());
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (status, content_type, body.to_vec())
}

#[tokio::test]
async fn every_route_is_documented_with_its_methods_and_nothing_else_is() {
    let (router, _dir) = server();
    let document = document();
    let documented = document["paths"].as_object().unwrap();
    let paths: BTreeSet<&str> = documented.keys().map(String::as_str).collect();
    let routed: BTreeSet<&str> = routes().iter().map(|(path, _)| *path).collect();
    assert_eq!(paths, routed);
    for (path, operations) in documented {
        let request = Request::builder()
            .method(Method::TRACE)
            .uri(path.replace("{name}", "host"))
            .body(Body::empty())
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = response.headers()[header::ALLOW].to_str().unwrap();
        let allowed: BTreeSet<String> = allowed
            .split(',')
            .filter(|method| *method != "HEAD")
            .map(str::to_ascii_lowercase)
            .collect();
        let methods: BTreeSet<String> = operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(methods, allowed, "{path}");
    }
}

#[tokio::test]
async fn every_operation_answers_its_own_example_as_documented() {
    let (router, _dir) = server();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap();
        operations.iter().map(move |(method, operation)| (path.as_str(), method, operation))
    });
    // The sample that the other examples ask for comes first.
    let (first, rest): (Vec<_>, Vec<_>) = all.partition(|(path, ..)| *path == "/api/v1/write");
    let mut answered = BTreeMap::new();
    for (path, method, operation) in first.into_iter().chain(rest) {
        let request = example(path, method, operation);
        let (status, content_type, body) = send(&router, request).await;
        let text = String::from_utf8_lossy(&body);
        let expected = match path {
            // What is snappy and protobuf cannot be sent from a document.
            "/api/v1/read" => "400",
            // There are no targets.
            "/api/v1/targets/metadata" => "404",
            _ => success_of(operation),
        };
        assert_eq!(status.as_str(), expected, "{method} {path}: {text}");
        check(&document, &operation["responses"][expected], &content_type, &body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}: {text}"));
        *answered.entry(operation["tags"][0].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(answered["query"], 14, "{answered:?}");
}

#[tokio::test]
async fn errors_are_as_documented() {
    let (router, _dir) = server();
    let document = document();
    for (target, status) in [
        ("/api/v1/query?query=sum(", "400"),
        ("/api/v1/query?query=label_replace(vector(1),'a','b','c','(')", "422"),
        ("/api/v1/query_range?query=up&start=1&end=0&step=1", "400"),
        ("/api/v1/rules?type=both", "400"),
        ("/api/v1/targets?state=odd", "400"),
        ("/api/v1/series", "400"),
        ("/api/v1/targets/metadata", "404"),
        ("/federate?match[]=sum(up)", "400"),
    ] {
        let path = target.split('?').next().unwrap();
        let uri = target.replace(' ', "%20").replace('\'', "%27");
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let (answered, content_type, body) = send(&router, request).await;
        assert_eq!(answered.as_str(), status, "{target}");
        let responses = &document["paths"][path]["get"]["responses"];
        check(&document, &responses[status], &content_type, &body)
            .unwrap_or_else(|error| panic!("{target}: {error}"));
    }
}

/// The status of a success.
fn success_of(operation: &Value) -> &str {
    operation["responses"].as_object().unwrap().keys().find(|s| s.starts_with('2')).unwrap()
}

/// The request that an operation's examples make.
fn example(path: &str, method: &str, operation: &Value) -> Request<Body> {
    let mut target = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().unwrap_or(&Vec::new()) {
        let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
        if parameter["in"] == "path" {
            target = target.replace(&format!("{{{name}}}"), example.as_str().unwrap());
        } else if !example.is_null() {
            push_pairs(&mut query, name, example);
        }
    }
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query.join("&"));
    }
    let request = Request::builder().method(method.to_ascii_uppercase().as_str()).uri(target);
    let Some(content) = operation["requestBody"]["content"].as_object() else {
        return request.body(Body::empty()).unwrap();
    };
    let (content_type, media) = content.iter().next().unwrap();
    let request = request.header(header::CONTENT_TYPE, content_type);
    let body = if content_type == "application/x-www-form-urlencoded" {
        let mut pairs = Vec::new();
        for (name, example) in media["example"].as_object().unwrap() {
            push_pairs(&mut pairs, name, example);
        }
        pairs.join("&")
    } else if media["example"].is_null() {
        "no protobuf".to_owned()
    } else if let Some(text) = media["example"].as_str() {
        text.to_owned()
    } else {
        media["example"].to_string()
    };
    request.body(Body::from(body)).unwrap()
}

fn push_pairs(pairs: &mut Vec<String>, name: &str, example: &Value) {
    let encode = |text: &str| -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>()
    };
    let one = |value: &Value| match value {
        Value::String(text) => format!("{}={}", encode(name), encode(text)),
        other => format!("{}={}", encode(name), encode(&other.to_string())),
    };
    match example {
        Value::Array(values) => pairs.extend(values.iter().map(one)),
        value => pairs.push(one(value)),
    }
}

/// Holds an answer against a documented response.
fn check(
    document: &Value,
    response: &Value,
    content_type: &str,
    body: &[u8],
) -> Result<(), String> {
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).ok_or("a dangling reference")?,
        None => response,
    };
    let Some(content) = response["content"].as_object() else {
        return if body.is_empty() { Ok(()) } else { Err("a body where none is".to_owned()) };
    };
    let Some(media) = content.get(content_type) else {
        let documented: Vec<&String> = content.keys().collect();
        return Err(format!("{content_type:?} instead of {documented:?}"));
    };
    let value = if content_type == "application/json" {
        serde_json::from_slice(body).map_err(|error| error.to_string())?
    } else {
        json!(String::from_utf8_lossy(body))
    };
    let mut schema = media["schema"].clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    validator.validate(&value).map_err(|error| format!("{error} at {}", error.instance_path()))
}

#[test]
fn the_check_finds_what_is_not_as_documented() {
    let document = document();
    let response = &document["paths"]["/api/v1/query"]["get"]["responses"]["200"];
    let holds =
        |body: &Value| check(&document, response, "application/json", body.to_string().as_bytes());
    let answer = |result: Value| json!({"status": "success", "data": {"resultType": "vector", "result": result}});
    assert!(holds(&answer(json!([{"metric": {"a": "b"}, "value": [1.5, "2"]}]))).is_ok());
    assert!(holds(&answer(json!([{"metric": {"a": "b"}}]))).is_err());
    assert!(holds(&answer(json!([{"metric": {"a": "b"}, "value": [1.5, 2]}]))).is_err());
    assert!(holds(&json!({"status": "success"})).is_err());
    assert!(check(&document, response, "text/plain", b"").is_err());
}
