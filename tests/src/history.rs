//! What a crashing writer knows: which batches it sent, and which were acknowledged.
//!
//! Every sample's value is a function of its series and time, so one that was never sent, or that
//! came back changed, is recognized whatever else happened.

use std::collections::BTreeMap;

/// The value that belongs to a series at a time.
#[must_use]
pub fn value_of(series: u64, ts: i64) -> f64 {
    let mixed = (series ^ ts as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 24) as f64 / 256.0
}

/// How certain it is that a sample is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It was acknowledged.
    Present,
    /// It was sent, and no answer came.
    Possible,
}

/// The samples that one writer sent.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: BTreeMap<(u64, i64), Expected>,
}

impl History {
    /// Notes that a sample is about to be sent.
    pub fn sent(&mut self, series: u64, ts: i64) {
        self.samples.entry((series, ts)).or_insert(Expected::Possible);
    }

    /// Notes that it was acknowledged.
    pub fn acknowledged(&mut self, series: u64, ts: i64) {
        self.samples.insert((series, ts), Expected::Present);
    }

    /// Notes that samples of a series are about to be deleted: from now on they may be gone.
    pub fn deleting(&mut self, series: u64, times: std::ops::RangeInclusive<i64>) {
        let range = (series, *times.start())..=(series, *times.end());
        self.samples.range_mut(range).for_each(|(_, expected)| *expected = Expected::Possible);
    }

    /// Notes that their deletion was acknowledged.
    pub fn deleted(&mut self, series: u64, times: std::ops::RangeInclusive<i64>) {
        self.samples.retain(|(other, ts), _| *other != series || !times.contains(ts));
    }

    /// How many samples were acknowledged.
    #[must_use]
    pub fn acknowledged_count(&self) -> usize {
        self.samples.values().filter(|expected| **expected == Expected::Present).count()
    }

    /// Checks what was read back: all acknowledged samples, and none that was not sent.
    ///
    /// # Errors
    /// The first difference in words.
    pub fn check(&self, found: &BTreeMap<(u64, i64), f64>) -> Result<(), String> {
        for ((series, ts), value) in found {
            if !self.samples.contains_key(&(*series, *ts)) {
                return Err(format!("series {series} has a sample at {ts} that was never sent"));
            }
            let expected = value_of(*series, *ts);
            if value.to_bits() != expected.to_bits() {
                return Err(format!("series {series} at {ts}: {value} instead of {expected}"));
            }
        }
        let lost = |(key, expected): &(&(u64, i64), &Expected)| {
            **expected == Expected::Present && !found.contains_key(key)
        };
        match self.samples.iter().find(lost) {
            Some(((series, ts), _)) => {
                let lost = self.samples.iter().filter(lost).count();
                Err(format!("{lost} acknowledged samples are lost, first series {series} at {ts}"))
            }
            None => Ok(()),
        }
    }

    /// The same samples, each of which may be there or not.
    #[must_use]
    pub fn in_doubt(&self) -> Self {
        let doubtful = self.samples.keys().map(|key| (*key, Expected::Possible));
        Self { samples: doubtful.collect() }
    }

    /// Adds what another writer sent.
    pub fn extend(&mut self, other: Self) {
        self.samples.extend(other.samples);
    }

    /// Settles what was in doubt: what was found is there for good, the rest never came.
    pub fn settle(&mut self, found: &BTreeMap<(u64, i64), f64>) {
        self.samples.retain(|key, _| found.contains_key(key));
        self.samples.values_mut().for_each(|expected| *expected = Expected::Present);
    }
}
