//! Accepts connections and serves them until told to stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pgwire::tokio::server::negotiate_tls;
use timberline_sql::{Gate, SqlEngine};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    Users, cancel::Cancels, error::Ended, refusal::Refusal, socket::Socket, startup::start,
};

/// The time from the first byte to the first statement.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// How a server treats its connections.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Who may connect; everybody if nobody is named.
    pub users: Users,
    /// What encrypts connections whose clients want it.
    pub tls: Option<TlsAcceptor>,
    /// Whether connections without encryption are refused.
    pub require_tls: bool,
    /// Connections at once.
    pub connections_max: usize,
    /// The time that statements get to end once the server stops.
    pub shutdown_timeout: Duration,
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("users", &self.users)
            .field("tls", &self.tls.is_some())
            .field("require_tls", &self.require_tls)
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) engine: SqlEngine,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) options: PostgresOptions,
    pub(crate) cancels: Arc<Cancels>,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Serves connections until `stop` is ready, then lets statements under way end.
pub async fn serve(
    listener: TcpListener,
    engine: SqlEngine,
    gate: Arc<dyn Gate>,
    options: PostgresOptions,
    stop: impl Future<Output = ()>,
) {
    let (stopped, stopping) = watch::channel(false);
    let open = Arc::new(Semaphore::new(options.connections_max));
    let shutdown_timeout = options.shutdown_timeout;
    let cancels = Arc::new(Cancels::default());
    let shared = Arc::new(Shared { engine, gate, options, cancels, stopping });
    let mut tasks = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Running out of descriptors is not the end.
                tracing::warn!(%error, "cannot accept a connection of PostgreSQL's protocol");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let permit = Arc::clone(&open).try_acquire_owned();
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let full = permit.is_err();
            match connection(stream, peer, &shared, full).await {
                Ok(()) | Err(Ended::Closed) => {}
                Err(error) => tracing::debug!(%peer, %error, "connection ended"),
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = stopped.send(true);
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(shutdown_timeout, ended).await.is_err() {
        tasks.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    full: bool,
) -> Result<(), Ended> {
    let begun = async {
        let negotiated = negotiate_tls::<()>(stream, shared.options.tls.clone()).await?;
        // A client that begins with TLS where there is none cannot be told so.
        let Some(negotiated) = negotiated else { return Err(Ended::Closed) };
        let mut socket = Socket::new(negotiated);
        if full {
            let refusal =
                Refusal::fatal("53300", "too many connections (postgres.connections_max)");
            return Err(socket.end(&refusal).await);
        }
        start(socket, shared, peer.ip()).await
    };
    match tokio::time::timeout(STARTUP_TIMEOUT, begun).await {
        Ok(Ok(Some(connection))) => connection.serve().await,
        Ok(Ok(None)) | Err(_) => Ok(()),
        Ok(Err(ended)) => Err(ended),
    }
}
