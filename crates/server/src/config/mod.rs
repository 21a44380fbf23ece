//! Configuration: one tree of keys that is the TOML file, the environment, the flags and the
//! reference page at once.
//!
//! A key is declared in [`tree`], with its default and its documentation, and nowhere else. Layers
//! are laid over each other in this order: default, file, environment, flag. Configuration is data:
//! clocks, disks and random sources are components and do not appear here.

mod compaction_levels;
mod cors_origin;
mod duplicate_setting;
mod error;
mod feature_list;
mod field;
mod file;
mod flags;
mod human_duration;
mod layers;
mod listen_address;
mod log_settings;
mod optional;
mod reference;
mod reload;
mod setting;
mod spelling;
mod tree;

pub(crate) use cors_origin::CorsOrigin;
pub(crate) use error::ConfigError;
pub(crate) use field::{Field, fields};
pub(crate) use flags::ConfigFlags;
pub(crate) use layers::Loaded;
#[cfg(test)]
pub(crate) use layers::load;
pub(crate) use log_settings::{LogFormat, LogLevel};
pub(crate) use reference::to_toml;
pub(crate) use reload::{Change, Reloaded, Sources};
pub(crate) use tree::{Config, StorageSettings};

#[cfg(test)]
mod tests;
