//! Messages on a connection, none of them longer than allowed.

use std::io;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt as _};
use pgwire::{
    api::PgWireConnectionState,
    error::PgWireError,
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage,
        response::{NoticeResponse, ReadyForQuery, TransactionStatus},
    },
    tokio::server::{MaybeTls, PgWireMessageServerCodec},
};
use tokio_util::codec::{Decoder, Encoder, Framed, FramedParts};

use crate::{
    error::Ended,
    frame::{is_whole, is_whole_first},
    refusal::Refusal,
};

/// Bytes of a message before a client is let in.
const FIRST_BYTES_MAX: usize = 16 << 10;
/// Bytes of a message after that: statements and their parameters.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Bytes that wait to be sent before sending them is waited for.
const WAITING_BYTES: usize = 64 << 10;

/// The codec of pgwire, within limits.
struct Limited {
    inner: PgWireMessageServerCodec<()>,
    bytes_max: usize,
    started: bool,
}

impl Decoder for Limited {
    type Item = PgWireFrontendMessage;
    type Error = PgWireError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Self::Item>, PgWireError> {
        // The first message has no letter before its length.
        let at = usize::from(self.started);
        if let Some(length) = bytes.get(at..at + 4) {
            let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            if length > self.bytes_max {
                return Err(PgWireError::MessageTooLarge(self.bytes_max, length));
            }
            if let Some(message) = bytes.get(..at + length) {
                let whole = match message.split_first() {
                    Some((letter, rest)) if self.started => {
                        rest.get(4..).is_some_and(|body| is_whole(*letter, body))
                    }
                    _ => is_whole_first(message),
                };
                if !whole {
                    let text = "a message does not hold what it announces";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
                }
            }
        }
        self.inner.decode(bytes)
    }
}

impl Encoder<PgWireBackendMessage> for Limited {
    type Error = io::Error;

    fn encode(&mut self, message: PgWireBackendMessage, out: &mut BytesMut) -> io::Result<()> {
        self.inner.encode(message, out)
    }
}

/// A connection as messages.
pub(crate) struct Socket(Framed<MaybeTls, Limited>);

impl Socket {
    /// A connection that has agreed on TLS, or on none.
    pub(crate) fn new(socket: Framed<MaybeTls, PgWireMessageServerCodec<()>>) -> Self {
        let old = socket.into_parts();
        let codec = Limited { inner: old.codec, bytes_max: FIRST_BYTES_MAX, started: false };
        let mut parts = FramedParts::new::<PgWireBackendMessage>(old.io, codec);
        parts.read_buf = old.read_buf;
        parts.write_buf = old.write_buf;
        let mut framed = Framed::from_parts(parts);
        framed.set_backpressure_boundary(WAITING_BYTES);
        Self(framed)
    }

    /// Whether it is encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self.0.get_ref(), MaybeTls::Tls(_))
    }

    /// The client has begun: messages have letters now.
    pub(crate) fn begin(&mut self) {
        let codec = self.0.codec_mut();
        codec.started = true;
        codec.inner.client_info.state = PgWireConnectionState::AuthenticationInProgress;
    }

    /// The client is let in: messages may be long now.
    pub(crate) fn let_in(&mut self) {
        let codec = self.0.codec_mut();
        codec.bytes_max = MESSAGE_BYTES_MAX;
        codec.inner.client_info.state = PgWireConnectionState::ReadyForQuery;
    }

    /// The next message; `None` when the client has gone.
    pub(crate) async fn next(&mut self) -> Option<Result<PgWireFrontendMessage, PgWireError>> {
        self.0.next().await
    }

    /// Sends a message, some time.
    pub(crate) async fn feed(&mut self, message: PgWireBackendMessage) -> Result<(), Ended> {
        Ok(self.0.feed(message).await?)
    }

    /// Sends what was fed.
    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        Ok(SinkExt::<PgWireBackendMessage>::flush(&mut self.0).await?)
    }

    /// Says that the next statement may come.
    pub(crate) async fn ready(&mut self, status: TransactionStatus) -> Result<(), Ended> {
        self.feed(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status))).await?;
        self.flush().await
    }

    /// Says that something went wrong with a statement.
    pub(crate) async fn refuse(&mut self, refusal: &Refusal, sql: &str) -> Result<(), Ended> {
        self.feed(PgWireBackendMessage::ErrorResponse(refusal.response(sql, 0))).await
    }

    /// Says that the connection ends, and why, and ends it.
    pub(crate) async fn end(&mut self, refusal: &Refusal) -> Ended {
        let said = self.refuse(refusal, "").await;
        let flushed = self.flush().await;
        match said.and(flushed) {
            Ok(()) => Ended::Closed,
            Err(ended) => ended,
        }
    }

    /// Says something that is no error.
    pub(crate) async fn warn(&mut self, text: &str) -> Result<(), Ended> {
        let info = pgwire::error::ErrorInfo::new(
            "WARNING".to_owned(),
            "01000".to_owned(),
            text.to_owned(),
        );
        self.feed(PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info))).await
    }
}
