//! The requests that Grafana's Prometheus data source makes, kept in `grafana.json` with the shapes of
//! their answers. The list is our own; it says what is asked for, by what method, and in which form times
//! and steps are written.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    shape::check,
    twins::{Twins, excerpt, same},
};

/// The requests.
const REQUESTS: &str = include_str!("grafana.json");

/// One of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    what: String,
    method: String,
    path: String,
    /// `$START`, `$END` and `$NEAR_END` stand for seconds.
    parameters: Vec<(String, String)>,
    status: u16,
    shape: Value,
    /// Whether Debian's Prometheus answers the same, to the text.
    as_prometheus: bool,
}

impl Asked {
    /// Asks a server, as Grafana does: parameters of a `POST` are a form.
    fn ask(&self, address: &str, end: i64) -> (u16, Value) {
        let fill = |text: &str| {
            let near = (end - 60).to_string();
            let start = (end - 1_800).to_string();
            let text = text.replace("$START", &start).replace("$NEAR_END", &near);
            text.replace("$END", &end.to_string())
        };
        let parameters: Vec<(&str, String)> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), fill(value))).collect();
        let pairs = parameters.iter().map(|(name, value)| (*name, value.as_str()));
        let url = format!("http://{address}{}", self.path);
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.build().new_agent();
        let answer = match self.method.as_str() {
            "POST" => agent.post(&url).header("Accept-Encoding", "gzip").send_form(pairs),
            _ => agent.get(&url).query_pairs(pairs).call(),
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.what));
        let body = answer.body_mut().read_to_vec().unwrap();
        let body = match answer.headers().get("content-encoding") {
            Some(_) => unzip(&body),
            None => body,
        };
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (answer.status().as_u16(), json)
    }
}

/// Undoes gzip by the program of that name.
fn unzip(body: &[u8]) -> Vec<u8> {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let body = body.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&body));
    let output = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn every_request_of_grafana_is_answered_in_its_shape_and_as_prometheus_does() {
    let requests: Vec<Asked> = serde_json::from_str(REQUESTS).unwrap();
    let twins = Twins::start();
    let [timberline, prometheus] = twins.addresses();
    let mut compared = 0;
    for asked in &requests {
        let what = &asked.what;
        let (status, ours) = asked.ask(timberline, twins.end);
        assert_eq!(status, asked.status, "{what}: {ours}");
        check(&ours, &asked.shape, "$").unwrap_or_else(|error| panic!("{what}: {error}"));
        if asked.as_prometheus {
            let (their_status, theirs) = asked.ask(prometheus, twins.end);
            assert_eq!(their_status, asked.status, "{what}: {theirs}");
            let [our_text, their_text] = [&ours, &theirs].map(|json| excerpt(&json.to_string()));
            assert!(same(&ours, &theirs), "{what}:\nours   {our_text}\ntheirs {their_text}");
            compared += 1;
        }
    }
    assert!(requests.len() >= 25 && compared >= 18, "{} {compared}", requests.len());
}
