//! Any expression is evaluated or refused, at any times, over series of every kind: nothing panics, no
//! refusal says that the fault is ours, and the limits hold.
//!
//! The bytes choose the branches of a grammar, so that most inputs are expressions that evaluate.

#![no_main]

use std::{fmt::Write as _, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, ErrorKind, Histogram, ResetHint, STALE_NAN,
};
use timberline_promql::{
    Feature, Features, FunctionSignature, ValueType,
    eval::{Limits, Query, evaluate, memory::MemorySource},
    function_signatures, parse, parse_series,
};

const SECOND: i64 = 1_000_000_000;
/// What one query may read and make.
const SAMPLES_MAX: u64 = 200_000;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices { bytes };
    let features: Features = Feature::ALL.into_iter().filter(|_| choices.below(3) > 0).collect();
    let mut text = String::new();
    let kind = [ValueType::Vector, ValueType::Scalar, ValueType::Matrix, ValueType::String]
        [choices.below(16).saturating_sub(12)];
    write_expression(&mut text, &mut choices, kind, 5);
    let Ok(expr) = parse(&text) else { return };
    let start = choices.time();
    let query = match choices.below(3) {
        0 => Query::instant(&expr, start),
        _ => {
            let step = [SECOND, 15 * SECOND, 60 * SECOND, 1, 3_600 * SECOND][choices.below(5)];
            let steps = choices.below(200) as i64;
            Query::range(&expr, start, start.saturating_add(step.saturating_mul(steps)), step)
        }
    };
    let query = Query { features, ..query.with_text(&text) };
    let limits = Limits { samples_max: SAMPLES_MAX, steps_max: 1_000, ..Limits::default() };
    match evaluate(source(), &query, &limits) {
        Ok(result) => assert!(result.stats.samples <= SAMPLES_MAX, "{text}"),
        Err(error) => assert!(
            !matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unsupported),
            "{text}: {error}"
        ),
    }
});

/// The bytes as choices.
struct Choices<'a> {
    bytes: &'a [u8],
}

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    fn one_of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.below(choices.len())]
    }

    /// Mostly around the data; sometimes anywhere.
    fn time(&mut self) -> i64 {
        match self.below(8) {
            0 => i64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            1 => -(self.byte() as i64) * SECOND,
            _ => (i64::from(self.byte()) * 16 + i64::from(self.byte())) * SECOND / 4,
        }
    }
}

fn write_expression(text: &mut String, choices: &mut Choices<'_>, kind: ValueType, depth: usize) {
    match kind {
        ValueType::String => {
            text.push_str(choices.one_of(&["'a'", "'(.*)'", "'$1-x'", "''", "'job'"]))
        }
        ValueType::Scalar => write_scalar(text, choices, depth),
        ValueType::Matrix => write_matrix(text, choices, depth),
        ValueType::Vector => write_vector(text, choices, depth),
    }
}

fn write_number(text: &mut String, choices: &mut Choices<'_>) {
    text.push_str(choices.one_of(&[
        "0", "1", "-1", "2", "0.5", "1e300", "Inf", "-Inf", "NaN", "5m", "1e18", "-3.25", "0x1F",
    ]));
}

fn write_scalar(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    if depth == 0 || choices.below(3) == 0 {
        return write_number(text, choices);
    }
    match choices.below(4) {
        0 => {
            text.push('(');
            write_scalar(text, choices, depth - 1);
            text.push_str(
                choices.one_of(&[" + ", " - ", " * ", " / ", " % ", " ^ ", " > bool ", " atan2 "]),
            );
            write_scalar(text, choices, depth - 1);
            text.push(')');
        }
        1 => write_call(text, choices, ValueType::Scalar, depth),
        2 => text
            .push_str(choices.one_of(&["time()", "start()", "end()", "step()", "range()", "pi()"])),
        _ => {
            text.push('-');
            write_number(text, choices);
        }
    }
}

fn write_call(text: &mut String, choices: &mut Choices<'_>, kind: ValueType, depth: usize) {
    let all: Vec<&FunctionSignature> =
        function_signatures().iter().filter(|one| one.returns == kind).collect();
    let signature = all[usize::from(choices.byte()) % all.len()];
    let most = signature.args_max.unwrap_or(signature.args_min + 2);
    let count = signature.args_min + choices.below(most - signature.args_min + 1);
    let _ = write!(text, "{}(", signature.name);
    for index in 0..count {
        if index > 0 {
            text.push_str(", ");
        }
        match signature.arg(index) {
            Some(_) if signature.name == "info" && index == 1 => text.push_str(choices.one_of(&[
                "{}",
                "{version=~'.+'}",
                "{__name__=~'.+_info'}",
                "{__name__!~'t.*', version!=''}",
            ])),
            Some(kind) => write_expression(text, choices, kind, depth - 1),
            None => return,
        }
    }
    text.push(')');
}

fn write_vector(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    if depth == 0 {
        return write_selector(text, choices, false);
    }
    match choices.below(8) {
        0 => write_selector(text, choices, false),
        1..=3 => write_call(text, choices, ValueType::Vector, depth),
        4 | 5 => write_aggregation(text, choices, depth),
        6 => write_binary(text, choices, depth),
        _ => {
            text.push_str(choices.one_of(&["-(", "(", "+("]));
            write_vector(text, choices, depth - 1);
            text.push(')');
        }
    }
}

fn write_selector(text: &mut String, choices: &mut Choices<'_>, ranged: bool) {
    text.push_str(choices.one_of(&[
        "c_total",
        "g",
        "h",
        "n",
        "mixed",
        "odd",
        "x_bucket",
        "target_info",
        "none",
        "",
    ]));
    let bare = text.is_empty() || !text.ends_with(|c: char| c.is_alphanumeric());
    text.push_str(match choices.one_of(&["", "{job='a'}", "{job!~'b|c'}", "{__name__=~'.+'}"]) {
        "" if bare => "{job=~'.*', __name__!=''}",
        matchers => matchers,
    });
    if ranged {
        text.push('[');
        write_duration(text, choices, 2);
        text.push(']');
    }
    text.push_str(choices.one_of(&["", "", "", " anchored", " smoothed"]));
    write_modifiers(text, choices);
}

fn write_modifiers(text: &mut String, choices: &mut Choices<'_>) {
    match choices.below(6) {
        0 => {
            text.push_str(choices.one_of(&[" @ start()", " @ end()", " @ 300", " @ -1", " @ 1e9"]))
        }
        1 => {
            text.push_str(" offset ");
            write_duration(text, choices, 1);
        }
        _ => {}
    }
}

fn write_duration(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    if depth == 0 || choices.below(3) > 0 {
        text.push_str(
            choices
                .one_of(&["5m", "1m", "15s", "1h", "1ms", "0", "-1m", "step()", "range()", "300"]),
        );
        return;
    }
    text.push('(');
    write_duration(text, choices, depth - 1);
    text.push_str(choices.one_of(&[" + ", " - ", " * ", " / ", " % ", " ^ "]));
    write_duration(text, choices, depth - 1);
    text.push(')');
}

fn write_matrix(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    if depth == 0 || choices.below(4) > 0 {
        return write_selector(text, choices, true);
    }
    text.push('(');
    write_vector(text, choices, depth - 1);
    text.push_str(")[");
    write_duration(text, choices, 1);
    text.push(':');
    if choices.below(2) == 0 {
        write_duration(text, choices, 1);
    }
    text.push(']');
    write_modifiers(text, choices);
}

fn write_aggregation(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    let op = choices.one_of(&[
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "limitk",
        "limit_ratio",
        "count_values",
    ]);
    text.push_str(op);
    text.push_str(choices.one_of(&["", " by (job)", " without (job)", " by (__name__)", " by ()"]));
    text.push_str(" (");
    match op {
        "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio" => {
            write_scalar(text, choices, depth - 1);
            text.push_str(", ");
        }
        "count_values" => text.push_str("'job', "),
        _ => {}
    }
    write_vector(text, choices, depth - 1);
    text.push(')');
}

fn write_binary(text: &mut String, choices: &mut Choices<'_>, depth: usize) {
    let side = |text: &mut String, choices: &mut Choices<'_>| {
        text.push('(');
        if choices.below(4) == 0 {
            write_scalar(text, choices, depth - 1);
        } else {
            write_vector(text, choices, depth - 1);
        }
        text.push(')');
    };
    text.push('(');
    side(text, choices);
    text.push_str(choices.one_of(&[
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " ^ ",
        " atan2 ",
        " > ",
        " < bool ",
        " == ",
        " != bool ",
        " and ",
        " or ",
        " unless ",
        " </ ",
        " >/ ",
    ]));
    text.push_str(choices.one_of(&["", "", "on (job) ", "ignoring (job) ", "on () "]));
    text.push_str(choices.one_of(&[
        "",
        "",
        "group_left ",
        "group_right (version) ",
        "fill (0) ",
        "fill_left (NaN) ",
    ]));
    side(text, choices);
    text.push(')');
}

/// Series of every kind over a quarter of an hour.
fn source() -> &'static MemorySource {
    static SOURCE: OnceLock<MemorySource> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let mut source = MemorySource::default();
        for job in ["a", "b", "c"] {
            let labels = |name: &str, more: &str| {
                parse_series(&format!("{name}{{job='{job}', instance='i'{more}}}")).expect("labels")
            };
            for n in 0..60_i64 {
                let (ts, value) = (n * 15 * SECOND, n as f64);
                let start = if n % 7 == 0 { ts - 20 * SECOND } else { 0 };
                source.push_since(&labels("c_total", ""), ts, start, (n % 23) as f64);
                source.push(&labels("g", ""), ts, value * 0.5 - 9.0);
                let odd = [f64::NAN, f64::INFINITY, -0.0, STALE_NAN, 1e308, -1e308, 5e-324];
                source.push(&labels("odd", ""), ts, odd[n as usize % odd.len()]);
                source.push(&labels("target_info", &format!(", version='{}'", n / 30)), ts, 1.0);
                for le in ["0.5", "1", "+Inf"] {
                    source.push(&labels("x_bucket", &format!(", le='{le}'")), ts, value);
                }
                source.push_histogram_since(&labels("h", ""), ts, start, exponential(n));
                source.push_histogram(&labels("n", ""), ts, custom(n));
                if n % 5 == 0 {
                    source.push_histogram(&labels("mixed", ""), ts, exponential(n / 2));
                } else {
                    source.push(&labels("mixed", ""), ts, value);
                }
            }
        }
        source
    })
}

fn exponential(n: i64) -> Histogram {
    if n == 40 {
        return Histogram::stale();
    }
    let count = (n % 17) as f64;
    Histogram {
        reset_hint: [ResetHint::Unknown, ResetHint::Gauge, ResetHint::Reset][(n / 20 % 3) as usize],
        schema: (n % 3) as i8,
        zero_threshold: 0.001 * (n % 4) as f64,
        sum: count * 2.0,
        positive_spans: vec![BucketSpan { offset: (n % 5) as i32 - 2, length: 2 }],
        negative_spans: vec![BucketSpan { offset: 0, length: 1 }],
        counts: BucketCounts::Float {
            count: 4.0 * count,
            zero_count: count,
            positive: vec![count, count],
            negative: vec![count],
        },
        ..Histogram::stale()
    }
}

fn custom(n: i64) -> Histogram {
    let bounds: &[f64] = if n % 11 == 0 { &[0.5, 2.0] } else { &[0.5, 1.0, 2.0] };
    let length = bounds.len() + 1;
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        sum: n as f64,
        positive_spans: vec![BucketSpan { offset: 0, length: length as u32 }],
        custom_values: bounds.to_vec(),
        counts: BucketCounts::Float {
            count: (n as usize * length) as f64,
            zero_count: 0.0,
            positive: vec![n as f64; length],
            negative: Vec::new(),
        },
        ..Histogram::stale()
    }
}
