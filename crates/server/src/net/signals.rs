//! The signals that ask the server to stop, or to read its configuration again.

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that comes again within this time is the same one, sent twice: `timeout`, for one,
/// signals the process and then its group.
const REPEAT: Duration = Duration::from_secs(1);

/// Waits for SIGTERM or SIGINT and returns its name. A second one ends the process at once, unless it
/// is the first one repeated within a second.
///
/// # Errors
/// When the handlers cannot be installed.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut signals = StopSignals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok(async move {
        let first = signals.next().await;
        let begun = Instant::now();
        tokio::spawn(async move {
            while signals.next().await == first && begun.elapsed() < REPEAT {}
            tracing::warn!("second signal: stopping at once; unflushed data is in the log");
            std::process::exit(130);
        });
        first
    })
}

/// SIGHUP, however often it comes.
///
/// # Errors
/// When the handler cannot be installed.
pub(crate) fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
