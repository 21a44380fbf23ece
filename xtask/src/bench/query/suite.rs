//! The questions: those of the Time Series Benchmark Suite's devops set as PromQL says them, and what
//! dashboards ask besides.
//!
//! Where the suite groups by several metrics, their names become a label: a function over a range drops
//! the name, and not every server can keep it.

use crate::bench::load::METRICS;

const HOUR: u64 = 3_600;
const MINUTE: u64 = 60;

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) ask: Ask,
    /// Whether all servers mean the same by it. VictoriaMetrics looks at the sample before a window
    /// too where rates are asked for.
    pub(super) is_common: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// A range query over the last seconds, by seconds.
    Range { promql: String, window: u64, step: u64 },
    /// An instant query at the end.
    Instant(String),
    /// The values of a label, of the series that match if that is said.
    Values { label: &'static str, matching: Option<&'static str> },
}

fn range(name: &'static str, promql: String, window: u64, step: u64) -> Question {
    Question { name, ask: Ask::Range { promql, window, step }, is_common: true }
}

fn rates(question: Question) -> Question {
    Question { is_common: false, ..question }
}

/// One aggregation of each of some metrics, with the metric's name as a label.
fn of_each(metrics: &[&str], aggregation: impl Fn(&str) -> String) -> String {
    let named = |metric: &&str| {
        format!("label_replace({}, \"metric\", \"{metric}\", \"\", \"\")", aggregation(metric))
    };
    metrics.iter().map(named).collect::<Vec<_>>().join(" or ")
}

/// All questions; windows are cut to the data's `span` in seconds.
pub(super) fn questions(span: u64) -> Vec<Question> {
    let long = (12 * HOUR).min(span / HOUR * HOUR);
    let eight = (8 * HOUR).min(long);
    let eight_hosts = "hostname=~\"host_(1|12|23|34|45|56|67|78)\"";
    let mut all = suite(long, eight, eight_hosts);
    all.extend(dashboards());
    all
}

fn suite(long: u64, eight: u64, eight_hosts: &str) -> Vec<Question> {
    let max_1m = |metric: &str, hosts: &str| format!("max(max_over_time({metric}{{{hosts}}}[1m]))");
    let one = "hostname=\"host_42\"";
    let hourly = |metrics: &[&str]| {
        of_each(metrics, |metric| format!("avg by (hostname) (avg_over_time({metric}[1h]))"))
    };
    vec![
        range("single-groupby-1-1-1", max_1m("cpu_usage_user", one), HOUR, MINUTE),
        range("single-groupby-1-1-12", max_1m("cpu_usage_user", one), long, MINUTE),
        range("single-groupby-1-8-1", max_1m("cpu_usage_user", eight_hosts), HOUR, MINUTE),
        range(
            "single-groupby-5-1-12",
            of_each(&METRICS[..5], |metric| max_1m(metric, one)),
            long,
            MINUTE,
        ),
        range(
            "cpu-max-all-1",
            of_each(&METRICS, |metric| format!("max(max_over_time({metric}{{{one}}}[1h]))")),
            eight,
            HOUR,
        ),
        range(
            "cpu-max-all-8",
            of_each(&METRICS, |m| format!("max(max_over_time({m}{{{eight_hosts}}}[1h]))")),
            eight,
            HOUR,
        ),
        range("double-groupby-1", hourly(&METRICS[..1]), long, HOUR),
        range("double-groupby-5", hourly(&METRICS[..5]), long, HOUR),
        range("double-groupby-all", hourly(&METRICS), long, HOUR),
        range("high-cpu-1", "cpu_usage_user{hostname=\"host_42\"} > 90".to_owned(), long, MINUTE),
        range("high-cpu-all", "max by (hostname) (cpu_usage_user) > 90".to_owned(), long, HOUR),
        Question {
            name: "lastpoint",
            ask: Ask::Instant("last_over_time(cpu_usage_user[1h])".to_owned()),
            is_common: true,
        },
    ]
}

fn dashboards() -> Vec<Question> {
    let text = str::to_owned;
    let instant = |name, promql: &str| Question {
        name,
        ask: Ask::Instant(promql.to_owned()),
        is_common: true,
    };
    let values = |name, label, matching| Question {
        name,
        ask: Ask::Values { label, matching },
        is_common: true,
    };
    let rate = text("sum by (region, datacenter, team) (rate(disk_operations_total[5m]))");
    let quantile =
        text("histogram_quantile(0.9, sum by (le) (rate(request_duration_seconds_bucket[5m])))");
    let join = text("sum by (region) (cpu_usage_user * on (hostname) cpu_usage_system)");
    let sub = text("max_over_time(avg by (region) (cpu_usage_user)[30m:1m])");
    vec![
        rates(range("rate by three labels", rate, HOUR, MINUTE)),
        range("topk", text("topk(5, max_over_time(disk_operations_total[5m]))"), HOUR, MINUTE),
        range("quantile", text("quantile by (region) (0.9, cpu_usage_user)"), HOUR, MINUTE),
        rates(range("histogram_quantile", quantile, HOUR, MINUTE)),
        range("two-way join", join, HOUR, MINUTE),
        range("subquery", sub, HOUR, MINUTE),
        instant("all of two hosts", "{hostname=~\"host_(42|43)\"}"),
        instant("count of all", "count({__name__=~\".+\"})"),
        values("label values", "hostname", None),
        values("label values, matched", "hostname", Some("cpu_usage_user{region=\"us-east-1\"}")),
    ]
}
