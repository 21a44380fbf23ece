//! The state of all aggregates over some samples: grows by one sample, or merges with another.

/// What the aggregates need of the samples that they have seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stats {
    pub(super) count: u64,
    sum: f64,
    /// What the sum has lost to rounding (Neumaier).
    lost: f64,
    min: f64,
    max: f64,
    first: (i64, f64),
    last: (i64, f64),
    /// Mean, and the sum of squared distances from it (Welford).
    mean: f64,
    squares: f64,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            lost: 0.0,
            min: f64::NAN,
            max: f64::NAN,
            first: (i64::MAX, f64::NAN),
            last: (i64::MIN, f64::NAN),
            mean: 0.0,
            squares: 0.0,
        }
    }
}

/// One aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
    Avg,
    First,
    Last,
    Stddev,
    StddevPop,
}

impl Stats {
    #[inline]
    pub(super) fn push(&mut self, ts: i64, value: f64) {
        self.count += 1;
        self.add(value);
        self.min = lesser(self.min, value);
        self.max = greater(self.max, value);
        if ts < self.first.0 {
            self.first = (ts, value);
        }
        if ts >= self.last.0 {
            self.last = (ts, value);
        }
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (own, more) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.squares += other.squares + distance * distance * own * more / (own + more);
        self.mean += distance * more / (own + more);
        self.count += other.count;
        self.add(other.sum);
        self.lost += other.lost;
        self.min = lesser(self.min, other.min);
        self.max = greater(self.max, other.max);
        if other.first.0 < self.first.0 {
            self.first = other.first;
        }
        if other.last.0 > self.last.0 {
            self.last = other.last;
        }
    }

    #[inline]
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_finite() {
            self.lost += if self.sum.abs() >= value.abs() {
                (self.sum - sum) + value
            } else {
                (value - sum) + self.sum
            };
        }
        self.sum = sum;
    }

    /// The aggregate's value; `None` where SQL has null. Counts are exact up to 2^53.
    pub(super) fn get(&self, aggregate: Aggregate) -> Option<f64> {
        let some = self.count > 0;
        match aggregate {
            Aggregate::Count => Some(self.count as f64),
            Aggregate::Sum => some.then(|| self.total()),
            Aggregate::Avg => some.then(|| self.total() / self.count as f64),
            Aggregate::Min => some.then_some(self.min),
            Aggregate::Max => some.then_some(self.max),
            Aggregate::First => some.then_some(self.first.1),
            Aggregate::Last => some.then_some(self.last.1),
            Aggregate::StddevPop => some.then(|| (self.squares / self.count as f64).sqrt()),
            Aggregate::Stddev => {
                (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
            }
        }
    }

    fn total(&self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// Numbers before NaN.
fn lesser(a: f64, b: f64) -> f64 {
    a.min(b)
}

/// NaN counts as the greatest number, as SQL has it.
fn greater(a: f64, b: f64) -> f64 {
    a.max(b)
}
