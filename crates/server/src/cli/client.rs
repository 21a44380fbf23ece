//! Speaks to a server.

use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Error, http::Response};

use super::{Failure, args::ServerArgs};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// A server, as a client sees it.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    base: String,
    /// What comes before the paths of its database.
    prefix: String,
}

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// As it came.
    pub(super) text: String,
    /// As JSON; null if it is none.
    pub(super) json: Value,
}

/// An answer that goes on.
pub(super) enum Stream {
    /// What comes, as it comes.
    Begun(Box<dyn std::io::Read>),
    /// There is no server, or none that has time; one may come.
    Unreachable(String),
}

impl Client {
    /// A client of the server at an address.
    pub(super) fn new(server: &ServerArgs) -> Result<Self, Failure> {
        let prefix = match &server.database {
            Some(name) => format!("/db/{}", checked_name(name)?),
            None => String::new(),
        };
        Ok(Self { agent: agent(), base: base_url(&server.addr)?, prefix })
    }

    /// A client of the same server and database with connections of its own.
    #[cfg(feature = "sql")]
    pub(super) fn another(&self) -> Self {
        Self { agent: agent(), base: self.base.clone(), prefix: self.prefix.clone() }
    }

    /// Ends what it is asking for on other threads. It asks for nothing after that.
    #[cfg(feature = "sql")]
    pub(super) fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    /// A path of the server, or of its database where it is about one.
    fn url(&self, path: &str) -> String {
        let of_server = path.starts_with("/-/") || path == "/metrics" || path == "/version";
        let prefix = if of_server { "" } else { &self.prefix };
        format!("{}{prefix}{path}", self.base)
    }

    /// The server's URL.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Gets a path, and takes any status for an answer.
    pub(super) fn get_any_status(&self, path: &str) -> Result<(u16, Answer), Failure> {
        let response = self.agent.get(self.url(path)).call();
        self.read(response)
    }

    /// Gets a path with parameters.
    pub(super) fn get(&self, path: &str, params: &[(&str, String)]) -> Result<Answer, Failure> {
        let request = self.agent.get(self.url(path));
        let params = params.iter().map(|(name, value)| (*name, value.as_str()));
        self.successful(request.query_pairs(params).call())
    }

    /// Posts a form, so that long queries fit.
    pub(super) fn post_form(
        &self,
        path: &str,
        params: &[(&str, String)],
    ) -> Result<Answer, Failure> {
        let params = params.iter().map(|(name, value)| (*name, value.as_str()));
        self.successful(self.agent.post(self.url(path)).send_form(params))
    }

    /// Posts JSON.
    pub(super) fn post_json(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.agent.post(self.url(path));
        let request = request.header("content-type", "application/json");
        self.successful(request.send(body.to_string()))
    }

    /// Posts JSON, and takes an answer of one type.
    pub(super) fn post_json_for(
        &self,
        path: &str,
        body: &Value,
        accept: &str,
    ) -> Result<Answer, Failure> {
        let request = self.agent.post(self.url(path));
        let request = request.header("content-type", "application/json").header("accept", accept);
        self.successful(request.send(body.to_string()))
    }

    /// Posts a text, and takes the answer as it comes.
    pub(super) fn stream<'a>(
        &self,
        path: &str,
        params: impl Iterator<Item = (&'a str, &'a str)>,
        accept: &str,
        body: &str,
    ) -> Result<Stream, Failure> {
        let request = self.agent.post(self.url(path)).query_pairs(params);
        let sent = request.header("accept", accept).content_type("text/plain").send(body);
        match sent {
            Err(error) => Ok(Stream::Unreachable(self.unreachable(&error).to_string())),
            Ok(response) if response.status().is_success() => {
                Ok(Stream::Begun(Box::new(response.into_body().into_reader())))
            }
            Ok(response) if response.status().is_server_error() => {
                Ok(Stream::Unreachable(format!("the server answers {}", response.status())))
            }
            refused => match self.successful(refused) {
                Err(failure) => Err(failure),
                Ok(answer) => Err(Failure::new(answer.text)),
            },
        }
    }

    /// Posts nothing.
    pub(super) fn post(&self, path: &str) -> Result<Answer, Failure> {
        self.successful(self.agent.post(self.url(path)).send_empty())
    }

    fn successful(&self, response: Result<Response<ureq::Body>, Error>) -> Result<Answer, Failure> {
        let (status, answer) = self.read(response)?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let position = &answer.json["position"];
        let reason = match answer.json["error"].as_str() {
            Some(reason) if position.is_object() => {
                format!("{reason} (line {}, column {})", position["line"], position["column"])
            }
            Some(reason) => reason.to_owned(),
            None => {
                format!("status {status}: {}", answer.text.chars().take(500).collect::<String>())
            }
        };
        Err(Failure::new(format!("the server at {} refused: {reason}", self.base)))
    }

    fn read(
        &self,
        response: Result<Response<ureq::Body>, Error>,
    ) -> Result<(u16, Answer), Failure> {
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = body.map_err(|error| {
            Failure::new(format!("the answer of {} broke off: {error}", self.base))
        })?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok((status, Answer { text, json }))
    }

    fn unreachable(&self, error: &Error) -> Failure {
        Failure::new(format!(
            "cannot reach a server at {}: {error}\n\
             Is it running? `timberline start` starts it here; --addr or TIMBERLINE_ADDR names \
             another.",
            self.base
        ))
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(10)))
        .user_agent(concat!("timberline/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

/// The name of a database, as far as it can stand in a path.
fn checked_name(name: &str) -> Result<&str, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(Failure::usage(format!("not a name of a database: {name:?}")));
    }
    Ok(name)
}

/// The URL of an address as people write it: without a trailing slash, with `http://`.
fn base_url(address: &str) -> Result<String, Failure> {
    let address = address.trim().trim_end_matches('/');
    if address.starts_with("https://") {
        return Err(Failure::usage(format!(
            "{address}: TLS is not spoken by this version; put a proxy in front, or use http://"
        )));
    }
    let rest = address.strip_prefix("http://").unwrap_or(address);
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        return Err(Failure::usage(format!(
            "not an address: {address:?} (expected such as 127.0.0.1:8080 or http://host:8080)"
        )));
    }
    let host = if rest.starts_with(':') { "127.0.0.1" } else { "" };
    Ok(format!("http://{host}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_urls() {
        for (address, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            (":9", "http://127.0.0.1:9"),
            ("http://host:1/", "http://host:1"),
            ("http://host/prefix/", "http://host/prefix"),
        ] {
            assert_eq!(base_url(address).unwrap(), url);
        }
        for address in ["", "https://host", "a b"] {
            assert!(base_url(address).is_err(), "{address}");
        }
    }
}
