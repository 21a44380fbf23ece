//! The text formats that metrics are exposed in: OpenMetrics 1.0 and Prometheus' older text.
//!
//! [`parse_line`] reads one line of either ([`Dialect`]); whoever reads a whole text keeps the order of
//! lines and the end (`# EOF`, which OpenMetrics demands) in mind. The `push_` functions write OpenMetrics.
//!
//! What this is not: it does not put the lines of a histogram or a summary together, and it resolves no
//! times: a sample without one has none here.
//!
//! ```
//! use timberline_model::LabelsBuilder;
//! use timberline_protocol::open_metrics::{Dialect, Line, parse_line};
//!
//! let mut labels = LabelsBuilder::default();
//! let line = parse_line(r#"up{job="node"} 1 1700000000.5"#, Dialect::OpenMetrics, &mut labels)?;
//! let Line::Sample(sample) = line else { panic!("it is a sample") };
//! assert_eq!((sample.value, sample.ts), (1.0, Some(1_700_000_000_500_000_000)));
//! assert_eq!(labels.build()?.to_string(), r#"up{job="node"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod encode;
mod line;

pub use encode::{
    push_exemplar, push_help, push_sample_start, push_seconds, push_series, push_type, push_unit,
    push_value,
};
pub use line::{Dialect, ExemplarText, Line, LineError, SampleText, parse_line, parse_seconds};

#[cfg(test)]
mod tests;
