//! Random queries, repeatable by their seed.

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) promql: String,
    /// Nanoseconds, whole seconds.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

use timberline_io::Random;

use super::data::SECOND;

/// So many queries about the time from `start` to `end`.
pub(crate) fn queries(seed: u64, count: u64, start: i64, end: i64) -> Vec<Ask> {
    let mut chance = Random::new(seed);
    (0..count).map(|_| query(&mut chance, start, end)).collect()
}

fn query(chance: &mut Random, start: i64, end: i64) -> Ask {
    let seconds = ((end - start) / SECOND) as u64;
    let from = chance.below(seconds);
    let length = chance.below((seconds - from).clamp(1, 6 * 3_600));
    let step = [60, 97, 300, 1_800][chance.below(4) as usize] * SECOND;
    let start = start + from as i64 * SECOND;
    Ask { promql: expression(chance), start, end: start + length as i64 * SECOND, step }
}

fn expression(chance: &mut Random) -> String {
    let metric = chance.pick(&["m", "c_total"]);
    let matchers = chance.pick(&[
        "",
        "{host=\"h1\"}",
        "{dc=\"north\"}",
        "{host=~\"h[0-3]\"}",
        "{host!~\"h.*4\",dc!=\"\"}",
        "{host=~\"h5|h2\"}",
    ]);
    let range = chance.pick(&["3m", "10m", "1h", "5h"]);
    let selector = format!("{metric}{matchers}");
    let by = chance.pick(&["", " by (dc)", " by (host)", " without (host)"]);
    match chance.below(9) {
        0 => selector,
        1 => format!("sum{by} ({selector})"),
        2 => format!("rate(c_total{matchers}[{range}])"),
        3 => format!("sum{by} (increase(c_total{matchers}[{range}]))"),
        4 => format!("avg_over_time({selector}[{range}])"),
        5 => format!("count by (__name__) (last_over_time({{__name__=~\"m|c_.*\"}}[{range}]))"),
        6 => format!("max{by} (max_over_time({selector}[{range}])) - min{by} (m{matchers})"),
        7 => format!("quantile_over_time(0.9, {selector}[{range}])"),
        _ => format!("topk(3, {selector}) or bottomk(1, m)"),
    }
}
