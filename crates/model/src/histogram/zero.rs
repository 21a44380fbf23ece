//! Zero buckets of different widths: finding one that is wide enough for both.

use super::{Bucket, Count, FloatHistogram};

impl<N: Count> FloatHistogram<N> {
    /// Widens this histogram's zero bucket until another's fits in and no bucket that counts something
    /// lies across its bound in either. Returns what the other's zero bucket would then count.
    pub(super) fn reconcile_zero_buckets<M: Count>(&mut self, other: &FloatHistogram<M>) -> M {
        let (mut count, mut threshold) = (other.zero_count, other.zero_threshold);
        // Each turn widens one of them to a bound of some bucket, of which there are so many.
        while threshold != self.zero_threshold {
            if self.zero_threshold > threshold {
                (count, threshold) = other.within_zero(self.zero_threshold);
            } else if threshold > self.zero_threshold {
                (self.zero_count, self.zero_threshold) = self.within_zero(threshold);
                self.drop_within_zero();
            } else {
                break;
            }
        }
        count
    }

    /// What the zero bucket would count if its threshold were so large, and the threshold: it is moved up
    /// to the end of a bucket that counts something and that it would cut.
    pub(super) fn within_zero(&self, threshold: f64) -> (N, f64) {
        let mut threshold = threshold;
        if threshold == self.zero_threshold {
            return (self.zero_count, threshold);
        }
        loop {
            let mut count = self.zero_count;
            for (bucket, n) in self.above_zero() {
                if bucket.lower >= threshold {
                    break;
                }
                count.increase(n);
                if bucket.upper > threshold {
                    if !n.is_zero() {
                        threshold = bucket.upper;
                    }
                    break;
                }
            }
            let above = threshold;
            for (bucket, n) in self.below_zero() {
                if bucket.lower >= threshold {
                    break;
                }
                count.increase(n);
                if bucket.upper > threshold {
                    if !n.is_zero() {
                        threshold = bucket.upper;
                    }
                    break;
                }
            }
            // A threshold moved by the negative buckets may take in more of the positive ones.
            if threshold == above {
                return (count, threshold);
            }
        }
    }

    /// Forgets the buckets within the zero bucket, whose counts it has already, and those that count
    /// nothing.
    fn drop_within_zero(&mut self) {
        let threshold = self.zero_threshold;
        let above = self.above_zero().take_while(|(bucket, _)| bucket.lower < threshold).count();
        let below = self.below_zero().take_while(|(bucket, _)| bucket.lower < threshold).count();
        self.positive.counts_mut()[..above].fill(0.0.into());
        self.negative.counts_mut()[..below].fill(0.0.into());
        self.compact();
    }

    fn above_zero(&self) -> impl Iterator<Item = (Bucket, N)> + '_ {
        let layout = self.layout();
        self.positive.iter().map(move |(index, n)| (layout.positive(index, 0.0), n))
    }

    /// The negative buckets as if they were positive.
    fn below_zero(&self) -> impl Iterator<Item = (Bucket, N)> + '_ {
        let layout = self.layout();
        self.negative.iter().map(move |(index, n)| (layout.positive(index, 0.0), n))
    }
}
