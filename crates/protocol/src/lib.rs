//! Wire formats: bytes to the model's words and back, one folder per format.
//!
//! | folder | format |
//! | --- | --- |
//! | [`prom_remote`] | Prometheus remote write 1.0 and 2.0: snappy and protobuf |
//! | [`prom_read`] | Prometheus remote read: questions, sampled answers, streams of chunks |
//! | [`json`] | samples written as JSON |
//! | [`open_metrics`] | OpenMetrics 1.0 and Prometheus' text format, line by line |
//! | [`prom_text`] | Prometheus' text format, written for `/federate` |
//! | [`prom_api`] | the Prometheus HTTP API: its parameters and its JSON answers |
//!
//! What this crate is not: it has no sockets, knows no HTTP status codes, stores nothing and reads no
//! clock.
//!
//! Invariants: bytes from outside never panic and never make a decoder allocate more than a documented
//! multiple of their own length. A request that cannot be read is a [`ProtocolError`]; one bad series or
//! sample in a readable request is a rejection, and the rest of the request is kept ([`Decoded`]).

mod decoded;
mod error;
pub mod json;
mod limits;
pub mod open_metrics;
pub mod prom_api;
pub mod prom_read;
pub mod prom_remote;
pub mod prom_text;
mod protobuf;
mod report;
mod time_text;
mod write_form;

pub use decoded::Decoded;
pub use error::ProtocolError;
pub use limits::DecodeLimits;
pub use report::WriteReport;
pub use time_text::{MILLIS_FROM, TimeForm};
pub use write_form::{NegotiationError, WriteForm, negotiate_write};
