//! The same data in Debian's Prometheus (2.42) and in Timberline, half of it in a block, and thousands of
//! random expressions asked of both: the answers are the same to a relative 1e-12.
//!
//! `TIMBERLINE_DIFFERENTIAL_SEED` says which expressions and which data, `TIMBERLINE_DIFFERENTIAL_COUNT` how
//! many expressions. What is found goes into `crates/promqltest/scripts/found.test`.

mod answers;
mod data;
mod expressions;

use std::time::Instant;

use answers::Answer;
use data::{SPAN, START};
use expressions::{Expressions, for_the_old};
use timberline::Sample;
use timberline_io::Random;
use timberline_tests::{Client, Prometheus, Server, count_from_env};

/// Seconds of data in one write: Prometheus takes nothing that is much older than what it has.
const SLICE: i64 = 600;
/// Differences that are shown before the test gives up.
const SHOWN_MAX: usize = 12;

/// Writes all samples in order of time to both, and moves the older half of ours into blocks.
fn write(series: &[data::Series], ours: &Server, theirs: &Client) {
    for slice in 0..SPAN / SLICE {
        let (from, to) = (START + slice * SLICE, START + (slice + 1) * SLICE);
        let part: Vec<data::Series> = series
            .iter()
            .map(|(labels, samples)| {
                let within = |sample: &&Sample| (from..to).contains(&(sample.ts / 1_000_000_000));
                (labels.clone(), samples.iter().filter(within).copied().collect())
            })
            .filter(|(_, samples): &data::Series| !samples.is_empty())
            .collect();
        for client in [&**ours, theirs] {
            client.write(&part).unwrap_or_else(|error| panic!("slice {slice}: {error:?}"));
        }
        if slice == SPAN / SLICE / 2 {
            assert_eq!(ours.post("/api/v1/admin/tsdb/flush").0, 200);
        }
    }
}

/// A question: an expression and its times.
struct Question {
    expression: String,
    path: &'static str,
    times: Vec<(&'static str, String)>,
}

impl Question {
    fn random(chance: &mut Random) -> Self {
        let depth = 1 + chance.below(3) as u32;
        let mut expressions = Expressions { chance };
        let expression = if expressions.chance.percent(4) {
            expressions.scalar(1)
        } else {
            expressions.vector(depth)
        };
        // Half seconds: see `data`.
        let time = |seconds: i64| format!("{}.5", START + seconds);
        let at = chance.below(SPAN as u64 + 600) as i64;
        if chance.percent(50) {
            return Self { expression, path: "/api/v1/query", times: vec![("time", time(at))] };
        }
        let (start, length) = (at / 2, 60 + chance.below(5_400) as i64);
        let step = [15, 30, 60, 77, 300][chance.below(5) as usize];
        let times =
            vec![("start", time(start)), ("end", time(start + length)), ("step", step.to_string())];
        Self { expression, path: "/api/v1/query_range", times }
    }

    fn ask(&self, client: &Client, expression: &str) -> Answer {
        let mut parameters = vec![("query", expression)];
        parameters.extend(self.times.iter().map(|(name, value)| (*name, value.as_str())));
        let (status, body) = client.get(self.path, &parameters);
        Answer::read(status, &body)
    }
}

#[test]
fn random_expressions_have_the_answers_that_prometheus_gives() {
    let seed = count_from_env("TIMBERLINE_DIFFERENTIAL_SEED", 1);
    let count = count_from_env("TIMBERLINE_DIFFERENTIAL_COUNT", 3_000);
    let dir = tempfile::tempdir().expect("a directory can be made");
    // `double_exponential_smoothing` was no experiment when it was called `holt_winters`.
    let features = "--query-features=promql-experimental-functions";
    let ours = Server::start(&dir.path().join("data"), &[features]);
    let flags = ["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y"];
    let prometheus = Prometheus::start_with(dir.path(), |_| "global: {}\n".to_owned(), &flags);
    let theirs = Client::new(prometheus.address());
    let mut chance = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1));
    write(&data::series(&mut chance), &ours, &theirs);

    let begun = Instant::now();
    let (mut points, mut failed, mut empty, mut differences) = (0, 0, 0, Vec::new());
    for number in 0..count {
        let question = Question::random(&mut chance);
        let old = for_the_old(&question.expression);
        let (mine, other) =
            (question.ask(&ours, &question.expression), question.ask(&theirs, &old));
        match &other {
            Answer::Failed(_) => failed += 1,
            Answer::Series(series) if series.is_empty() => empty += 1,
            Answer::Series(_) => points += other.points(),
        }
        if let Some(difference) = mine.difference(&other) {
            let Question { expression, path, times } = &question;
            differences
                .push(format!("{number}: {path} {times:?}\n  {expression}\n  {difference:.600}"));
            if differences.len() >= SHOWN_MAX {
                break;
            }
        }
    }
    println!(
        "{count} expressions, {points} points compared, {failed} failed and {empty} empty at both, {:.1?}",
        begun.elapsed()
    );
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    assert!(points as u64 > count * 10, "{points} points are few");
}
