//! Counter resets between one histogram and the next.

use super::{
    BucketSide, FloatHistogram, ResetHint,
    arithmetic::{mapped, shared_bounds},
    bounds::exponential_bound,
};

impl FloatHistogram {
    /// Whether a counter was reset between the histogram before and this one: its hint if it has one,
    /// else whether anything is counted less than before. The sum does not matter.
    ///
    /// A higher resolution or a narrower zero bucket comes with a reset only; a lower resolution and a
    /// wider zero bucket are compared as if they had been that way before. Custom buckets with other
    /// bounds are compared at the bounds that both have.
    #[must_use]
    pub fn is_reset_after(&self, before: &Self) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            // Who asks for resets of a gauge takes it for a counter.
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < before.count {
            return true;
        }
        if self.has_custom_buckets() {
            if !before.has_custom_buckets() {
                return true;
            }
            if self.custom_values != before.custom_values {
                let shared = shared_bounds(&self.custom_values, &before.custom_values);
                let now = mapped(&self.positive, &self.custom_values, &shared);
                return falls(&now, &mapped(&before.positive, &before.custom_values, &shared));
            }
        }
        if self.schema > before.schema || self.zero_threshold < before.zero_threshold {
            return true;
        }
        let (zero_before, threshold) = before.within_zero(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_before {
            return true;
        }
        let by = u32::from(before.schema.abs_diff(self.schema));
        let is_lower = |now: &BucketSide, before: &BucketSide| {
            falls(now, &self.outside_zero(&before.reduced(by)))
        };
        is_lower(&self.positive, &before.positive) || is_lower(&self.negative, &before.negative)
    }

    /// The buckets that are not within this histogram's zero bucket.
    fn outside_zero(&self, side: &BucketSide) -> BucketSide {
        let is_outside = |index: i32| {
            self.has_custom_buckets()
                || self.zero_threshold == 0.0
                || exponential_bound(self.schema, index) > self.zero_threshold
        };
        let mut outside = BucketSide::empty();
        side.iter()
            .filter(|(index, _)| is_outside(*index))
            .for_each(|(index, count)| outside.push(index, count));
        outside
    }
}

/// Whether some bucket counts less than before, or is gone although it counted something.
fn falls(now: &BucketSide, before: &BucketSide) -> bool {
    let mut ours = now.iter().peekable();
    before.iter().any(|(index, count)| {
        while ours.peek().is_some_and(|(our, _)| *our < index) {
            ours.next();
        }
        match ours.peek() {
            Some((our, now)) if *our == index => *now < count,
            _ => count != 0.0,
        }
    })
}

#[cfg(test)]
mod tests;
