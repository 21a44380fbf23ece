//! The listeners of SQL: PostgreSQL's protocol and Arrow Flight SQL.
//!
//! They are bound before the database is opened, so that a taken port or a file that does not load is found
//! at once, and serve from when it is open.

use std::{net::SocketAddr, sync::Arc};

use timberline_flight::{Authenticate, FlightOptions, TlsFiles};
use timberline_postgres::{PostgresOptions, TlsAcceptor, Users, load_tls, random_text};
use timberline_sql::Gate;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use timberline::DEFAULT_DATABASE;

use super::gate::ServerGate;
use crate::{config::Config, http::App, net::listen};

/// Bound listeners.
#[derive(Debug)]
pub(crate) struct Listeners {
    postgres: Option<(TcpListener, SocketAddr)>,
    flight: Option<(TcpListener, SocketAddr)>,
    users: Users,
    tls: Option<Tls>,
}

/// The certificate and its key, loaded once for each that uses them.
struct Tls {
    acceptor: TlsAcceptor,
    files: TlsFiles,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Listeners {
    /// Loads users and certificate, and listens where the configuration says.
    ///
    /// # Errors
    /// A file that does not load, an address that is taken.
    pub(crate) async fn bind(config: &Config) -> Result<Self, String> {
        let mut listeners =
            Self { postgres: None, flight: None, users: Users::default(), tls: None };
        if config.postgres.listen.0.is_none() && config.flight.listen.0.is_none() {
            return Ok(listeners);
        }
        let text = |error: timberline_postgres::PostgresError| error.to_string();
        listeners.users = Users::load(config.sql.users.iter()).map_err(text)?;
        if let (Some(certificate), Some(key)) = (&config.sql.tls_cert.0, &config.sql.tls_key.0) {
            let acceptor = load_tls(certificate, key).map_err(text)?;
            let read = |path: &std::path::Path| {
                std::fs::read(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))
            };
            let files = TlsFiles { certificate: read(certificate)?, key: read(key)? };
            listeners.tls = Some(Tls { acceptor, files });
        }
        let bind = async |wanted: Option<SocketAddr>, option: &str, protocol: &str| {
            let Some(wanted) = wanted else { return Ok::<_, String>(None) };
            let (listener, address) = listen(wanted, option).await?;
            let (tls, users) = (listeners.tls.is_some(), !listeners.users.is_empty());
            tracing::info!(%address, tls, users, "listening for {protocol}");
            Ok(Some((listener, address)))
        };
        let [postgres, flight] = [config.postgres.listen.0, config.flight.listen.0]
            .map(|wanted| wanted.map(|address| address.0));
        let postgres = bind(postgres, "--postgres-listen", "PostgreSQL's protocol").await?;
        let flight = bind(flight, "--flight-listen", "Arrow Flight SQL").await?;
        (listeners.postgres, listeners.flight) = (postgres, flight);
        Ok(listeners)
    }

    /// Serves until told to stop. The database must be open.
    pub(crate) fn serve(self, app: &App, stop: &watch::Receiver<bool>) -> Serving {
        let mut tasks = JoinSet::new();
        let mut urls = Vec::new();
        if self.postgres.is_none() && self.flight.is_none() {
            return Serving { tasks, urls };
        }
        let sql = match app.sql() {
            Ok(sql) => sql,
            Err(error) => {
                tracing::error!(error = error.text(), "SQL cannot be served");
                return Serving { tasks, urls };
            }
        };
        let gate: Arc<dyn Gate> = Arc::new(ServerGate(app.clone()));
        let config = app.config();
        let threads = sql.threads();
        if let Some((listener, address)) = self.postgres {
            urls.push(format!("postgres://{address}/{DEFAULT_DATABASE}"));
            let listen = config.postgres.listen.0;
            let loopback = match listen {
                Some(address) => address.is_loopback(),
                None => true,
            };
            let options = PostgresOptions {
                users: self.users.clone(),
                tls: self.tls.as_ref().map(|tls| tls.acceptor.clone()),
                require_tls: !loopback,
                connections_max: config.postgres.connections_max.get(),
                shutdown_timeout: config.server.shutdown_timeout.as_std(),
            };
            let stop = stopped(stop.clone());
            let (engine, gate) = (sql.engine().clone(), Arc::clone(&gate));
            let serving = timberline_postgres::serve(listener, engine, gate, options, stop);
            tasks.spawn_on(serving, &threads);
        }
        if let Some((listener, address)) = self.flight {
            let scheme = if self.tls.is_some() { "grpc+tls" } else { "grpc" };
            urls.push(format!("{scheme}://{address}"));
            let users = (!self.users.is_empty())
                .then(|| Arc::new(Passwords(self.users.clone())) as Arc<dyn Authenticate>);
            let options = FlightOptions {
                users,
                tls: self.tls.map(|tls| tls.files),
                random: Arc::new(random_text),
                database: DEFAULT_DATABASE.to_owned(),
                streams_max: u32::try_from(config.flight.streams_max.get()).unwrap_or(u32::MAX),
            };
            let (engine, timeout) = (sql.engine().clone(), config.server.shutdown_timeout.as_std());
            let cut = stop.clone();
            let stop = stopped(stop.clone());
            let serving = timberline_flight::serve(listener, engine, gate, options, stop);
            tasks.spawn_on(
                async move {
                    tokio::select! {
                        outcome = serving => if let Err(error) = outcome {
                            tracing::error!(%error, "Arrow Flight SQL is not served any more");
                        },
                        () = async { stopped(cut).await; tokio::time::sleep(timeout).await } => {}
                    }
                },
                &threads,
            );
        }
        Serving { tasks, urls }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone stops as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Listeners that serve.
#[derive(Debug)]
pub(crate) struct Serving {
    tasks: JoinSet<()>,
    urls: Vec<String>,
}

impl Serving {
    /// Where it serves.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The users' passwords, for Flight SQL.
struct Passwords(Users);

impl Authenticate for Passwords {
    fn verify(&self, user: &str, password: &str) -> bool {
        self.0.verify(user, password)
    }

    fn token(&self) -> String {
        random_text()
    }
}
