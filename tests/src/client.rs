//! A client of the server's HTTP interface.

use std::time::Duration;

use timberline::{Labels, Sample};
use timberline_protocol::prom_remote::{SeriesParts, encode_v1_parts};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Talks to one server; usable after that server is dead, too.
#[derive(Debug)]
pub struct Client {
    address: String,
    agent: ureq::Agent,
}

/// A write that was not acknowledged.
#[derive(Clone, Debug)]
pub enum WriteError {
    /// The server's answer.
    Answered {
        /// HTTP status.
        status: u16,
        /// Body of the answer.
        body: String,
    },
    /// No answer came.
    Connection(String),
}

impl Client {
    /// A client of the server at `127.0.0.1:PORT`.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        Self { address: address.to_owned(), agent }
    }

    /// Writes floats by remote write 1.0.
    ///
    /// # Errors
    /// Anything but an acknowledgement.
    pub fn write(&self, series: &[(Labels, Vec<Sample>)]) -> Result<(), WriteError> {
        let parts = series.iter().map(|(labels, samples)| SeriesParts {
            labels,
            samples,
            histograms: &[],
            exemplars: &[],
        });
        self.write_parts(parts)
    }

    /// Writes all that remote write 1.0 has for series.
    ///
    /// # Errors
    /// Anything but an acknowledgement.
    pub fn write_parts<'s>(
        &self,
        series: impl IntoIterator<Item = SeriesParts<'s>>,
    ) -> Result<(), WriteError> {
        let message = encode_v1_parts(series, &[]);
        let body = snap::raw::Encoder::new().compress_vec(&message).expect("a small message");
        let answer = self
            .agent
            .post(format!("http://{}/api/v1/write", self.address))
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .send(&body[..]);
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(mut answer) => Err(WriteError::Answered {
                status: answer.status().as_u16(),
                body: answer.body_mut().read_to_string().unwrap_or_default(),
            }),
            Err(error) => Err(WriteError::Connection(error.to_string())),
        }
    }

    /// Asks for a path, and returns the status and the body.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let url = format!("http://{}{path}", self.address);
        let answer = self.agent.get(&url).query_pairs(parameters.iter().copied()).call();
        let mut answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_string();
        (answer.status().as_u16(), body.unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    /// The `data.result` of an instant query.
    ///
    /// # Panics
    /// When the query fails.
    #[must_use]
    pub fn query(&self, promql: &str, time: &str) -> serde_json::Value {
        let (status, body) = self.get("/api/v1/query", &[("query", promql), ("time", time)]);
        assert_eq!(status, 200, "{promql}: {body}");
        let answer: serde_json::Value = serde_json::from_str(&body).expect("answers are JSON");
        answer["data"]["result"].clone()
    }

    /// Posts an empty body to a path, and returns the status and the body.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn post(&self, path: &str) -> (u16, String) {
        self.try_post(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Posts an empty body to a path, and returns the status and the body.
    ///
    /// # Errors
    /// Why no answer came, in words.
    pub fn try_post(&self, path: &str) -> Result<(u16, String), String> {
        let url = format!("http://{}{path}", self.address);
        let answer = self.agent.post(&url).send_empty();
        let mut answer = answer.map_err(|error| error.to_string())?;
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        Ok((answer.status().as_u16(), body))
    }
}
