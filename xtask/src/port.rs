//! A port for a server that cannot be told to choose one itself.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// A loopback port that was free a moment ago.
pub(crate) fn free() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
