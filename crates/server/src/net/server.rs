//! Accepts connections and serves them until told to stop.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, http::Version, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tower::{Service, ServiceExt as _};

use super::{
    client::Client, lenient_stream::LenientStream, stall_guard::StallGuard,
    stream_guard::guard_stream,
};
use crate::telemetry::Metrics;

/// Connections that are being told to come back later. Beyond these they are closed without a word.
const REFUSALS_MAX: usize = 64;
/// Requests of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 256;
/// What a connection beyond the limit gets, whatever it asks for.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
    content-length: 111\r\n\r\n\
    {\"status\":\"error\",\"errorType\":\"unavailable\",\
    \"error\":\"too many connections: the limit is http.connections_max\"}\n";

/// How a server treats its connections.
#[derive(Clone, Debug)]
pub(crate) struct ServerOptions {
    /// Connections at once.
    pub(crate) connections_max: usize,
    /// Time for a request's head to arrive.
    pub(crate) head_timeout: Duration,
    /// Bytes of a request's head.
    pub(crate) head_bytes_max: usize,
    /// Time for which a client may take nothing of what is written to it.
    pub(crate) stall_timeout: Duration,
    /// Time for connections to end once stopping.
    pub(crate) shutdown_timeout: Duration,
}

/// A bound listener and what it does with connections.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    options: ServerOptions,
    metrics: Arc<Metrics>,
}

impl Server {
    /// A server on a bound listener.
    pub(crate) fn new(
        listener: TcpListener,
        options: ServerOptions,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { listener, options, metrics }
    }

    /// Serves until `stop` is ready, then lets requests under way end.
    ///
    /// Returns how many connections were cut because they did not end in time.
    pub(crate) async fn run<S>(self, service: S, stop: impl Future<Output = ()>) -> usize
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
    {
        let builder = self.connection_builder();
        let graceful = GracefulShutdown::new();
        let open = Arc::new(Semaphore::new(self.options.connections_max));
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        let mut tasks = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = tasks.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, client) = match accepted {
                Ok((stream, peer)) => (stream, Client(peer.ip().to_canonical())),
                Err(error) => {
                    self.accept_failed(&error).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                self.metrics.connections_refused.add(1);
                if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                    tasks.spawn(async move {
                        refuse(stream).await;
                        drop(permit);
                    });
                }
                continue;
            };
            let _ = stream.set_nodelay(true);
            self.metrics.connections_accepted.add(1);
            let metrics = Arc::clone(&self.metrics);
            metrics.connections_open.add(1);
            let stream =
                StallGuard::new(stream, self.options.stall_timeout, Arc::clone(&self.metrics));
            let io = TokioIo::new(LenientStream::new(stream));
            let (service, timeout) = (service.clone(), self.options.stall_timeout);
            let stalled = Arc::new(Notify::new());
            let cut = Arc::clone(&stalled);
            let service = service_fn(move |request: Request<Incoming>| {
                let streams = request.version() == Version::HTTP_2;
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(client);
                let answer = service.clone().oneshot(request);
                let cut = Arc::clone(&cut);
                async move {
                    let guard =
                        |body| if streams { guard_stream(body, timeout, cut) } else { body };
                    answer.await.map(|response| response.map(guard))
                }
            });
            let connection = graceful.watch(builder.serve_connection(io, service).into_owned());
            tasks.spawn(async move {
                tokio::select! {
                    outcome = connection => if let Err(error) = outcome {
                        tracing::debug!(%error, "connection ended");
                    },
                    () = stalled.notified() => metrics.connections_stalled.add(1),
                }
                metrics.connections_open.sub(1);
                drop(permit);
            });
        }
        drop(self.listener);
        end_connections(graceful, tasks, self.options.shutdown_timeout).await
    }

    fn connection_builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.options.head_timeout)
            .max_buf_size(self.options.head_bytes_max);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.options.head_timeout)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(self.options.head_bytes_max).unwrap_or(u32::MAX));
        builder
    }

    /// Running out of descriptors is not the end: wait for connections to close.
    async fn accept_failed(&self, error: &io::Error) {
        self.metrics.accept_failures.add(1);
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Tells a client to come back later. What it sent is read and thrown away for a moment, as closing
/// a socket with unread bytes would destroy the answer on its way.
async fn refuse(mut stream: TcpStream) {
    let answer = async {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        let mut scratch = [0; 4_096];
        while stream.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
}

/// Waits for connections to end, and cuts those that do not in time.
async fn end_connections(
    graceful: GracefulShutdown,
    mut tasks: JoinSet<()>,
    timeout: Duration,
) -> usize {
    let ended = async {
        graceful.shutdown().await;
        while tasks.join_next().await.is_some() {}
    };
    if tokio::time::timeout(timeout, ended).await.is_ok() {
        return 0;
    }
    while tasks.try_join_next().is_some() {}
    let cut = tasks.len();
    tasks.shutdown().await;
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_states_its_own_length() {
        let text = str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
