//! A client of HTTP/1.1 that costs next to nothing: one connection, prebuilt bytes.
//!
//! What it is not: a general client. It follows no redirects and trusts its own servers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A server that says nothing for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Headers longer than this are not from our servers.
const HEADER_LINES_MAX: usize = 100;
/// Bodies longer than this are not answers to our questions.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a loopback port.
    pub(crate) fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request whose head was built by [`post_head`] or [`get_head`].
    pub(crate) fn send(&mut self, head: &str, body: &[u8]) -> Result<Response> {
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).context("sending a request")?;
        stream.write_all(body).context("sending a request")?;
        self.receive().context("reading an answer")
    }

    fn receive(&mut self) -> Result<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.with_context(|| format!("no status in {status_line:?}"))?;
        let mut len = None;
        let mut chunked = false;
        for _ in 0..HEADER_LINES_MAX {
            let line = self.line()?;
            if line.is_empty() {
                let body = match (chunked, len) {
                    (true, _) => self.chunks()?,
                    (false, Some(len)) => self.bytes(len)?,
                    (false, None) if status == 204 => Vec::new(),
                    (false, None) => bail!("an answer without a length"),
                };
                return Ok(Response { status, body });
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                len = Some(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        bail!("more than {HEADER_LINES_MAX} headers")
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let len = line.split(';').next().unwrap_or_default();
            let len =
                u64::from_str_radix(len.trim(), 16).with_context(|| format!("chunk {line:?}"))?;
            body.extend(self.bytes(len)?);
            self.line()?;
            if len == 0 {
                return Ok(body);
            }
        }
    }

    fn bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        if len > BODY_BYTES_MAX {
            bail!("an answer of {len} bytes");
        }
        let mut body = Vec::new();
        let read = self.stream.by_ref().take(len).read_to_end(&mut body)?;
        if read as u64 != len {
            bail!("the answer ends after {read} of {len} bytes");
        }
        Ok(body)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the server has closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// The head of a request with a remote write 1.0 body of `len` bytes.
pub(crate) fn post_head(path: &str, len: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n\
         Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n\
         Content-Length: {len}\r\n\r\n"
    )
}

/// The head of a request without a body.
pub(crate) fn get_head(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

/// The head of a question in SQL of `len` bytes, with the form of the answer.
pub(crate) fn sql_head(accept: &str, len: usize) -> String {
    format!(
        "POST /sql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nAccept: {accept}\r\n\
         Content-Length: {len}\r\n\r\n"
    )
}

/// Posts nothing, once, over a connection of its own.
pub(crate) fn post_empty(port: u16, path: &str) -> Result<Response> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    Connection::open(port)?.send(&head, &[])
}

/// Asks once, over a connection of its own.
pub(crate) fn get(port: u16, path: &str) -> Result<Response> {
    Connection::open(port)?.send(&get_head(path), &[])
}

/// Makes text fit for the query of a URL.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers each connection in turn with the next of `answers`.
    fn serve(answers: Vec<&'static str>) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        port
    }

    #[test]
    fn answers_with_a_length_in_chunks_and_without_content_are_read() {
        let port = serve(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
            "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ]);
        let mut answers = (0..3).map(|_| get(port, "/").unwrap());
        let mut next = || answers.next().map(|it| (it.status, it.body)).unwrap();
        assert_eq!(next(), (200, b"body".to_vec()));
        assert_eq!(next(), (400, b"why".to_vec()));
        assert_eq!(next(), (204, Vec::new()));
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        let port = serve(vec!["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody", "nonsense\r\n"]);
        assert!(get(port, "/").is_err());
        assert!(get(port, "/").is_err());
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escaped("a{b=\"c d\"}[5m]"), "a%7Bb%3D%22c%20d%22%7D%5B5m%5D");
    }
}
