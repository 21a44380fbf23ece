//! A connection that is given up when its client takes nothing of what is written to it.
//!
//! An answer stays in memory until it is sent. Without this a client that asks and never reads would
//! hold it for ever.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use crate::telemetry::Metrics;

/// The stream, whose writes fail once none of them made progress for a time.
#[derive(Debug)]
pub(super) struct StallGuard<S> {
    stream: S,
    timeout: Duration,
    /// Runs while a write waits; no byte was taken since it was started.
    waiting: Option<Pin<Box<Sleep>>>,
    metrics: Arc<Metrics>,
}

impl<S> StallGuard<S> {
    pub(super) fn new(stream: S, timeout: Duration, metrics: Arc<Metrics>) -> Self {
        Self { stream, timeout, waiting: None, metrics }
    }

    /// What a write came to, unless it has waited for too long.
    fn judge<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let timeout = self.timeout;
        let sleep = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        if sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.waiting = None;
        self.metrics.connections_stalled.add(1);
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client took nothing of its answer for http.stall_timeout",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judge(outcome, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.judge(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_write_that_nobody_takes_fails_and_is_counted() {
        let metrics = Arc::new(Metrics::default());
        let (near, _far) = duplex(4);
        let mut guarded = StallGuard::new(near, SHORT, Arc::clone(&metrics));
        guarded.write_all(b"1234").await.unwrap();
        assert_eq!(metrics.connections_stalled.get(), 0);
        let error = guarded.write_all(b"5").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(metrics.connections_stalled.get(), 1);
    }

    #[tokio::test]
    async fn a_client_that_takes_little_at_a_time_gets_all() {
        let (near, mut far) = duplex(1);
        let timeout = Duration::from_secs(60);
        let mut guarded = StallGuard::new(near, timeout, Arc::new(Metrics::default()));
        let sent = [7; 1_000];
        let mut got = [0; 1_000];
        let (written, read) = tokio::join!(guarded.write_all(&sent), far.read_exact(&mut got));
        written.unwrap();
        read.unwrap();
        assert_eq!(sent, got);
        assert!(guarded.waiting.is_none());
    }
}
