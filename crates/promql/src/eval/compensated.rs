//! Sums and means that lose little: Neumaier's compensated summation, as Prometheus uses it.

/// A scale that brings any sum of floats back from overflow; a power of two, so it loses nothing.
const DOWN: f64 = 1.0 / 18_446_744_073_709_551_616.0;

/// Adds to a sum, and what rounding lost to its compensation.
///
/// The loss is exact (Knuth's two-sum, which has no branch and the same result as Neumaier's). Once the
/// sum is infinite the compensation means nothing: [`total`] leaves it out.
#[inline]
pub(super) fn add(increment: f64, sum: &mut f64, compensation: &mut f64) {
    let total = *sum + increment;
    let counted = total - *sum;
    *compensation += (*sum - (total - counted)) + (increment - counted);
    *sum = total;
}

/// The value of a sum and its compensation.
#[inline]
pub(super) fn total(sum: f64, compensation: f64) -> f64 {
    if sum.is_finite() { sum + compensation } else { sum }
}

/// Goes on with a sum and its compensation.
#[inline]
fn parts_after((mut sum, mut compensation): (f64, f64), values: &[f64]) -> (f64, f64) {
    for value in values {
        add(*value, &mut sum, &mut compensation);
    }
    (sum, compensation)
}

/// How many slices are added up side by side: an addition takes four cycles, and others may be under way.
pub(super) const LANES: usize = 4;

/// The compensated sum of each slice.
pub(super) fn sums(slices: [&[f64]; LANES]) -> [f64; LANES] {
    parts_of(slices).map(|(sum, compensation)| total(sum, compensation))
}

/// The mean of each slice.
pub(super) fn means(slices: [&[f64]; LANES]) -> [f64; LANES] {
    let parts = parts_of(slices);
    std::array::from_fn(|lane| mean_of(slices[lane], parts[lane]))
}

/// Each slice is added up in its own order.
fn parts_of(slices: [&[f64]; LANES]) -> [(f64, f64); LANES] {
    let common = slices.iter().map(|slice| slice.len()).min().unwrap_or(0);
    let heads = slices.map(|slice| &slice[..common]);
    let (mut sums, mut compensations) = ([0.0; LANES], [0.0; LANES]);
    let [a, b, c, d] = heads;
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        for (lane, value) in [a, b, c, d].into_iter().enumerate() {
            add(*value, &mut sums[lane], &mut compensations[lane]);
        }
    }
    std::array::from_fn(|lane| {
        parts_after((sums[lane], compensations[lane]), &slices[lane][common..])
    })
}

/// A mean under construction: a compensated sum that is scaled down once it would overflow.
///
/// Scaling by a power of two is exact, so the mean depends on the order of the values no more than
/// the sum does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    sum: f64,
    compensation: f64,
    count: f64,
    scaled: bool,
}

impl Mean {
    /// The mean of so many values with this sum, which is finite.
    pub(super) const fn of(sum: f64, compensation: f64, count: usize) -> Self {
        Self { sum, compensation, count: count as f64, scaled: false }
    }

    /// The sum of the values.
    pub(super) fn sum(&self) -> f64 {
        let sum = total(self.sum, self.compensation);
        if self.scaled { sum / DOWN } else { sum }
    }

    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.add_sum(if self.scaled { value * DOWN } else { value });
    }

    /// Adds the values of another mean.
    pub(super) fn merge(&mut self, mut other: Self) {
        if other.count == 0.0 {
            return;
        }
        if self.scaled && !other.scaled {
            other.scale();
        } else if other.scaled && !self.scaled {
            self.scale();
        }
        self.count += other.count;
        let was_scaled = self.scaled;
        self.add_sum(other.sum);
        self.compensation +=
            if self.scaled && !was_scaled { other.compensation * DOWN } else { other.compensation };
    }

    pub(super) fn value(&self) -> f64 {
        let mean = total(self.sum / self.count, self.compensation / self.count);
        if self.scaled { mean / DOWN } else { mean }
    }

    #[inline]
    fn add_sum(&mut self, increment: f64) {
        let before = *self;
        add(increment, &mut self.sum, &mut self.compensation);
        if self.sum.is_infinite() && before.sum.is_finite() && increment.is_finite() {
            *self = Self { count: self.count, ..before };
            self.scale();
            add(increment * DOWN, &mut self.sum, &mut self.compensation);
        }
    }

    fn scale(&mut self) {
        self.sum *= DOWN;
        self.compensation *= DOWN;
        self.scaled = true;
    }
}

fn mean_of(values: &[f64], (sum, compensation): (f64, f64)) -> f64 {
    if sum.is_finite() {
        let count = values.len() as f64;
        return sum / count + compensation / count;
    }
    let mut mean = Mean::default();
    for value in values {
        mean.add(*value);
    }
    mean.value()
}

/// The population variance by Welford's method, compensated. Order matters in the last digits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variance {
    count: f64,
    mean: f64,
    mean_compensation: f64,
    squares: f64,
    squares_compensation: f64,
}

impl Variance {
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - (self.mean + self.mean_compensation);
        add(delta / self.count, &mut self.mean, &mut self.mean_compensation);
        let rest = value - (self.mean + self.mean_compensation);
        add(delta * rest, &mut self.squares, &mut self.squares_compensation);
    }

    /// NaN when any value was NaN or infinite.
    pub(super) fn value(&self) -> f64 {
        (self.squares + self.squares_compensation) / self.count
    }
}

/// The variance of a slice.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mut variance = Variance::default();
    for value in values {
        variance.add(*value);
    }
    variance.value()
}

/// The quantile of values, which get sorted; NaN counts as the smallest. Interpolates linearly.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    });
    let top = values.len() - 1;
    let rank = q * top as f64;
    let lower = (rank.floor() as usize).min(top);
    let upper = (lower + 1).min(top);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}
