//! A connection whose request targets may hold raw quotes, braces and non-ASCII bytes.
//!
//! People type `curl 'http://host/api/v1/query?query=up{job="x"}'`, and curl sends the quotes as they
//! are. The HTTP library refuses such a request before any handler sees it, so they are encoded
//! between the socket and the library.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::request_line::{RequestLines, percent_encode};

/// The stream, with illegal bytes of request targets percent-encoded as they are read.
#[derive(Debug)]
pub(super) struct LenientStream<S> {
    stream: S,
    lines: RequestLines,
    /// Bytes read and rewritten that the reader has not taken yet. Empty unless a target was
    /// rewritten: never more than three times what one read brought.
    waiting: Vec<u8>,
    taken: usize,
}

impl<S> LenientStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, lines: RequestLines::new(), waiting: Vec::new(), taken: 0 }
    }

    /// Gives the reader as much of what is waiting as it has room for.
    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) {
        let len = buf.remaining().min(self.waiting.len() - self.taken);
        buf.put_slice(&self.waiting[self.taken..self.taken + len]);
        self.taken += len;
        if self.taken == self.waiting.len() {
            self.waiting.clear();
            self.taken = 0;
        }
    }

    /// Rewrites bytes of which the first is known to be illegal.
    fn rewrite(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((illegal, tail)) = rest.split_first() {
            percent_encode(*illegal, &mut self.waiting);
            let passed = self.lines.pass(tail);
            self.waiting.extend_from_slice(&tail[..passed]);
            rest = &tail[passed..];
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LenientStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.waiting.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buf))?;
            let arrived = &buf.filled()[before..];
            let passed = this.lines.pass(arrived);
            if passed == arrived.len() {
                return Poll::Ready(Ok(()));
            }
            let rest = arrived[passed..].to_vec();
            buf.set_filled(before + passed);
            this.rewrite(&rest);
        }
        this.hand_out(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LenientStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn readers_with_little_room_get_every_byte_in_order() {
        let request = "GET /q?a=\"\"\"\"&b={} HTTP/1.1\r\nHost: \"\r\n\r\n";
        let expected = "GET /q?a=%22%22%22%22&b=%7B%7D HTTP/1.1\r\nHost: \"\r\n\r\n";
        for room in [1, 2, 5, 1_000] {
            let mut stream = LenientStream::new(request.as_bytes());
            let mut got = Vec::new();
            let mut piece = vec![0; room];
            loop {
                match stream.read(&mut piece).await.unwrap() {
                    0 => break,
                    len => got.extend_from_slice(&piece[..len]),
                }
            }
            assert_eq!(String::from_utf8(got).unwrap(), expected, "room for {room}");
        }
    }
}
