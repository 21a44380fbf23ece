//! Listens, and serves until told to stop.

use std::{sync::Arc, time::Duration};

use arrow_flight::flight_service_server::FlightServiceServer;
use futures_util::stream;
use timberline_sql::{Gate, SqlEngine};
use tokio::net::TcpListener;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::{
    Authenticate, FlightServerError,
    auth::Door,
    service::{Random, Service},
};

/// The texts of a certificate and a key, in PEM.
#[derive(Clone)]
pub struct TlsFiles {
    /// The certificate, with its chain.
    pub certificate: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

/// How a server treats its clients.
#[derive(Clone)]
pub struct FlightOptions {
    /// Who may ask; everybody if there is nobody.
    pub users: Option<Arc<dyn Authenticate>>,
    /// What encrypts connections; if it is there, there are no others.
    pub tls: Option<TlsFiles>,
    /// Makes texts that nobody can guess.
    pub random: Random,
    /// The database of calls that name none in their header `database`.
    pub database: String,
    /// Streams of one connection at once.
    pub streams_max: u32,
}

/// How often a client is asked whether it is still there. One that does not answer within 20 s is given up, and its
/// calls with it.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(60);

/// Serves until `stop` is ready, then lets streams under way end.
///
/// # Errors
/// TLS that cannot be set up.
pub async fn serve(
    listener: TcpListener,
    engine: SqlEngine,
    gate: Arc<dyn Gate>,
    options: FlightOptions,
    stop: impl Future<Output = ()>,
) -> Result<(), FlightServerError> {
    let failed = |error: tonic::transport::Error| FlightServerError::Transport {
        reason: format!("{error:?}"),
    };
    let mut server = Server::builder()
        .max_concurrent_streams(options.streams_max)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY));
    if let Some(tls) = &options.tls {
        let identity = Identity::from_pem(&tls.certificate, &tls.key);
        server = server.tls_config(ServerTlsConfig::new().identity(identity)).map_err(failed)?;
    }
    let door = Door::new(options.users.clone());
    let service = Service::new(engine, gate, door.clone(), options.random, options.database);
    let service = FlightServiceServer::with_interceptor(service, door);
    let incoming = stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(stream, _)| {
            let _ = stream.set_nodelay(true);
            stream
        });
        Some((accepted, listener))
    });
    server.add_service(service).serve_with_incoming_shutdown(incoming, stop).await.map_err(failed)
}
