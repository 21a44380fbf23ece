//! Sockets: listening, the limit on connections, lenient request lines, and stopping in good order.
//!
//! What it is not: it knows no routes and no database.
//!
//! Invariant: after the shutdown begins no connection is accepted, and [`Server::run`] returns only
//! when every connection has ended or was cut at the deadline.

mod client;
mod lenient_stream;
mod listen;
mod request_line;
mod server;
mod signals;
mod stall_guard;
mod stream_guard;

pub(crate) use client::Client;
pub(crate) use listen::listen;
pub(crate) use server::{Server, ServerOptions};
pub(crate) use signals::{hangups, stop_signal};
