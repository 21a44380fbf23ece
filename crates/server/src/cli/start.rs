//! `timberline start`: opens the database, serves, and stops in good order.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use timberline::{DEFAULT_DATABASE, Databases, EngineStats, Options, QueryOptions};
use tokio::{
    signal::unix::Signal,
    sync::{Notify, watch},
};

use super::{Failure, args::StartArgs};
use crate::{
    config::{self, Config, Loaded, Sources},
    http::{App, compaction_rate_of, retention_of, router},
    net::{Server, ServerOptions, hangups, listen, stop_signal},
    sql::{Listeners, Serving},
    telemetry::{Metrics, start_logging},
};

/// Blocking threads beside those of writes and queries: flushes, opening, closing.
const SPARE_THREADS: usize = 16;

/// Runs the server until a signal.
pub(super) fn start(args: &StartArgs) -> Result<(), Failure> {
    let sources = Sources { path: args.config.clone(), flags: args.flags.clone() };
    let Loaded { config, warnings } = sources.load().map_err(Failure::usage)?;
    if args.print_config {
        print!("{}", config::to_toml(&config));
        return Ok(());
    }
    start_logging(&config.log.level, config.log.format);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let threads = config.write.concurrent_max.get() + config.query.concurrent_max.get();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads + SPARE_THREADS)
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(serve(config, sources, args.ready_file.as_deref()));
    // The database is closed. Whatever still runs was cut, and nobody waits for it.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: Config, sources: Sources, ready_file: Option<&Path>) -> Result<(), Failure> {
    let signal = stop_signal()
        .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    let hangups =
        hangups().map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    // The listener comes first: a taken port is found before a long recovery, and whoever asks
    // meanwhile hears that the database is being opened.
    let (listener, address) =
        listen(config.server.listen.0, "--listen").await.map_err(Failure::new)?;
    let wires = Listeners::bind(&config).await.map_err(Failure::new)?;
    let (stop_wires, wires_stop) = watch::channel(false);
    let metrics = Arc::new(Metrics::default());
    let options = server_options(&config);
    let app = App::new(config, sources, Arc::clone(&metrics));
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");

    let opening = Arc::new(Opening::default());
    let opened = tokio::spawn(open(
        app.clone(),
        Arc::clone(&opening),
        address,
        ready_file.map(Path::to_owned),
        (wires, wires_stop),
    ));
    let reloading = tokio::spawn(reload_on(hangups, app.clone()));
    let stopping = app.clone();
    let stop = async {
        tokio::select! {
            name = signal => tracing::info!(signal = name, "stopping: no new connections"),
            () = opening.failed.notified() => {}
        }
        stopping.set_stopping();
        // Nobody listens if the database could not be opened.
        let _ = stop_wires.send(true);
    };
    let cut = Server::new(listener, options, metrics).run(router(app.clone()), stop).await;
    reloading.abort();
    if cut > 0 {
        tracing::warn!(connections = cut, "cut: they did not end within shutdown_timeout");
    }
    // A database that is still being opened is opened to its end, and then closed like any other.
    if let Ok(Some(wires)) = opened.await {
        wires.ended().await;
    }
    if let Some(path) = ready_file {
        let _ = std::fs::remove_file(path);
    }
    if let Some(failure) = opening.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(failure);
    }
    close(&app).await
}

/// Reads the configuration again at every SIGHUP.
async fn reload_on(mut hangups: Signal, app: App) {
    while hangups.recv().await.is_some() {
        tracing::info!("SIGHUP: reading the configuration again");
        if let Err(error) = app.reload() {
            tracing::error!(%error, "the configuration is refused, and stays as it was");
        }
    }
}

/// How opening went wrong, if it did.
#[derive(Debug, Default)]
struct Opening {
    failed: Notify,
    failure: Mutex<Option<Failure>>,
}

impl Opening {
    fn fail(&self, failure: Failure) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        self.failed.notify_one();
    }
}

/// Opens the databases and says that requests are served from now on.
async fn open(
    app: App,
    opening: Arc<Opening>,
    address: SocketAddr,
    ready_file: Option<std::path::PathBuf>,
    (wires, wires_stop): (Listeners, watch::Receiver<bool>),
) -> Option<Serving> {
    let dir = app.config().server.data_dir.clone();
    let options = database_options(&app.config());
    let begun = Instant::now();
    let path = dir.clone();
    let outcome = tokio::task::spawn_blocking(move || Databases::open(path, options)).await;
    let databases = match outcome {
        Ok(Ok(databases)) => databases,
        Ok(Err(error)) => {
            let message = format!("cannot open the database in {}: {error}", dir.display());
            opening.fail(Failure::new(message));
            return None;
        }
        Err(_) => {
            opening.fail(Failure::new("opening the database failed by a fault of ours"));
            return None;
        }
    };
    let mut stats = EngineStats::default();
    for (name, database) in
        databases.list().into_iter().filter_map(|info| Some((info.name, info.database?)))
    {
        for damage in database.damage() {
            let (place, reason) = (&damage.place, &damage.reason);
            tracing::error!(database = name, place, reason, "damaged data is set aside");
        }
        if name == DEFAULT_DATABASE {
            stats = database.stats();
        }
    }
    let count = databases.names().len();
    if let Err(error) = app.set_databases(databases) {
        opening.fail(Failure::new(error));
        return None;
    }
    let serving = wires.serve(&app, &wires_stop);
    let url = format!("http://{address}");
    if let Some(path) = ready_file {
        // The file appears whole: whoever waits for it reads no half of it.
        let temporary = path.with_extension("tmp");
        let urls: String =
            std::iter::once(&url).chain(serving.urls()).map(|url| format!("{url}\n")).collect();
        let written =
            std::fs::write(&temporary, urls).and_then(|()| std::fs::rename(&temporary, &path));
        if let Err(error) = written {
            let message = format!("cannot write the ready file {}: {error}", path.display());
            opening.fail(Failure::new(message));
            return Some(serving);
        }
    }
    tracing::info!(
        url,
        data_dir = %dir.display(),
        databases = count,
        series = stats.series,
        samples = stats.head_samples + stats.block_samples,
        opened_in = ?begun.elapsed(),
        "ready"
    );
    Some(serving)
}

async fn close(app: &App) -> Result<(), Failure> {
    let Ok(databases) = app.databases() else { return Ok(()) };
    let databases = Arc::clone(databases);
    let closed = tokio::task::spawn_blocking(move || databases.close()).await;
    match closed {
        Ok(Ok(())) => {
            tracing::info!("stopped: everything acknowledged is on the disk");
            Ok(())
        }
        Ok(Err(error)) => Err(Failure::new(format!("cannot close a database: {error}"))),
        Err(_) => Err(Failure::new("closing the database failed by a fault of ours")),
    }
}

fn server_options(config: &Config) -> ServerOptions {
    ServerOptions {
        connections_max: config.http.connections_max.get(),
        head_timeout: config.http.head_timeout.as_std(),
        head_bytes_max: config.http.head_size_max.as_usize(),
        stall_timeout: config.http.stall_timeout.as_std(),
        shutdown_timeout: config.server.shutdown_timeout.as_std(),
    }
}

/// The database's share of the configuration.
fn database_options(config: &Config) -> Options {
    let storage = &config.storage;
    Options {
        durability: storage.durability,
        duplicates: storage.duplicates.0,
        codec: storage.codec,
        series_max: storage.series_max.get(),
        segment_bytes: storage.segment_size.0,
        reserve_bytes: storage.reserve_size.0,
        flush_bytes: storage.flush_size.0,
        flush_log_bytes: storage.flush_log_size.0,
        flush_window: storage.flush_window.as_std(),
        series_idle: storage.series_idle.as_std(),
        compaction: storage.compaction_levels.as_std(),
        compaction_rate: compaction_rate_of(storage),
        retention: retention_of(storage),
        query: QueryOptions {
            samples_max: config.query.samples_max.get(),
            series_max: config.query.series_max.get(),
            steps_max: config.query.steps_max.get(),
            timeout: config.query.timeout.as_std(),
            lookback: config.query.lookback.as_std(),
            parallelism: config.query.threads_max,
            features: config.query.features.0,
        },
        ..Options::default()
    }
}
