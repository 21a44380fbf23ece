//! Random expressions of the language that Prometheus 2.42 and 3.14 have in common.
//!
//! What means another thing today is left out:
//! - samples at the beginning of a range (see `data`), and choices among equals: `topk` is of the gauges,
//!   no two of which are the same;
//! - `rate` and `increase` of what begins near zero, and the name of `atan2`'s metric;
//! - `stddev` and `stdvar` of infinities, and of large numbers, which lost digits once; neighbours that
//!   differ in their last digits only (`changes` of means);
//! - remainders of computed values, which a last digit makes another number; dates of what is no number; one-to-one comparisons that fail for several partners, even if all but one
//!   are filtered out (see `answers`); `predict_linear` of a range fixed by `@`, which moved on with the
//!   steps; `timestamp` of a selector with `@` and `offset`, of which Prometheus forgets the latter.

use timberline_io::Random;

/// Makes expressions.
pub(crate) struct Expressions<'c> {
    pub(crate) chance: &'c mut Random,
}

const DURATIONS: [&str; 7] = ["1m", "90s", "2m", "5m", "7m30s", "20m", "1h"];
/// Ranges of subqueries: within another one, none may begin at a step.
const SUBQUERY_RANGES: [&str; 4] = ["1m37s", "5m7s", "7m13s", "31m1s"];
const OVER_TIME: [&str; 10] = [
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "present_over_time",
    "deriv",
];
const ELEMENTWISE: [&str; 12] =
    ["abs", "exp", "sqrt", "ln", "log2", "log10", "atan", "sinh", "tanh", "asinh", "deg", "rad"];
/// Those of which the last digit of the argument may change the first of the value. Means and sums differ in
/// it, as Prometheus 2.42 adds up without keeping what rounding loses, so these get samples as they are.
const STEEP: [&str; 5] = ["ceil", "floor", "sgn", "cos", "sin"];
const DATE_PARTS: [&str; 8] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];

impl Expressions<'_> {
    /// An instant vector; the deeper, the simpler.
    pub(crate) fn vector(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.chance.below(20) {
            0..=2 => self.selector(),
            3..=5 => self.over_range(depth),
            6..=8 => self.aggregation(depth),
            9..=12 => self.operation(depth),
            13..=15 => self.call(depth),
            16 => format!("-{}", self.operand(depth - 1)),
            17 => self.histogram_quantile(),
            18 => format!("vector({})", self.scalar(depth - 1)),
            _ => format!("({})", self.vector(depth - 1)),
        }
    }

    fn selector(&mut self) -> String {
        let plain = self.plain_selector();
        plain + &self.modifiers()
    }

    fn plain_selector(&mut self) -> String {
        let name = self.chance.pick(&[
            "requests_total",
            "requests_total",
            "temperature",
            "temperature",
            "memory_bytes",
            "queue",
            "build_info",
            "latency_count",
            "odd",
            "missing",
        ]);
        let matchers = self.chance.pick(&[
            "",
            "",
            "{}",
            "{job=\"api\"}",
            "{job!=\"api\"}",
            "{instance=~\"h1|h3\"}",
            "{instance!~\"h[12]\"}",
            "{job=~\".*b\", instance=\"h2\"}",
            "{code=\"\"}",
            "{code=~\"4..|5..\"}",
            "{kind!=\"a\"}",
            "{job=\"none\"}",
        ]);
        format!("{name}{matchers}")
    }

    /// `offset` and `@`, mostly neither.
    fn modifiers(&mut self) -> String {
        let at = match self.chance.below(24) {
            0 => " @ start()".to_owned(),
            1 => " @ end()".to_owned(),
            2 => format!(" @ {}.5", crate::data::START + self.chance.below(9_000) as i64),
            _ => String::new(),
        };
        let offset = match self.chance.below(10) {
            0 => format!(" offset {}", self.chance.pick(&DURATIONS)),
            1 => format!(" offset -{}", self.chance.pick(&DURATIONS)),
            _ => String::new(),
        };
        at + &offset
    }

    fn range(&mut self, depth: u32) -> String {
        let range = self.chance.pick(&DURATIONS);
        if depth > 0 && self.chance.percent(25) {
            let step = self.chance.pick(&["", "30s", "1m", "2m"]);
            let range = self.chance.pick(&SUBQUERY_RANGES);
            let inner = self.vector(depth - 1);
            return format!("({inner})[{range}:{step}]") + &self.modifiers();
        }
        format!("{}[{range}]", self.plain_selector()) + &self.modifiers()
    }

    fn over_range(&mut self, depth: u32) -> String {
        match self.chance.below(12) {
            0 => {
                let function = self.chance.pick(&["irate", "delta", "idelta"]);
                format!("{function}({})", self.range(depth - 1))
            }
            1 => self.rate(),
            2 => {
                let function = self.chance.pick(&["changes", "resets"]);
                format!("{function}({})", self.range(0))
            }
            3 => format!("quantile_over_time({}, {})", self.quantile(), self.range(depth - 1)),
            4 => {
                let (counter, range) = (self.plain_selector(), self.chance.pick(&DURATIONS));
                format!("predict_linear({counter}[{range}], {})", self.number())
            }
            5 => format!("absent_over_time({})", self.range(depth - 1)),
            // The one name that has changed; see `for_the_old`.
            6 => format!("double_exponential_smoothing({}, 0.3, 0.6)", self.range(depth - 1)),
            _ => format!("{}({})", self.chance.pick(&OVER_TIME), self.range(depth - 1)),
        }
    }

    fn rate(&mut self) -> String {
        let function = self.chance.pick(&["rate", "increase"]);
        let counter = self.chance.pick(&["requests_total", "latency_count", "latency_sum"]);
        let modifiers = self.modifiers();
        if self.chance.percent(30) {
            let (range, step) =
                (self.chance.pick(&SUBQUERY_RANGES), self.chance.pick(&["", "1m", "30s"]));
            return format!("{function}({counter}[{range}:{step}]{modifiers})");
        }
        let range = self.chance.pick(&DURATIONS);
        format!("{function}({counter}[{range}]{modifiers})")
    }

    fn aggregation(&mut self, depth: u32) -> String {
        let grouping = self.chance.pick(&[
            "",
            "",
            " by (job)",
            " by (instance)",
            " by (job, code)",
            " by (missing)",
            " without (instance)",
            " without (code, job)",
            " by ()",
        ]);
        let inner = self.vector(depth - 1);
        match self.chance.below(12) {
            0 => {
                let op = self.chance.pick(&["topk", "bottomk"]);
                let count = self.chance.below(4);
                format!("{op}{grouping}({count}, temperature{})", self.modifiers())
            }
            1 => format!("quantile{grouping}({}, {inner})", self.quantile()),
            2 => format!("count_values{grouping}(\"value\", build_info)"),
            3 => {
                let op = self.chance.pick(&["stddev", "stdvar"]);
                format!("{op}{grouping}(temperature{})", self.modifiers())
            }
            _ => {
                let ops = ["sum", "avg", "min", "max", "count", "group"];
                format!("{}{grouping}({inner})", self.chance.pick(&ops))
            }
        }
    }

    fn operation(&mut self, depth: u32) -> String {
        let op = self.chance.pick(&["+", "-", "*", "/", "^", ">", "<", ">=", "<=", "==", "!="]);
        let compares = op.starts_with(['>', '<', '=', '!']);
        let modifier = if compares && self.chance.percent(40) { " bool" } else { "" };
        match self.chance.below(12) {
            11 => format!("{} % {}", self.selector(), self.number()),
            10 => format!("deg({} atan2 {})", self.operand(depth - 1), self.scalar(0)),
            0..=2 => {
                let (vector, scalar) = (self.operand(depth - 1), self.scalar(0));
                format!("{vector} {op}{modifier} {scalar}")
            }
            3 => {
                let (vector, scalar) = (self.operand(depth - 1), self.scalar(0));
                format!("{scalar} {op}{modifier} {vector}")
            }
            4..=5 => {
                let set = self.chance.pick(&["and", "or", "unless"]);
                let on = self.chance.pick(&[
                    "",
                    "on (job)",
                    "on (job, instance)",
                    "ignoring (code)",
                    "on ()",
                ]);
                format!("{} {set} {on} {}", self.operand(depth - 1), self.operand(depth - 1))
            }
            6 => {
                let labels = self.chance.pick(&["", "version"]);
                let left = self.operand(depth - 1);
                format!("{left} {op}{modifier} on (job, instance) group_left({labels}) build_info")
            }
            7 => {
                let right = self.operand(depth - 1);
                format!("temperature {op}{modifier} on (job, instance) group_right() {right}")
            }
            _ => {
                let on =
                    self.chance.pick(&["", "on (job, instance)", "ignoring (code)", "on (job)"]);
                format!(
                    "{} {op}{modifier} {on} {}",
                    self.operand(depth - 1),
                    self.operand(depth - 1)
                )
            }
        }
    }

    /// A vector that is not torn apart by what stands around it.
    fn operand(&mut self, depth: u32) -> String {
        let vector = self.vector(depth);
        let is_whole =
            vector.chars().all(|c| c.is_alphanumeric() || c == '_') || vector.ends_with('}');
        if is_whole && !vector.starts_with('-') { vector } else { format!("({vector})") }
    }

    fn call(&mut self, depth: u32) -> String {
        let inner = self.vector(depth - 1);
        match self.chance.below(15) {
            0 => {
                let to = self.chance.pick(&["1", "0.125", "5", "0.1"]);
                format!("round({}, {to})", self.selector())
            }
            1 => format!("clamp({inner}, {}, {})", self.number(), self.number()),
            2 => format!("clamp_min({inner}, {})", self.number()),
            3 => format!("clamp_max({inner}, {})", self.number()),
            4 => format!("absent({inner})"),
            5 => format!("timestamp({})", self.plain_selector()),
            6 => {
                let of = self.chance.pick(&["temperature", "memory_bytes", "latency_sum"]);
                format!("{}({of}{})", self.chance.pick(&DATE_PARTS), self.modifiers())
            }
            7 => {
                let (target, source) = (self.label(), self.label());
                let pattern = self.chance.pick(&["(.*)", "h(.)", "(a|d).*", "", "x"]);
                let text = self.chance.pick(&["$1", "host-${1}", "", "fixed"]);
                format!(
                    "label_replace({inner}, \"{target}\", \"{text}\", \"{source}\", \"{pattern}\")"
                )
            }
            8 => {
                let (target, a, b) = (self.label(), self.label(), self.label());
                format!("label_join({inner}, \"{target}\", \"-\", \"{a}\", \"{b}\")")
            }
            9 | 10 => format!("{}({})", self.chance.pick(&STEEP), self.selector()),
            _ => format!("{}({inner})", self.chance.pick(&ELEMENTWISE)),
        }
    }

    fn label(&mut self) -> &'static str {
        self.chance.pick(&["job", "instance", "code", "fresh", "missing"])
    }

    fn histogram_quantile(&mut self) -> String {
        let grouping = self.chance.pick(&["le", "le, job", "le, instance"]);
        let buckets = match self.chance.below(3) {
            0 => "latency_bucket".to_owned(),
            1 => format!("rate(latency_bucket[{}])", self.chance.pick(&DURATIONS)),
            _ => format!("sum by ({grouping}) (latency_bucket)"),
        };
        format!("histogram_quantile({}, {buckets})", self.quantile())
    }

    pub(crate) fn scalar(&mut self, depth: u32) -> String {
        match self.chance.below(8) {
            0 => "time()".to_owned(),
            1 => format!("scalar({})", self.vector(depth.min(1))),
            2 => format!("({} + {})", self.number(), self.number()),
            3 => format!("({} > bool {})", self.number(), self.number()),
            4 => "pi()".to_owned(),
            _ => self.number(),
        }
    }

    fn quantile(&mut self) -> &'static str {
        self.chance.pick(&["0.5", "0.9", "0", "1", "0.25", "-1", "2"])
    }

    fn number(&mut self) -> String {
        let numbers =
            ["0", "1", "2", "-1", "0.5", "3.0625", "17", "100.03", "1e3", "Inf", "NaN", "1e9"];
        self.chance.pick(&numbers).to_owned()
    }
}

/// The expression as Prometheus 2.42 spells it.
pub(crate) fn for_the_old(expression: &str) -> String {
    expression.replace("double_exponential_smoothing", "holt_winters")
}
