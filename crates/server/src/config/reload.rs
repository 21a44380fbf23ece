//! Reading the configuration again while the server runs.
//!
//! Some keys are looked at whenever they are needed, and so can be changed in a running server: the
//! tree marks them as live. The others have shaped what runs already, and wait for a restart.
//!
//! Invariant: a configuration that is refused changes nothing.

use std::path::PathBuf;

use super::{
    Config, ConfigError, ConfigFlags, Loaded,
    field::fields,
    layers::{check, load},
};

/// Where the configuration came from, to read it again from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file, if one was named.
    pub(crate) path: Option<PathBuf>,
    /// The flags.
    pub(crate) flags: ConfigFlags,
}

impl Sources {
    /// Reads all layers.
    ///
    /// # Errors
    /// As [`load`].
    pub(crate) fn load(&self) -> Result<Loaded, ConfigError> {
        load(self.path.as_deref(), variables(), &self.flags)
    }

    /// Reads all layers, and says what becomes of a running configuration.
    ///
    /// # Errors
    /// As [`load`]; values that do not go together with those that wait for a restart.
    pub(crate) fn reload(&self, running: &Config) -> Result<Reloaded, ConfigError> {
        self.load().and_then(|loaded| Reloaded::new(running, &loaded.config))
    }
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What reading the configuration again has brought.
#[derive(Clone, Debug)]
pub(crate) struct Reloaded {
    /// What holds from now on.
    pub(crate) config: Config,
    /// What is different in it.
    pub(crate) changed: Vec<Change>,
    /// What is different in the sources, and waits for a restart.
    pub(crate) waiting: Vec<Change>,
}

/// One key with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The key.
    pub(crate) key: &'static str,
    /// The value that the server runs with, or ran with.
    pub(crate) from: String,
    /// The value in the sources.
    pub(crate) to: String,
}

impl Reloaded {
    fn new(running: &Config, loaded: &Config) -> Result<Self, ConfigError> {
        let mut reloaded =
            Self { config: running.clone(), changed: Vec::new(), waiting: Vec::new() };
        for field in fields() {
            let key = field.key;
            let (Some(from), Some(to)) = (running.get(key), loaded.get(key)) else { continue };
            if from == to {
                continue;
            }
            let change = Change { key, from, to };
            if !field.live {
                reloaded.waiting.push(change);
                continue;
            }
            if let Some(Err(reason)) = reloaded.config.set(key, &change.to) {
                return Err(ConfigError::Value { origin: key.to_owned(), reason });
            }
            reloaded.changed.push(change);
        }
        check(&reloaded.config)?;
        Ok(reloaded)
    }
}

#[cfg(test)]
mod tests {
    //! What a reload changes, and what it leaves to a restart.

    use super::*;

    fn sources(dir: &tempfile::TempDir, text: &str) -> Sources {
        let path = dir.path().join("t.toml");
        std::fs::write(&path, text).unwrap();
        Sources { path: Some(path), flags: ConfigFlags::of(&[("query.steps_max", "7")]) }
    }

    fn keys(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.key).collect()
    }

    #[test]
    fn live_keys_change_and_others_wait() {
        let dir = tempfile::tempdir().unwrap();
        let before = sources(&dir, "").load().unwrap().config;
        let text = "listen = \"127.0.0.1:1\"\n[query]\ntimeout = \"9s\"\nsteps_max = 8\n\
                    [storage]\nretention = \"90d\"\nflush_window = \"1h\"";
        let reloaded = sources(&dir, text).reload(&before).unwrap();
        assert_eq!(keys(&reloaded.changed), ["query.timeout", "storage.retention"]);
        assert_eq!(keys(&reloaded.waiting), ["listen", "storage.flush_window"]);
        let get = |key| reloaded.config.get(key).unwrap();
        assert_eq!(get("query.timeout"), "9s");
        assert_eq!(get("query.steps_max"), "7", "a flag still wins over the file");
        assert_eq!(get("listen"), "127.0.0.1:8080");
        let again = sources(&dir, text).reload(&reloaded.config).unwrap();
        assert!(again.changed.is_empty());
        assert_eq!(keys(&again.waiting), ["listen", "storage.flush_window"]);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let before = sources(&dir, "").load().unwrap().config;
        for (text, said) in [
            ("[storage]\nretention = \"soon\"", "storage.retention"),
            ("[write]\nbody_size_max = \"1GiB\"\ndecoded_size_max = \"2GiB\"", "body_memory_max"),
            (
                "[write]\nbody_size_max = \"1GiB\"\ndecoded_size_max = \"2GiB\"\n\
              body_memory_max = \"2GiB\"",
                "body_memory_max",
            ),
            ("nonsense = 1", "nonsense"),
        ] {
            let error = sources(&dir, text).reload(&before).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
