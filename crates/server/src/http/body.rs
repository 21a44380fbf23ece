//! Reads bodies, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::{body_memory::Reservation, state::App};
use crate::error::ApiError;

/// Bytes reserved on the word of a `Content-Length` alone.
const RESERVE_BYTES_MAX: usize = 1 << 20;

/// The limits of a body, and the key that sets the limit of its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    /// Bytes.
    pub(super) bytes_max: usize,
    /// The configuration key of `bytes_max`.
    pub(super) key: &'static str,
    /// Time from the head on.
    pub(super) timeout: Duration,
}

impl BodyLimits {
    fn check(&self, bytes: usize) -> Result<(), ApiError> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        let Self { bytes_max, key, .. } = self;
        Err(ApiError::too_large(format!("the body exceeds the limit of {bytes_max} bytes ({key})")))
    }
}

/// Reads the body of a request that asks: a form, a query, a statement.
///
/// # Errors
/// More bytes than `http.form_size_max`, too slow, or broken off.
pub(super) async fn read_form(app: &App, body: Body) -> Result<Bytes, ApiError> {
    let limits = {
        let http = &app.config().http;
        let bytes_max = http.form_size_max.as_usize();
        BodyLimits { bytes_max, key: "http.form_size_max", timeout: http.body_timeout.as_std() }
    };
    read_body(body, limits, None).await
}

/// Reads a whole body, with memory reserved for it where memory is shared out.
///
/// # Errors
/// More bytes than allowed (also when only announced), no memory for them, too slow, or broken off.
pub(super) async fn read_body(
    body: Body,
    limits: BodyLimits,
    mut reservation: Option<&mut Reservation<'_>>,
) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    limits.check(announced)?;
    if let Some(reservation) = &mut reservation {
        reservation.cover(announced).await?;
    }
    let collected = collect(body, announced, limits, reservation);
    match tokio::time::timeout(limits.timeout, collected).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ApiError::body_timeout(format!(
            "the body did not arrive within {} (http.body_timeout)",
            timberline_model::format_duration(
                i64::try_from(limits.timeout.as_nanos()).unwrap_or(i64::MAX)
            )
        ))),
    }
}

async fn collect(
    mut body: Body,
    announced: usize,
    limits: BodyLimits,
    mut reservation: Option<&mut Reservation<'_>>,
) -> Result<Bytes, ApiError> {
    let mut arrived = 0_usize;
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| ApiError::invalid(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        arrived = arrived.saturating_add(data.len());
        limits.check(arrived)?;
        if let Some(reservation) = &mut reservation {
            reservation.cover(arrived).await?;
        }
        // A body that comes in one piece, as most do, is not copied.
        let Some(head) = &first else {
            first = Some(data);
            continue;
        };
        if rest.is_empty() {
            rest.reserve(announced.min(RESERVE_BYTES_MAX).max(head.len() + data.len()));
            rest.extend_from_slice(head);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits =
        BodyLimits { bytes_max: 4, key: "some.key", timeout: Duration::from_secs(60) };

    #[tokio::test]
    async fn bodies_up_to_the_limit_are_read() {
        for text in ["", "a", "abcd"] {
            assert_eq!(read_body(Body::from(text), LIMITS, None).await.unwrap(), text);
        }
    }

    #[tokio::test]
    async fn a_larger_body_is_refused_by_the_name_of_its_limit() {
        let error = read_body(Body::from("abcde"), LIMITS, None).await.unwrap_err();
        assert_eq!(error.status(), 413);
        assert!(error.message().contains("some.key"));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_refused_in_time() {
        let limits = BodyLimits { timeout: Duration::from_millis(1), ..LIMITS };
        let error = read_body(Body::new(Stalled), limits, None).await.unwrap_err();
        assert_eq!(error.status(), 503);
        assert!(error.message().contains("1ms"), "{}", error.message());
    }

    struct Stalled;

    impl hyper::body::Body for Stalled {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
}
