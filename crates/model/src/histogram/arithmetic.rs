//! Addition and subtraction of histograms whose buckets need not be the same.
//!
//! Exponential buckets meet at the lower resolution and at a zero bucket that is wide enough for both;
//! custom buckets meet at the bounds that both have.

use std::sync::Arc;

use super::{
    BucketSide, Count, FloatHistogram, HistogramError, ResetHint, bounds::exponential_bound,
};

/// What an addition or subtraction met that its caller may want to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// One histogram says that there was a counter reset before it, the other that there was none.
    pub resets: bool,
    /// The bounds of custom buckets differed; what remains are those that both have.
    pub bounds: bool,
}

impl<N: Count> FloatHistogram<N> {
    /// Adds another histogram.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn add<M: Count + Into<N>>(
        &mut self,
        other: &FloatHistogram<M>,
    ) -> Result<Reconciled, HistogramError> {
        self.combine(other, false)
    }

    /// Takes another histogram off. The hint becomes what it becomes in additions.
    ///
    /// # Errors
    /// [`HistogramError::MixedSchemas`] where only one has custom buckets; nothing is changed then.
    pub fn subtract<M: Count + Into<N>>(
        &mut self,
        other: &FloatHistogram<M>,
    ) -> Result<Reconciled, HistogramError> {
        self.combine(other, true)
    }

    fn combine<M: Count + Into<N>>(
        &mut self,
        other: &FloatHistogram<M>,
        negative: bool,
    ) -> Result<Reconciled, HistogramError> {
        if self.has_custom_buckets() != other.has_custom_buckets() {
            return Err(HistogramError::MixedSchemas);
        }
        let resets = self.merge_hint(other.reset_hint);
        let term = |count: M| if negative { count.times(-1.0).into() } else { count.into() };
        let bounds = if self.has_custom_buckets() {
            self.combine_custom(other, negative)
        } else {
            let zero_count = self.reconcile_zero_buckets(other);
            self.zero_count.increase(term(zero_count));
            self.combine_exponential(other, negative);
            false
        };
        self.count.increase(term(other.count));
        self.sum.increase(term(other.sum));
        Ok(Reconciled { resets, bounds })
    }

    fn combine_exponential<M: Count + Into<N>>(
        &mut self,
        other: &FloatHistogram<M>,
        negative: bool,
    ) {
        self.reduce_resolution(other.schema);
        let by = u32::from(other.schema.abs_diff(self.schema));
        let (schema, threshold) = (self.schema, self.zero_threshold);
        let add = |side: &mut BucketSide<N>, more: &BucketSide<M>| {
            // What lies within the zero bucket is counted there. A bucket that a lower resolution has made
            // larger than that is not within it: Prometheus counts it, and so do we.
            let is_within = |index: &i32| exponential_bound(schema, *index) <= threshold;
            if by == 0 {
                let from = more.indexes().partition_point(is_within);
                side.combine(more.run(from), negative);
            } else {
                // Joining neighbours may round, so that it is done with the result's numbers.
                let more = more.map(Into::into).reduced(by).into_owned();
                let from = more.indexes().partition_point(is_within);
                side.combine(more.run(from), negative);
            }
        };
        add(&mut self.positive, &other.positive);
        add(&mut self.negative, &other.negative);
    }

    /// Whether the bounds differed.
    fn combine_custom<M: Count + Into<N>>(
        &mut self,
        other: &FloatHistogram<M>,
        negative: bool,
    ) -> bool {
        if self.custom_values == other.custom_values {
            self.positive.combine(other.positive.run(0), negative);
            return false;
        }
        let shared = shared_bounds(&self.custom_values, &other.custom_values);
        let mut positive = mapped(&self.positive, &self.custom_values, &shared);
        let more = mapped(&other.positive, &other.custom_values, &shared);
        positive.combine(more.run(0), negative);
        positive.compact();
        self.positive = positive;
        self.custom_values = shared;
        true
    }

    /// Takes over what another histogram's hint means for the result. Whether the hints contradict.
    fn merge_hint(&mut self, other: ResetHint) -> bool {
        let (merged, contradict) = match (self.reset_hint, other) {
            (ours, theirs) if ours == theirs => (ours, false),
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => (ResetHint::Gauge, false),
            (ResetHint::Unknown, _) | (_, ResetHint::Unknown) => (ResetHint::Unknown, false),
            _ => (ResetHint::Unknown, true),
        };
        self.reset_hint = merged;
        contradict
    }
}

/// The bounds that both lists have.
pub(super) fn shared_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let mut rest = b;
    let mut shared = Vec::with_capacity(a.len().min(b.len()));
    for bound in a {
        while rest.first().is_some_and(|first| first < bound) {
            rest = &rest[1..];
        }
        if rest.first() == Some(bound) {
            shared.push(*bound);
        }
    }
    shared.into()
}

/// The buckets of `bounds` joined to those of `shared`, which are some of the same bounds.
pub(super) fn mapped<N: Count>(
    side: &BucketSide<N>,
    bounds: &[f64],
    shared: &[f64],
) -> BucketSide<N> {
    let mut found = BucketSide::empty();
    let mut target = 0;
    for (index, count) in side.iter() {
        let bound = usize::try_from(index).ok().and_then(|index| bounds.get(index));
        // Without a bound it is the bucket above all.
        let is_below = |at: usize| bound.is_none_or(|bound| shared[at] < *bound);
        while target < shared.len() && is_below(target) {
            target += 1;
        }
        let target = i32::try_from(target).unwrap_or(i32::MAX);
        found.push_or_join(target, count);
    }
    found
}

#[cfg(test)]
mod tests;
