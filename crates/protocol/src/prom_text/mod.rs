//! Prometheus' text format 0.0.4, as `/federate` answers it: families without a type, samples with their
//! times.
//!
//! What this is not: it reads nothing (that is [`open_metrics`](crate::open_metrics)), and it has no
//! native histograms, as the format has none.
//!
//! Names that are not plain are escaped the way the client asks for ([`Escaping`]), or written in quotes if
//! it says that it reads them.
//!
//! ```
//! use timberline_model::Labels;
//! use timberline_protocol::prom_text::{Escaping, push_family, push_sample};
//!
//! let escaping = Escaping::of_accept(Some("text/plain;version=0.0.4"));
//! let labels = Labels::from_pairs([("__name__", "disk.free"), ("host", "a")])?;
//! let mut page = Vec::new();
//! push_family(&mut page, "disk.free", escaping);
//! push_sample(&mut page, &labels, &[("instance", "")], 2e9, 1_500_000_000, escaping);
//! assert_eq!(
//!     String::from_utf8_lossy(&page),
//!     "# TYPE disk_free untyped\ndisk_free{host=\"a\",instance=\"\"} 2e+09 1500\n",
//! );
//! # Ok::<(), timberline_model::LabelsError>(())
//! ```

mod encode;
mod escaping;

pub use encode::{push_family, push_sample};
pub use escaping::Escaping;
