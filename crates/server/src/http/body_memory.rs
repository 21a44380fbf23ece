//! The memory for the bodies of writes: a budget of bytes that they share.
//!
//! Invariant: a body holds a reservation for as many bytes as have arrived of it, but for one read,
//! or waits for them. A body that comes slowly therefore keeps what it announced from others, or what
//! has come of it where it announced nothing, and no place among the writes.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::Config, error::ApiError, telemetry::Metrics};

/// Bytes of one permit, so that 32 bits of permits are enough for any budget.
const UNIT_BYTES: usize = 1_024;

/// The budget.
#[derive(Debug)]
pub(super) struct BodyMemory {
    units: Arc<Semaphore>,
    /// How long a body waits for others to end.
    wait: Duration,
    /// What a body is told that waited in vain.
    refusal: String,
    metrics: Arc<Metrics>,
}

impl BodyMemory {
    /// The budget of a configuration, nothing of it taken.
    pub(super) fn new(config: &Config, metrics: Arc<Metrics>) -> Self {
        let settings = &config.write;
        let units = settings.body_memory_max.as_usize().div_ceil(UNIT_BYTES);
        Self {
            units: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            wait: settings.queue_timeout.as_std(),
            refusal: format!(
                "too many writes: their bodies take {} (write.body_memory_max) and none ended \
                 within {}",
                settings.body_memory_max, settings.queue_timeout
            ),
            metrics,
        }
    }

    /// A reservation of nothing yet.
    pub(super) fn reservation(&self) -> Reservation<'_> {
        Reservation { memory: self, held: None }
    }
}

/// One body's share of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    memory: &'a BodyMemory,
    held: Option<OwnedSemaphorePermit>,
}

impl Reservation<'_> {
    /// Sees to it that so many bytes are reserved, all together.
    ///
    /// # Errors
    /// When others do not give back enough in time.
    pub(super) async fn cover(&mut self, bytes: usize) -> Result<(), ApiError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(missing) = bytes.div_ceil(UNIT_BYTES).checked_sub(held).filter(|n| *n > 0) else {
            return Ok(());
        };
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let taking = Arc::clone(&self.memory.units).acquire_many_owned(missing);
        match tokio::time::timeout(self.memory.wait, taking).await {
            Ok(Ok(permit)) => {
                match &mut self.held {
                    Some(held) => held.merge(permit),
                    None => self.held = Some(permit),
                }
                Ok(())
            }
            // The semaphore is never closed; that would be no more than another way to be full.
            Ok(Err(_)) | Err(_) => {
                self.memory.metrics.writes_overloaded.add(1);
                Err(ApiError::busy(&self.memory.refusal))
            }
        }
    }

    /// The share itself, to be held for as long as the body is.
    pub(super) fn into_permit(self) -> Option<OwnedSemaphorePermit> {
        self.held
    }
}
