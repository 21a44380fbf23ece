//! A thread that does one thing once a second, until its engine is gone.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::columnar::engine::Inner;

/// How long a worker rests between its rounds.
const TICK: Duration = Duration::from_secs(1);

/// The running thread. Dropping this ends it, after the round that it is in.
#[derive(Debug)]
pub(super) struct Worker {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Worker {
    pub(super) fn spawn(
        name: &str,
        inner: &Arc<Inner>,
        mut round: impl FnMut(&Inner) + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let (weak, seen) = (Arc::downgrade(inner), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&weak, &seen, &mut round))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        *self.stop.asked.lock() = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("a maintenance thread panicked");
        }
    }
}

fn run(inner: &Weak<Inner>, stop: &Stop, round: &mut dyn FnMut(&Inner)) {
    loop {
        {
            let mut asked = stop.asked.lock();
            if !*asked {
                stop.changed.wait_for(&mut asked, TICK);
            }
            if *asked {
                return;
            }
        }
        let Some(inner) = inner.upgrade() else { return };
        // A fault of ours in one round must not end all those to come, nor go unseen.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| round(&inner))) {
            let name = thread::current().name().unwrap_or("maintenance").to_owned();
            let said = format!("{name} panicked: {}", words_of(panic.as_ref()));
            tracing::error!("{said}");
            inner.counters.note_maintenance(Some(said));
        }
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}
