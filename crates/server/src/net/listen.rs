//! Binding a listener.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};

use tokio::net::TcpListener;

/// Listens on the address that an option names. Connections wait until they are served. The address has the port
/// that it got.
///
/// # Errors
/// The address is taken, or not this machine's; in words.
pub(crate) async fn listen(
    wanted: SocketAddr,
    option: &str,
) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => ": another process has the port; stop it, or choose another",
            ErrorKind::PermissionDenied => ": ports below 1024 need privileges",
            _ => "",
        };
        format!("cannot listen on {wanted} ({option}): {error}{hint}")
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
