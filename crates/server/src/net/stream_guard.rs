//! An answer on one of the streams of an HTTP/2 connection, given up when its client takes nothing of
//! it.
//!
//! The connection's own guard does not see this: a client may let the socket flow and give a stream
//! no room. So the answer is handed out in pieces, and its connection is cut when no piece was asked
//! for over a time.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::{sync::Notify, time::Instant};

/// Bytes of a piece: what a slow client must take within the timeout.
const PIECE_BYTES: usize = 16 << 10;

/// The body, in pieces.
#[derive(Debug)]
struct Guarded {
    body: Body,
    /// What is left of the data that the body gave last.
    rest: Bytes,
    /// When a piece was last asked for.
    asked: Arc<Mutex<Instant>>,
}

/// Guards a body: `cut` is notified when nothing was taken of it for `timeout`.
pub(super) fn guard_stream(body: Body, timeout: Duration, cut: Arc<Notify>) -> Body {
    if body.size_hint().exact().is_some_and(|bytes| bytes <= PIECE_BYTES as u64) {
        return body;
    }
    let asked = Arc::new(Mutex::new(Instant::now()));
    tokio::spawn(watch(Arc::downgrade(&asked), timeout, cut));
    Body::new(Guarded { body, rest: Bytes::new(), asked })
}

/// Waits until the body is gone, or not asked for long enough.
async fn watch(asked: Weak<Mutex<Instant>>, timeout: Duration, cut: Arc<Notify>) {
    loop {
        let Some(last) = asked.upgrade() else { return };
        let last = *last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= timeout {
            return cut.notify_one();
        }
        tokio::time::sleep_until(last + timeout).await;
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        *this.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return Poll::Ready(other),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
