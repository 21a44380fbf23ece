//! Ctrl-C while a statement runs: it ends the statement, and not the shell.
//!
//! What it is not: for lines that are typed; there the terminal gives Ctrl-C as a key.

use std::io;

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// Hears of Ctrl-C. From its beginning on, Ctrl-C does not end the process any more.
pub(super) struct Interrupts {
    runtime: Runtime,
    signal: Signal,
}

impl Interrupts {
    /// Begins to listen.
    ///
    /// # Errors
    /// No handler can be installed.
    pub(super) fn listen() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let signal = signal(SignalKind::interrupt())?;
        drop(entered);
        Ok(Self { runtime, signal })
    }

    /// Works on a thread until that is done, or Ctrl-C is pressed: then `stop` makes the work end soon, and
    /// nothing comes of it.
    pub(super) fn during<T: Send>(
        &mut self,
        work: impl FnOnce() -> T + Send,
        stop: impl FnOnce(),
    ) -> Option<T> {
        let (done, mut result) = oneshot::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // After Ctrl-C nobody takes it.
                let _ = done.send(work());
            });
            let signal = &mut self.signal;
            self.runtime.block_on(async {
                tokio::select! {
                    result = &mut result => result.ok(),
                    _ = signal.recv() => {
                        stop();
                        None
                    }
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use super::*;

    #[test]
    fn an_interrupt_stops_the_work_and_nothing_else() {
        let mut interrupts = Interrupts::listen().unwrap();
        assert_eq!(interrupts.during(|| 7, || unreachable!()), Some(7));
        let stopped = AtomicBool::new(false);
        let work = || {
            let pid = std::process::id().to_string();
            std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
            while !stopped.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        assert_eq!(interrupts.during(work, || stopped.store(true, Ordering::SeqCst)), None);
        assert_eq!(interrupts.during(|| 8, || unreachable!()), Some(8));
    }
}
