//! Lays the layers over each other: default, file, environment, flag.

use std::path::Path;

use timberline::check_levels;
use timberline_io::{FAIL_POINT_FILE_VARIABLE, FAIL_POINT_VARIABLE, FailPoint};
use timberline_model::limits;
use timberline_protocol::prom_api::RANGE_POINTS_MAX;

use super::{Config, ConfigError, ConfigFlags, field::fields, file, spelling::nearest};

/// Variables of ours that are not keys of the tree.
const OTHER_VARIABLES: [&str; 4] =
    ["TIMBERLINE_CONFIG", "TIMBERLINE_ADDR", "TIMBERLINE_DATABASE", FAIL_POINT_FILE_VARIABLE];

/// The most that may go on at once of anything: far beyond what helps, and what can be counted.
const AT_ONCE_MAX: usize = 100_000;

/// A configuration and what is odd about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// What the operator should hear, once log lines can be written.
    pub(crate) warnings: Vec<String>,
}

/// Reads all layers.
///
/// An unknown variable is only a warning, unlike an unknown key in the file: environments are
/// inherited, and container platforms put variables of their own under a service's name.
///
/// # Errors
/// A file that cannot be read, an unknown key in it, a value its key cannot take, or values that do
/// not go together.
pub(crate) fn load(
    path: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &ConfigFlags,
) -> Result<Loaded, ConfigError> {
    let mut config = Config::default();
    let mut warnings = Vec::new();
    if let Some(path) = path {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        file::apply(&mut config, path, &text)?;
    }
    for (variable, value) in environment.filter(|(name, _)| name.starts_with("TIMBERLINE_")) {
        match fields().iter().find(|field| field.variable == variable) {
            Some(field) => {
                set(&mut config, field.key, &value, || format!("environment variable {variable}"))?;
            }
            None if variable == FAIL_POINT_VARIABLE => {
                let origin = format!("environment variable {variable}");
                let place: Result<FailPoint, _> = value.parse();
                place.map_err(|error| ConfigError::Value { origin, reason: error.to_string() })?;
                warnings.push(format!("{variable}={value} is for tests: the server dies there"));
            }
            None if OTHER_VARIABLES.contains(&variable.as_str()) => {}
            None => warnings.push(unknown_variable(&variable)),
        }
    }
    for (key, value) in flags.given() {
        set(&mut config, key, value, || format!("flag --{}", key.replace(['.', '_'], "-")))?;
    }
    check(&config)?;
    Ok(Loaded { config, warnings })
}

fn set(
    config: &mut Config,
    key: &str,
    value: &str,
    origin: impl Fn() -> String,
) -> Result<(), ConfigError> {
    match config.set(key, value) {
        Some(Ok(())) => Ok(()),
        Some(Err(reason)) => Err(ConfigError::Value { origin: origin(), reason }),
        None => unreachable!("{key} was looked up in the tree's own list"),
    }
}

fn unknown_variable(variable: &str) -> String {
    let known = fields().iter().map(|field| field.variable.as_str());
    match nearest(variable, known) {
        Some(near) => format!("unknown environment variable {variable} (did you mean {near}?)"),
        None => format!("unknown environment variable {variable} is ignored"),
    }
}

/// Whether the values go together.
///
/// # Errors
/// Those that do not.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let wrong = |reason: String| Err(ConfigError::Contradiction { reason });
    let listen = config.server.listen;
    if !listen.is_loopback() && !config.server.insecure {
        return wrong(format!(
            "listen = {listen} can be reached from other machines, and there is no authentication \
             yet: listen on 127.0.0.1, or accept that with --insecure (insecure = true)"
        ));
    }
    if config.write.decoded_size_max < config.write.body_size_max {
        return wrong(format!(
            "write.decoded_size_max ({}) is less than write.body_size_max ({}): a body grows when \
             it is decompressed",
            config.write.decoded_size_max, config.write.body_size_max
        ));
    }
    if config.write.body_memory_max < config.write.body_size_max {
        return wrong(format!(
            "write.body_memory_max ({}) is less than write.body_size_max ({}): the largest body \
             would never be read",
            config.write.body_memory_max, config.write.body_size_max
        ));
    }
    if config.storage.series_max.get() > limits::SERIES_COUNT_MAX {
        return wrong(format!(
            "storage.series_max ({}) is more than a database can number ({})",
            config.storage.series_max,
            limits::SERIES_COUNT_MAX
        ));
    }
    let storage = &config.storage;
    let levels = storage.compaction_levels.as_std();
    if let Err(reason) = check_levels(storage.flush_window.as_std(), &levels) {
        return wrong(format!(
            "storage.compaction_levels ({}): {reason} (storage.flush_window is {})",
            storage.compaction_levels, storage.flush_window
        ));
    }
    if config.query.steps_max.get() > RANGE_POINTS_MAX as u64 {
        return wrong(format!(
            "query.steps_max ({}) is more than the {RANGE_POINTS_MAX} points that the HTTP API \
             gives per series",
            config.query.steps_max
        ));
    }
    check_wires(config)?;
    for (key, count) in [
        ("postgres.connections_max", config.postgres.connections_max),
        ("flight.streams_max", config.flight.streams_max),
        ("http.connections_max", config.http.connections_max),
        ("write.concurrent_max", config.write.concurrent_max),
        ("query.concurrent_max", config.query.concurrent_max),
        ("query.waiting_max", config.query.waiting_max),
        ("query.threads_max", config.query.threads_max),
    ] {
        if count.get() > AT_ONCE_MAX {
            return wrong(format!("{key} ({count}) is more than {AT_ONCE_MAX}"));
        }
    }
    // The HTTP library's parser needs this much for any request.
    if config.http.head_size_max.0 < 8_192 {
        return wrong("http.head_size_max is less than 8KiB".to_owned());
    }
    Ok(())
}

/// Whether the listeners of SQL are safe where they listen.
fn check_wires(config: &Config) -> Result<(), ConfigError> {
    let wrong = |reason: String| Err(ConfigError::Contradiction { reason });
    let sql = &config.sql;
    if sql.tls_cert.0.is_some() != sql.tls_key.0.is_some() {
        return wrong("sql.tls_cert and sql.tls_key only go together".to_owned());
    }
    let listeners =
        [("postgres.listen", &config.postgres.listen), ("flight.listen", &config.flight.listen)];
    for (key, listen) in listeners {
        let Some(address) = listen.0 else { continue };
        if !cfg!(feature = "sql") {
            return wrong(format!(
                "{key} = {address}, and this server was built without SQL (the cargo feature `sql`)"
            ));
        }
        if address.is_loopback() {
            continue;
        }
        if sql.users.is_empty() {
            return wrong(format!(
                "{key} = {address} can be reached from other machines, and no users are configured: \
                 listen on 127.0.0.1, or set sql.users, sql.tls_cert and sql.tls_key"
            ));
        }
        if sql.tls_cert.0.is_none() {
            return wrong(format!(
                "{key} = {address} can be reached from other machines, and passwords and answers would \
                 not be encrypted: set sql.tls_cert and sql.tls_key"
            ));
        }
    }
    Ok(())
}
