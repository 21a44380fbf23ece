//! `features`: what this server can do, under the names that Prometheus has for it.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use timberline::{Feature, Features};
use timberline_promql::function_signatures;

use super::state::App;

/// Operators and aggregations that need no switch.
const OPERATORS: &[&str] = &[
    "!=",
    "!~",
    "%",
    "*",
    "+",
    "-",
    "/",
    "<",
    "<=",
    "==",
    "=~",
    ">",
    ">=",
    "@",
    "^",
    "and",
    "atan2",
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "max",
    "min",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
];

/// `GET /api/v1/features`.
pub(super) async fn features(app: App) -> Response {
    let data = described(app.config().query.features.0);
    Json(json!({"status": "success", "data": data})).into_response()
}

fn described(on: Features) -> Value {
    let trial = on.has(Feature::ExperimentalFunctions);
    let fill = on.has(Feature::FillModifiers);
    let extended = on.has(Feature::ExtendedRangeSelectors);
    json!({
        "api": {
            "admin": true,
            "exclude_alerts": true,
            "label_values_match": true,
            "lifecycle": false,
            "openapi_3.1": true,
            "openapi_3.2": false,
            "otlp_write_receiver": false,
            "query_stats": true,
            "query_warnings": true,
            "remote_write_receiver": true,
            "time_range_labels": true,
            "time_range_series": true,
        },
        "otlp_receiver": {"delta_conversion": false, "native_delta_ingestion": false},
        "prometheus": {"agent_mode": false, "auto_reload_config": false, "server_mode": true},
        "promql": {
            "anchored": extended,
            "at_modifier": true,
            "bool": true,
            "by": true,
            "delayed_name_removal": on.has(Feature::DelayedNameRemoval),
            "duration_expr": on.has(Feature::DurationExpressions),
            "fill": fill,
            "fill_left": fill,
            "fill_right": fill,
            "group_left": true,
            "group_right": true,
            "ignoring": true,
            "negative_offset": true,
            "offset": true,
            "on": true,
            "per_query_lookback_delta": true,
            "per_step_stats": true,
            "smoothed": extended,
            "start_timestamps": on.has(Feature::StartTimestamps),
            "subqueries": true,
            "type_and_unit_labels": on.has(Feature::TypeAndUnitLabels),
            "without": true,
        },
        "promql_functions": functions(trial),
        "promql_operators": operators(trial),
        "rules": {"concurrent_rule_eval": false, "keep_firing_for": false, "query_offset": false},
        "scrape": {},
        "service_discovery_providers": {},
        "templating_functions": {},
        "tsdb": {
            "delayed_compaction": false,
            "exemplar_storage": true,
            "isolation": true,
            "native_histograms": true,
            "use_uncached_io": false,
        },
        "ui": {"ui_v2": false, "ui_v3": false},
    })
}

fn functions(trial: bool) -> Map<String, Value> {
    let is_on = |experimental: bool| Value::from(!experimental || trial);
    let all = function_signatures().iter();
    all.map(|function| (function.name.to_owned(), is_on(function.experimental))).collect()
}

fn operators(trial: bool) -> Map<String, Value> {
    let stable = OPERATORS.iter().map(|name| (*name, true));
    let others = ["limitk", "limit_ratio"].into_iter().map(|name| (name, trial));
    stable.chain(others).map(|(name, is_on)| (name.to_owned(), Value::from(is_on))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_trial_is_off_until_it_is_switched_on() {
        let plain = described(Features::default());
        assert_eq!(plain["promql_functions"]["rate"], true);
        assert_eq!(plain["promql_functions"]["mad_over_time"], false);
        assert_eq!(
            (&plain["promql_operators"]["limitk"], &plain["promql"]["fill"]),
            (&json!(false), &json!(false))
        );
        let all = described(Features::all());
        assert_eq!(all["promql_functions"]["mad_over_time"], true);
        assert_eq!(
            (&all["promql_operators"]["limitk"], &all["promql"]["fill"]),
            (&json!(true), &json!(true))
        );
    }
}
