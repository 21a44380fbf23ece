//! Histograms with custom buckets made of classic ones: what `load_with_nhcb` adds.

use std::collections::BTreeMap;

use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, Labels, METRIC_NAME,
};

use crate::script::{LoadedSample, LoadedSeries};

/// A classic histogram at one time, as far as its series have values then.
#[derive(Debug, Default)]
struct Classic {
    /// Upper bounds in rising order with cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The part of a classic histogram that a series is.
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

/// The histograms that the classic ones among the series make, under their names without suffixes.
pub(crate) fn derived(series: &[LoadedSeries]) -> Result<Vec<LoadedSeries>, String> {
    let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for one in series {
        let Some((labels, part)) = part_of(&one.labels)? else { continue };
        let histograms = found.entry(labels).or_default();
        for sample in one.samples.iter().filter(|sample| sample.histogram.is_none()) {
            let classic = histograms.entry(sample.ts).or_default();
            match part {
                Part::Bucket(bound) => classic.add_bucket(bound, sample.value)?,
                Part::Count => classic.count = Some(sample.value),
                Part::Sum => classic.sum = sample.value,
            }
        }
    }
    let all = found.into_iter().map(|(labels, histograms)| {
        let samples = histograms.into_iter().map(|(ts, classic)| {
            let histogram = classic.convert().map_err(|reason| format!("{labels}: {reason}"))?;
            Ok(LoadedSample { ts, start: 0, value: f64::NAN, histogram: Some(Box::new(histogram)) })
        });
        let samples = samples.collect::<Result<Vec<_>, String>>()?;
        Ok(LoadedSeries { labels, samples })
    });
    all.collect()
}

/// The labels of the histogram that a series belongs to, and which part it is.
fn part_of(labels: &Labels) -> Result<Option<(Labels, Part)>, String> {
    let name = labels.metric_name().unwrap_or("");
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        let bound = labels.get("le").ok_or_else(|| format!("{labels} has no label le"))?;
        match bound.parse::<f64>() {
            Ok(bound) if !bound.is_nan() => (base, Part::Bucket(bound)),
            _ => return Ok(None),
        }
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else if let Some(base) = name.strip_suffix("_sum") {
        (base, Part::Sum)
    } else {
        return Ok(None);
    };
    let kept = labels.iter().filter(|(name, _)| *name != "le" && *name != METRIC_NAME);
    let labels = Labels::from_pairs(kept.chain([(METRIC_NAME, base)]));
    Ok(Some((labels.map_err(|error| error.to_string())?, part)))
}

impl Classic {
    fn add_bucket(&mut self, bound: f64, count: f64) -> Result<(), String> {
        if count.is_nan() || count < 0.0 {
            return Err(format!("a bucket with the count {count}"));
        }
        let at = self.buckets.partition_point(|(other, _)| *other < bound);
        // The same bound written another way: the first one counts.
        if self.buckets.get(at).is_none_or(|(other, _)| *other != bound) {
            self.buckets.insert(at, (bound, count));
        }
        Ok(())
    }

    /// The last bucket reaches to infinity, with all observations; without a count, those of the last
    /// bucket are all.
    fn convert(mut self) -> Result<Histogram, String> {
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, count)| count)).unwrap_or(0.0);
        if last.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for (bound, cumulative) in &self.buckets {
            if *cumulative < before {
                return Err(format!("the bucket up to {bound} holds fewer than the one before it"));
            }
            counts.push(*cumulative - before);
            before = *cumulative;
        }
        self.buckets.pop();
        let length = u32::try_from(counts.len()).map_err(|_| "too many buckets")?;
        Ok(Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            sum: self.sum,
            positive_spans: vec![BucketSpan { offset: 0, length }],
            custom_values: self.buckets.into_iter().map(|(bound, _)| bound).collect(),
            counts: BucketCounts::Float {
                count,
                zero_count: 0.0,
                positive: counts,
                negative: Vec::new(),
            },
            ..Histogram::stale()
        })
    }
}
