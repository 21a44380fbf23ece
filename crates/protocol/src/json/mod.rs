//! Samples written as JSON.
//!
//! ```json
//! {"timeseries":[{"labels":[{"name":"__name__","value":"cpu_usage"}],
//!                 "samples":[{"timestamp":1640000000000,"value":0.75}]}]}
//! ```
//!
//! - `timestamp`: a number of at least 1e11 in size counts milliseconds, a smaller one seconds
//!   ([`MILLIS_FROM`](crate::MILLIS_FROM)); or a string in RFC 3339.
//! - `value`: a number, or a string such as `"NaN"`, `"+Inf"`, `"-Inf"`, `"0.75"`.
//! - Fields that are not known are skipped. A label without a value is as good as absent.
//!
//! A bad sample rejects that sample, bad labels that series; the rest of the request is kept. Only a body
//! that is not JSON, or whose lists are not lists, is refused whole.

mod item;
mod write;

pub use write::decode_write;
