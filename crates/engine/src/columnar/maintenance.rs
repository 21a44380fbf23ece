//! What an engine does by itself, on threads of its own: it flushes when it is time and syncs what was
//! only logged; it merges blocks and removes those that are too old.
//!
//! Invariant: the threads own nothing of the engine, so an engine that is dropped ends them.

mod compaction;
mod flushing;
mod worker;

use std::{io, sync::Arc};

use timberline_io::stand_behind;

use super::engine::Inner;
use compaction::CompactionRounds;
use flushing::FlushRounds;
use worker::Worker;

/// How long after the end of a window its samples may still be on their way, in nanoseconds.
pub(super) const WINDOW_GRACE: i64 = 60 * 1_000_000_000;

/// The running threads. Dropping this ends them, each after the step that it is in.
#[derive(Debug)]
pub(super) struct Maintenance {
    _workers: [Worker; 2],
}

impl Maintenance {
    pub(super) fn spawn(inner: &Arc<Inner>) -> io::Result<Self> {
        let mut flushes = FlushRounds::new(inner);
        let mut compactions = CompactionRounds::default();
        let mut is_behind = false;
        let flusher = Worker::spawn("timberline-flush", inner, move |inner| flushes.round(inner))?;
        let compactor = Worker::spawn("timberline-compact", inner, move |inner| {
            if !std::mem::replace(&mut is_behind, true) {
                stand_behind();
            }
            compactions.round(inner);
        })?;
        Ok(Self { _workers: [flusher, compactor] })
    }
}
