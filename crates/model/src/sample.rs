//! Samples and their kinds.

/// The bits of the NaN by which Prometheus says that a series has ended (remote write 1.0).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The stale marker as a value. Compare its bits ([`is_stale`]), never the float.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether a value is the stale marker (and not some other NaN).
#[inline]
#[must_use]
pub const fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One value at one time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    /// The value; every bit of it counts, of NaN too.
    pub value: f64,
}

/// What a series' column of values holds. Its number is stored in logs and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ValueKind {
    /// 64-bit floats.
    Float = 1,
    /// Native histograms.
    Histogram = 2,
}
