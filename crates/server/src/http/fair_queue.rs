//! Places for queries, handed out in turns: one to each client that waits, then one more to each.
//!
//! Who asks for much thereby waits for itself, and not others for it. Within one client it is first come,
//! first served.
//!
//! Invariant: while anybody waits, no place is free; and a place is given back exactly once, by dropping
//! it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::net::Client;

/// The places, and who waits for one. Clones are handles to the same ones.
#[derive(Clone, Debug)]
pub(super) struct FairQueue(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    free: usize,
    /// At most so many wait, of all clients together.
    waiting_max: usize,
    waiting_count: usize,
    /// Each client that waits, once; whose turn is next first.
    turns: VecDeque<Client>,
    waiting: HashMap<Client, VecDeque<Waiter>>,
    numbered: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    called: oneshot::Sender<Place>,
}

/// Why there was no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// None became free in time.
    Late,
    /// Too many wait already.
    Crowded,
}

impl FairQueue {
    /// So many places, and room for so many to wait.
    pub(super) fn new(places: usize, waiting_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Places {
            free: places,
            waiting_max,
            waiting_count: 0,
            turns: VecDeque::new(),
            waiting: HashMap::new(),
            numbered: 0,
        })))
    }

    /// Waits for a place, no longer than that.
    ///
    /// # Errors
    /// When there is none in time, or too many wait.
    pub(super) async fn enter(&self, client: Client, wait: Duration) -> Result<Place, NoPlace> {
        let (number, call) = {
            let mut places = self.lock();
            if places.free > 0 {
                places.free -= 1;
                return Ok(Place { queue: Some(self.clone()) });
            }
            if places.waiting_count >= places.waiting_max {
                return Err(NoPlace::Crowded);
            }
            places.line_up(client)
        };
        let _leaves = Leaves { queue: self, client, number };
        match tokio::time::timeout(wait, call).await {
            Ok(Ok(place)) => Ok(place),
            // Nobody drops the other end; that would be no more than another way to have no place.
            Ok(Err(_)) | Err(_) => Err(NoPlace::Late),
        }
    }

    /// Hands a place on to whose turn it is, or keeps it free.
    fn give_back(&self) {
        let mut places = self.lock();
        while let Some(waiter) = places.next() {
            match waiter.called.send(Place { queue: Some(self.clone()) }) {
                Ok(()) => return,
                // It has just gone; the next one then. The place must not give itself back here.
                Err(mut place) => place.queue = None,
            }
        }
        places.free += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn line_up(&mut self, client: Client) -> (u64, oneshot::Receiver<Place>) {
        let (called, call) = oneshot::channel();
        self.numbered += 1;
        let line = self.waiting.entry(client).or_default();
        if line.is_empty() {
            self.turns.push_back(client);
        }
        line.push_back(Waiter { number: self.numbered, called });
        self.waiting_count += 1;
        (self.numbered, call)
    }

    /// Takes out whose turn it is.
    fn next(&mut self) -> Option<Waiter> {
        let client = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&client)?;
        let waiter = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        self.waiting_count -= usize::from(waiter.is_some());
        waiter
    }

    /// Takes out one that waits no more, if it was not called.
    fn leave(&mut self, client: Client, number: u64) {
        let Some(line) = self.waiting.get_mut(&client) else { return };
        let before = line.len();
        line.retain(|waiter| waiter.number != number);
        self.waiting_count -= before - line.len();
        if line.is_empty() {
            self.waiting.remove(&client);
            self.turns.retain(|other| *other != client);
        }
    }
}

/// Takes one out of the queue that waits no more: called, too late, or gone away.
struct Leaves<'q> {
    queue: &'q FairQueue,
    client: Client,
    number: u64,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.queue.lock().leave(self.client, self.number);
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Option<FairQueue>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.give_back();
        }
    }
}

#[cfg(test)]
mod tests;
