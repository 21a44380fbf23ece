//! Who asks: what the fair share of queries goes by.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::Extensions;

/// The address at the other end of a connection. The listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(pub(crate) IpAddr);

impl Client {
    /// The client of a request. Requests that came through no socket, as those of tests do, are one
    /// client's.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}
