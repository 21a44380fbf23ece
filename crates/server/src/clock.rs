//! The wall clock, for requests that name no time.

use timberline_io::{Clock as _, SystemClock};
use timberline_model::NANOS_PER_MILLI;

/// Now, cut to whole milliseconds, in nanoseconds since the Unix epoch.
pub(crate) fn now_millis() -> i64 {
    let now = SystemClock.now();
    now - now.rem_euclid(NANOS_PER_MILLI)
}
