//! What is known of counter resets in loaded series.
//!
//! Prometheus' storage notes it when it appends a histogram, and its scripts expect to find it: a histogram
//! that goes on from the one before it, with the same buckets and nothing counted less, is no reset. Where
//! that is not so, its storage says nothing, not even of resets that it was told of (its issue 15346).

use timberline_model::{FloatHistogram, Histogram, ResetHint};

use crate::script::LoadedSeries;

/// Notes on every histogram that is no gauge what is known of a reset.
pub(crate) fn note_resets(series: &mut [LoadedSeries]) {
    for one in series {
        let mut before: Option<Histogram> = None;
        for sample in &mut one.samples {
            let Some(histogram) = &mut sample.histogram else {
                before = None;
                continue;
            };
            if histogram.is_stale() {
                before = None;
                continue;
            }
            let goes_on = before.as_ref().is_some_and(|before| goes_on(before, histogram));
            before = Some((**histogram).clone());
            if histogram.reset_hint != ResetHint::Gauge {
                histogram.reset_hint =
                    if goes_on { ResetHint::NotReset } else { ResetHint::Unknown };
            }
        }
    }
}

/// Whether a histogram is that of the same counter, not reset.
fn goes_on(before: &Histogram, after: &Histogram) -> bool {
    let is_gauge = |one: &Histogram| one.reset_hint == ResetHint::Gauge;
    is_gauge(before) == is_gauge(after)
        && before.schema == after.schema
        && before.zero_threshold == after.zero_threshold
        && before.custom_values == after.custom_values
        && !is_reset(before, after)
}

/// Whether the script says so, or the counts do.
fn is_reset(before: &Histogram, after: &Histogram) -> bool {
    let mut counts = FloatHistogram::from(after);
    if counts.reset_hint == ResetHint::NotReset {
        counts.reset_hint = ResetHint::Unknown;
    }
    counts.is_reset_after(&FloatHistogram::from(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Script};

    fn hints(values: &str) -> Vec<Option<ResetHint>> {
        let script = Script::parse(&format!("load 1m\n  m {values}\n")).unwrap();
        let Command::Load(load) = &script.commands[0] else { panic!("{script:?}") };
        let samples = load.series[0].samples.iter();
        samples.map(|one| one.histogram.as_ref().map(|found| found.reset_hint)).collect()
    }

    #[test]
    fn what_goes_on_is_no_reset() {
        let (unknown, not) = (Some(ResetHint::Unknown), Some(ResetHint::NotReset));
        let up = "{{count:1 buckets:[1]}} {{count:3 buckets:[2 1]}}";
        assert_eq!(hints(up), [unknown, not]);
        let down = "{{count:1 buckets:[1]}} {{count:2 buckets:[0 2]}} {{count:2 buckets:[0 2]}}";
        assert_eq!(hints(down), [unknown, unknown, not]);
        assert_eq!(hints("{{count:1}} 5 {{count:2}}"), [unknown, None, unknown]);
        assert_eq!(hints("{{count:1}} {{schema:1 count:2}}"), [unknown, unknown]);
        let told = "{{count:1}} {{count:2 counter_reset_hint:reset}} {{count:1}}";
        assert_eq!(hints(told), [unknown, unknown, unknown]);
        let gauge = "{{count:1 counter_reset_hint:gauge}} {{count:2}}";
        assert_eq!(hints(gauge), [Some(ResetHint::Gauge), unknown]);
    }
}
