//! A thread that does one thing once a second, until its engine is gone.

use std::{
    io,
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
        round(&inner);
    }
}
