//! The Prometheus HTTP API: parameters read, answers written as JSON.
//!
//! What this is not: it knows no routes, no status codes and no query language. Answers are appended to
//! a byte vector as they are walked through; nothing is built in between.
//!
//! Values are strings, written as Prometheus' server writes them: the shortest decimal that reads back
//! as the same float, with an exponent only below 1e-6 and from 1e21 on; `NaN`, `+Inf`, `-Inf`. Times are
//! numbers: seconds with up to three decimals, or whole milliseconds ([`TimeForm`](crate::TimeForm)).
//!
//! ```
//! use timberline_model::Labels;
//! use timberline_protocol::{TimeForm, prom_api};
//!
//! let labels = Labels::from_pairs([("__name__", "up")])?;
//! let mut body = Vec::new();
//! prom_api::success(&mut body, &[], &[], |out| {
//!     let value = prom_api::ValueRef::Float(0.5);
//!     prom_api::vector(out, [(&labels, 1_500_000_000, value)], TimeForm::Seconds);
//! });
//! assert_eq!(
//!     String::from_utf8_lossy(&body),
//!     r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[1.500,"0.5"]}]}}"#
//! );
//! # Ok::<(), timberline_model::LabelsError>(())
//! ```

mod cost;
mod data;
mod described;
mod envelope;
mod histogram;
mod number;
mod params;
mod text;

pub use cost::{QueryCost, add_stats};
pub use data::{
    MatrixRow, ValueRef, label_sets, matrix, push_labels, push_list, scalar, string, strings,
    vector,
};
pub use described::{exemplars, metadata};
pub use envelope::{ApiErrorType, error, success};
pub use number::{push_time, push_value};
pub use params::{
    ParamError, ParsedTime, RANGE_POINTS_MAX, RangeParams, parse_duration_param, parse_limit,
    parse_range, parse_step, parse_time,
};
pub use text::push_string;
