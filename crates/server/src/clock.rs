//! The wall clock, for requests that name no time.

use std::time::{SystemTime, UNIX_EPOCH};

use timberline_model::NANOS_PER_MILLI;

/// Now, cut to whole milliseconds, in nanoseconds since the Unix epoch.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    millis.saturating_mul(NANOS_PER_MILLI)
}
