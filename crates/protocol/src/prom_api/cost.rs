//! What a query cost, as the `stats` parameter asks for it.

use std::{io::Write as _, time::Duration};

use super::{data::push_list, number::push_time};
use crate::TimeForm;

/// What a query cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryCost {
    /// Time in the queue.
    pub waited: Duration,
    /// Time to read the query.
    pub preparing: Duration,
    /// Time to evaluate it, sorting included.
    pub evaluating: Duration,
    /// Series read from storage, over all selectors.
    pub series_read: u64,
    /// Samples read from storage, each once for each selector.
    pub samples_read: u64,
    /// Samples looked at, by step: a sample counts at each step that looks at it. Times are nanoseconds.
    pub samples_per_step: Vec<(i64, u64)>,
}

/// Adds the member `stats` to the object that was appended last: the data of a query's answer. Samples of
/// each step are listed if `each_step` says so.
pub fn add_stats(out: &mut Vec<u8>, cost: &QueryCost, each_step: bool, form: TimeForm) {
    debug_assert_eq!(out.last(), Some(&b'}'), "stats are added to an object");
    out.pop();
    let (waited, evaluating) = (cost.waited.as_secs_f64(), cost.evaluating.as_secs_f64());
    let preparing = cost.preparing.as_secs_f64();
    let total: u64 = cost.samples_per_step.iter().map(|(_, samples)| samples).sum();
    let QueryCost { series_read, samples_read, .. } = cost;
    // Writing to a vector does not fail. Sorting is not timed apart, and Prometheus' clients expect it.
    let _ = write!(
        out,
        ",\"stats\":{{\"timings\":{{\"evalTotalTime\":{:.9},\"resultSortTime\":0,\
         \"queryPreparationTime\":{preparing:.9},\"innerEvalTime\":{evaluating:.9},\
         \"execQueueTime\":{waited:.9},\"execTotalTime\":{:.9}}},\
         \"samples\":{{\"totalQueryableSamples\":{total},\"samplesRead\":{samples_read},\
         \"seriesRead\":{series_read}",
        preparing + evaluating,
        waited + preparing + evaluating,
    );
    if each_step {
        out.extend_from_slice(b",\"totalQueryableSamplesPerStep\":");
        push_list(out, &cost.samples_per_step, |out, (ts, samples)| {
            out.push(b'[');
            push_time(out, *ts, form);
            let _ = write!(out, ",{samples}]");
        });
    }
    out.extend_from_slice(b"}}}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prom_api;

    #[test]
    fn stats_are_a_member_of_the_data() {
        let cost = QueryCost {
            waited: Duration::from_millis(250),
            preparing: Duration::from_micros(1),
            evaluating: Duration::from_secs(2),
            series_read: 3,
            samples_read: 7,
            samples_per_step: vec![(1_500_000_000, 4), (2_000_000_000, 5)],
        };
        let write = |each_step| {
            let mut out = Vec::new();
            prom_api::scalar(&mut out, 0, 1.0, TimeForm::Seconds);
            add_stats(&mut out, &cost, each_step, TimeForm::Seconds);
            serde_json::from_slice::<serde_json::Value>(&out).unwrap()
        };
        let all = write(true);
        assert_eq!(all["result"][1], "1");
        assert_eq!(all["stats"]["samples"]["totalQueryableSamples"], 9);
        assert_eq!(all["stats"]["samples"]["totalQueryableSamplesPerStep"][0][0], 1.5);
        assert_eq!(all["stats"]["samples"]["totalQueryableSamplesPerStep"][1][1], 5);
        assert_eq!(all["stats"]["timings"]["execQueueTime"], 0.25);
        assert_eq!(all["stats"]["timings"]["execTotalTime"], 2.250_001);
        assert!(write(false)["stats"]["samples"]["totalQueryableSamplesPerStep"].is_null());
    }
}
