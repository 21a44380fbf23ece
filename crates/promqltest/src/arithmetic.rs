//! Sums of histograms, for sequences such as `{{..}}+{{..}}x5`.
//!
//! Written apart from the evaluator's, which the scripts are to test.

use std::collections::BTreeMap;

use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint, exponential_bound,
};

/// A histogram whose buckets are found by their index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Buckets {
    pub(crate) schema: i8,
    pub(crate) hint: ResetHint,
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: f64,
    pub(crate) positive: BTreeMap<i32, f64>,
    pub(crate) negative: BTreeMap<i32, f64>,
    pub(crate) custom_values: Vec<f64>,
}

impl Buckets {
    /// The buckets of a histogram; counts become floats.
    pub(crate) fn of(histogram: &Histogram) -> Self {
        let floats = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect();
        let (count, zero_count, positive, negative): (_, _, Vec<f64>, Vec<f64>) =
            match &histogram.counts {
                BucketCounts::Integer { count, zero_count, positive, negative } => {
                    (*count as f64, *zero_count as f64, floats(positive), floats(negative))
                }
                BucketCounts::Float { count, zero_count, positive, negative } => {
                    (*count, *zero_count, positive.clone(), negative.clone())
                }
            };
        Self {
            schema: histogram.schema,
            hint: histogram.reset_hint,
            count,
            sum: histogram.sum,
            zero_threshold: histogram.zero_threshold,
            zero_count,
            positive: indexed(&histogram.positive_spans, &positive),
            negative: indexed(&histogram.negative_spans, &negative),
            custom_values: histogram.custom_values.clone(),
        }
    }

    /// As a histogram with float counts.
    pub(crate) fn histogram(&self) -> Histogram {
        let (positive_spans, positive) = spans(&self.positive);
        let (negative_spans, negative) = spans(&self.negative);
        Histogram {
            reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans,
            negative_spans,
            custom_values: self.custom_values.clone(),
            counts: BucketCounts::Float {
                count: self.count,
                zero_count: self.zero_count,
                positive,
                negative,
            },
        }
    }

    /// The sum with another histogram, or the difference.
    ///
    /// Refused as Prometheus' scripts do: a step coarser than what it is added to, and custom buckets
    /// beside others. Custom bounds that differ are not reconciled.
    pub(crate) fn combined(&self, step: &Self, negate: bool) -> Result<Self, String> {
        let (custom, step_custom) =
            (self.schema == CUSTOM_BUCKETS_SCHEMA, step.schema == CUSTOM_BUCKETS_SCHEMA);
        if custom != step_custom || self.custom_values != step.custom_values {
            return Err("histograms with unlike custom buckets are not combined".to_owned());
        }
        if self.schema > step.schema {
            return Err(format!(
                "schema {} cannot be added to schema {}",
                step.schema, self.schema
            ));
        }
        let (mut sum, mut step) = (self.clone(), step.clone());
        step.reduce(sum.schema);
        if !custom {
            let threshold = common_threshold([&sum, &step]);
            sum.widen(threshold);
            step.widen(threshold);
        }
        let signed = |value: f64| if negate { -value } else { value };
        sum.count += signed(step.count);
        sum.sum += signed(step.sum);
        sum.zero_count += signed(step.zero_count);
        for (into, from) in
            [(&mut sum.positive, &step.positive), (&mut sum.negative, &step.negative)]
        {
            for (index, count) in from {
                *into.entry(*index).or_default() += signed(*count);
            }
        }
        sum.hint = match (sum.hint, step.hint) {
            (a, b) if a == b => a,
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        };
        Ok(sum)
    }

    /// Merges buckets until the schema is the given one, which is not finer.
    fn reduce(&mut self, schema: i8) {
        let by = u32::from(self.schema.abs_diff(schema));
        if by == 0 {
            return;
        }
        for side in [&mut self.positive, &mut self.negative] {
            let mut merged = BTreeMap::new();
            for (index, count) in &*side {
                *merged.entry(((index - 1) >> by) + 1).or_default() += count;
            }
            *side = merged;
        }
        self.schema = schema;
    }

    /// Lets the zero bucket reach to the threshold, which lies within no bucket that has a count.
    fn widen(&mut self, threshold: f64) {
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|index, count| {
                let within = exponential_bound(self.schema, *index) <= threshold;
                if within {
                    self.zero_count += *count;
                }
                !within
            });
        }
        self.zero_threshold = threshold;
    }
}

/// The least threshold of zero that cuts through no bucket with a count.
fn common_threshold(histograms: [&Buckets; 2]) -> f64 {
    let mut threshold = histograms[0].zero_threshold.max(histograms[1].zero_threshold);
    loop {
        let mut bounds = histograms.iter().flat_map(|histogram| {
            let both = histogram.positive.iter().chain(&histogram.negative);
            both.filter(|(_, count)| **count != 0.0).map(|(index, _)| {
                let schema = histogram.schema;
                (exponential_bound(schema, index - 1), exponential_bound(schema, *index))
            })
        });
        match bounds.find(|(low, high)| *low < threshold && threshold < *high) {
            Some((_, high)) => threshold = high,
            None => return threshold,
        }
    }
}

fn indexed(spans: &[BucketSpan], counts: &[f64]) -> BTreeMap<i32, f64> {
    let mut counts = counts.iter();
    let mut found = BTreeMap::new();
    let mut index = 0;
    for span in spans {
        index += span.offset;
        for count in counts.by_ref().take(span.length as usize) {
            found.insert(index, *count);
            index += 1;
        }
    }
    found
}

fn spans(buckets: &BTreeMap<i32, f64>) -> (Vec<BucketSpan>, Vec<f64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for index in buckets.keys() {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
    }
    (spans, buckets.values().copied().collect())
}
