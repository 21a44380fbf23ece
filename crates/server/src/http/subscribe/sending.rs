//! A subscription on its way to a client.
//!
//! Invariant: at most [`WAITING_MAX`] events wait in memory for a client. One that takes none of them for long
//! ([`STALL_MAX`]) is cut: what it reads last says how to go on.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};
use timberline_sql::Subscription;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until, timeout},
};

use super::render::Form;
use crate::http::App;

/// Events that wait for a client.
const WAITING_MAX: usize = 16;
/// How long a client may take none of them, at most.
const STALL_MAX: Duration = Duration::from_secs(30);
/// How often something is sent when there is nothing else, at least.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// The most often that it is sent.
const HEARTBEAT_EVERY_MIN: Duration = Duration::from_millis(100);
/// How often it is looked whether the server stops.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a subscription ended that could have gone on.
const STOPPING: &str = "the server is stopping";

/// Runs a subscription, and gives the body that it fills.
pub(super) fn send(
    app: App,
    subscription: Subscription,
    form: Form,
    place: OwnedSemaphorePermit,
) -> Body {
    let (events, taken) = mpsc::channel(WAITING_MAX);
    let last = Arc::new(Mutex::new(None));
    let patience = Patience::within(app.config().http.stall_timeout.as_std());
    let sender = Sender { app, subscription, form, patience, events, last: Arc::clone(&last) };
    tokio::spawn(async move {
        sender.run().await;
        drop(place);
    });
    Body::new(Events { taken, last })
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// A client may take no event for so long.
    stall: Duration,
    heartbeat: Duration,
}

impl Patience {
    /// Well within the time after which the connection itself is given up: last words have to come before that,
    /// and heartbeats keep it.
    fn within(timeout: Duration) -> Self {
        let heartbeat = (timeout / 4).clamp(HEARTBEAT_EVERY_MIN, HEARTBEAT_EVERY);
        Self { stall: STALL_MAX.min(timeout / 2), heartbeat }
    }
}

struct Sender {
    app: App,
    subscription: Subscription,
    form: Form,
    patience: Patience,
    events: mpsc::Sender<Bytes>,
    /// Last words for a client that takes nothing now, and may later.
    last: Arc<Mutex<Option<Bytes>>>,
}

impl Sender {
    async fn run(mut self) {
        // A proxy or a client that waits for the first byte gets it at once.
        let mut heartbeat = Instant::now();
        let columns = self.subscription.columns().to_vec();
        let mut sent = self.subscription.last_id().map(ToOwned::to_owned);
        let why = loop {
            let tick = heartbeat.min(Instant::now() + LOOK_EVERY);
            let event = tokio::select! {
                event = self.subscription.next() => event,
                () = self.events.closed() => return,
                () = sleep_until(tick) => {
                    if self.app.is_stopping() {
                        break STOPPING.to_owned();
                    }
                    if heartbeat <= Instant::now() {
                        heartbeat = Instant::now() + self.patience.heartbeat;
                        // One whose events wait needs none.
                        let _ = self.events.try_send(Bytes::from_static(self.form.heartbeat()));
                    }
                    continue;
                }
            };
            let (bytes, id) = match event {
                Some(Ok(event)) => (self.form.event(&columns, &event), event.id),
                Some(Err(error)) => break error.to_string(),
                None => return,
            };
            match timeout(self.patience.stall, self.events.send(bytes)).await {
                Ok(Ok(())) => sent = Some(id),
                Ok(Err(_)) => return,
                Err(_) => break format!("the client took no event for {:?}", self.patience.stall),
            }
            heartbeat = Instant::now() + self.patience.heartbeat;
        };
        tracing::info!(reason = why, "a subscription was ended");
        let end = self.form.end(&why, sent.as_deref());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }
}

/// The body: what was sent, then the last words.
struct Events {
    taken: mpsc::Receiver<Bytes>,
    last: Arc<Mutex<Option<Bytes>>>,
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.taken.poll_recv(context).map(|bytes| {
            let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
            bytes.or_else(last).map(|bytes| Ok(Frame::data(bytes)))
        })
    }
}
