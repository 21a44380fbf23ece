//! Requests to cancel: which connection is which, and how it hears of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
};

use pgwire::{api::auth::sasl::scram::random_nonce, messages::startup::SecretKey};
use tokio::sync::watch;

/// All connections that can be canceled.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    next: AtomicI32,
    known: Mutex<HashMap<i32, (i32, watch::Sender<u64>)>>,
}

/// One connection's number and key; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    cancels: Arc<Cancels>,
    pub(crate) number: i32,
    pub(crate) key: i32,
    /// Changes with every request.
    pub(crate) requests: watch::Receiver<u64>,
}

impl Cancels {
    /// Gives a connection a number and a key.
    pub(crate) fn register(self: &Arc<Self>) -> Registered {
        let number = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let random = random_nonce();
        let key = random
            .bytes()
            .fold(0_i32, |key, byte| key.wrapping_mul(31).wrapping_add(i32::from(byte)));
        let (sender, requests) = watch::channel(0);
        self.lock().insert(number, (key, sender));
        Registered { cancels: Arc::clone(self), number, key, requests }
    }

    /// Cancels what a connection does, if the key is its own.
    pub(crate) fn cancel(&self, number: i32, key: &SecretKey) {
        if let Some((known, sender)) = self.lock().get(&number)
            && is_key(key, *known)
        {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, (i32, watch::Sender<u64>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys come as numbers or as bytes, by the protocol that the decoder takes the client to speak.
fn is_key(key: &SecretKey, known: i32) -> bool {
    match key {
        SecretKey::I32(key) => *key == known,
        SecretKey::Bytes(bytes) => bytes[..] == known.to_be_bytes(),
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.cancels.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_cancels() {
        let cancels = Arc::new(Cancels::default());
        let mut registered = cancels.register();
        cancels.cancel(registered.number, &SecretKey::I32(registered.key.wrapping_add(1)));
        assert!(!registered.requests.has_changed().unwrap());
        cancels.cancel(registered.number, &SecretKey::I32(registered.key));
        assert!(registered.requests.has_changed().unwrap());
        registered.requests.mark_unchanged();
        let bytes = registered.key.to_be_bytes().to_vec();
        cancels.cancel(registered.number, &SecretKey::Bytes(bytes.into()));
        assert!(registered.requests.has_changed().unwrap());
        let number = registered.number;
        drop(registered);
        assert!(!cancels.lock().contains_key(&number));
    }
}
