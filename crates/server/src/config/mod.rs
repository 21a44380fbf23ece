//! Configuration: one tree of keys that is the TOML file, the environment, the flags and the
//! reference page at once.
//!
//! A key is declared in [`tree`], with its default and its documentation, and nowhere else. Layers
//! are laid over each other in this order: default, file, environment, flag. Configuration is data:
//! clocks, disks and random sources are components and do not appear here.

mod byte_size;
mod file;
mod flags;
mod human_duration;
mod listen_address;
mod log_settings;
mod reference;
mod spelling;
mod text;
mod tree;

pub(crate) use file::ConfigError;
pub(crate) use flags::ConfigFlags;
pub(crate) use listen_address::ListenAddress;
pub(crate) use log_settings::LogFormat;
pub(crate) use reference::reference_page;
pub(crate) use tree::{Config, Field};
