//! The tree of a query as JSON, in the shape that Prometheus' `parse_query` gives it.

use serde_json::{Value, json};
use timberline_model::{METRIC_NAME, Matcher, NANOS_PER_MILLI, NANOS_PER_SECOND};
use timberline_promql::{
    Expr, ExprKind, ValueType,
    ast::{
        Aggregate, At, Binary, Cardinality, DurationExpr, DurationKind, DurationOp, Matching,
        RangeExtension, Selector, Subquery,
    },
    function_signature,
};

/// The tree. Its height is bounded by the parser, so recursion is.
pub(super) fn tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number { value, .. } => json!({"type": "numberLiteral", "val": number(*value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Selector(selector) => selected("vectorSelector", selector, None),
        ExprKind::Matrix { selector, range } => {
            selected("matrixSelector", selector, Some(millis(Some(range))))
        }
        ExprKind::Subquery(inner) => subquery(inner),
        ExprKind::Unary { negate, expr } => {
            json!({"type": "unaryExpr", "op": if *negate { "-" } else { "+" }, "expr": tree(expr)})
        }
        ExprKind::Binary(inner) => binary(inner),
        ExprKind::Aggregate(inner) => aggregate(inner),
        ExprKind::Call { function, args, .. } => call(function, args),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": tree(inner)}),
    }
}

fn selected(kind: &str, selector: &Selector, range: Option<i64>) -> Value {
    let Selector { name, matchers, extension, modifiers } = selector;
    let (timestamp, start_or_end) = fixed(modifiers.at);
    let mut node = json!({
        "type": kind,
        "name": name.as_deref().unwrap_or(""),
        "offset": millis(modifiers.offset.as_ref()),
        "matchers": listed(name.is_some(), matchers),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
        "anchored": *extension == RangeExtension::Anchored,
        "smoothed": *extension == RangeExtension::Smoothed,
    });
    if let Some(range) = range {
        node["range"] = json!(range);
    }
    node
}

/// Matchers as they are written; that of the metric's name last, if it stands before the braces.
fn listed(named: bool, matchers: &[Matcher]) -> Vec<Value> {
    let is_name = |matcher: &&Matcher| named && matcher.name() == METRIC_NAME;
    let (names, others): (Vec<_>, Vec<_>) = matchers.iter().partition(is_name);
    let one = |matcher: &Matcher| {
        json!({
            "name": matcher.name(),
            "value": matcher.value(),
            "type": matcher.op().to_string(),
        })
    };
    others.into_iter().chain(names).map(one).collect()
}

fn subquery(subquery: &Subquery) -> Value {
    let (timestamp, start_or_end) = fixed(subquery.modifiers.at);
    json!({
        "type": "subquery",
        "expr": tree(&subquery.expr),
        "range": millis(Some(&subquery.range)),
        "offset": millis(subquery.modifiers.offset.as_ref()),
        "step": millis(subquery.step.as_ref()),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
    })
}

/// The time of an `@`: in milliseconds, or by name.
fn fixed(at: Option<At>) -> (Option<i64>, Option<&'static str>) {
    match at {
        None => (None, None),
        Some(At::Timestamp(ts)) => (Some(ts.div_euclid(NANOS_PER_MILLI)), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
    }
}

fn binary(binary: &Binary) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.to_string(),
        "lhs": tree(&binary.left),
        "rhs": tree(&binary.right),
        "matching": binary.matching.as_ref().map(matching),
        "bool": binary.return_bool,
    })
}

fn matching(matching: &Matching) -> Value {
    let cardinality = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": cardinality,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    })
}

fn aggregate(aggregate: &Aggregate) -> Value {
    json!({
        "type": "aggregation",
        "op": aggregate.op.to_string(),
        "expr": tree(&aggregate.expr),
        "param": aggregate.param.as_ref().map(tree),
        "grouping": aggregate.grouping,
        "without": aggregate.without,
    })
}

fn call(function: &str, args: &[Expr]) -> Value {
    let signature = function_signature(function);
    let types: Vec<&str> =
        signature.map_or(&[][..], |s| s.args).iter().copied().map(type_name).collect();
    // As Prometheus says it: how many arguments more than the least; -1 for any number.
    let variadic = signature.map_or(0, |s| match s.args_max {
        Some(max) => i64::try_from(max - s.args_min).unwrap_or(i64::MAX),
        None => -1,
    });
    json!({
        "type": "call",
        "func": {
            "name": function,
            "argTypes": types,
            "variadic": variadic,
            "returnType": signature.map_or("vector", |s| type_name(s.returns)),
        },
        "args": args.iter().map(tree).collect::<Vec<_>>(),
    })
}

const fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
    }
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

/// A duration in milliseconds: 0 where there is none, or where it depends on the query's range or step.
fn millis(duration: Option<&DurationExpr>) -> i64 {
    duration.and_then(seconds).map_or(0, |seconds| (seconds * 1_000.0).round() as i64)
}

fn seconds(duration: &DurationExpr) -> Option<f64> {
    Some(match &duration.kind {
        DurationKind::Literal(nanos) => *nanos as f64 / NANOS_PER_SECOND as f64,
        DurationKind::Step | DurationKind::Range => return None,
        DurationKind::Negate(inner) => -seconds(inner)?,
        DurationKind::Paren(inner) => seconds(inner)?,
        DurationKind::MinOf(a, b) => seconds(a)?.min(seconds(b)?),
        DurationKind::MaxOf(a, b) => seconds(a)?.max(seconds(b)?),
        DurationKind::Binary { op, left, right } => {
            let (left, right) = (seconds(left)?, seconds(right)?);
            match op {
                DurationOp::Add => left + right,
                DurationOp::Sub => left - right,
                DurationOp::Mul => left * right,
                DurationOp::Div => left / right,
                DurationOp::Mod => left % right,
                DurationOp::Pow => left.powf(right),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        tree(&timberline_promql::parse(text).unwrap())
    }

    #[test]
    fn selectors_have_their_matchers_and_modifiers() {
        assert_eq!(
            parsed(r#"up{job=~"a|b",x!="y"} offset -1h30m @ 1.5"#),
            json!({
                "type": "vectorSelector",
                "name": "up",
                "offset": -5_400_000,
                "matchers": [
                    {"name": "job", "value": "a|b", "type": "=~"},
                    {"name": "x", "value": "y", "type": "!="},
                    {"name": "__name__", "value": "up", "type": "="},
                ],
                "timestamp": 1_500,
                "startOrEnd": null,
                "anchored": false,
                "smoothed": false,
            })
        );
        let matrix = parsed("rate(up[5m + 30s] @ end())")["args"][0].clone();
        assert_eq!(matrix["type"], "matrixSelector");
        assert_eq!(matrix["range"], 330_000);
        assert_eq!(matrix["startOrEnd"], "end");
        let subquery = parsed("max_over_time(up[1h:1m] offset 5s)")["args"][0].clone();
        assert_eq!((&subquery["range"], &subquery["step"]), (&json!(3_600_000), &json!(60_000)));
        assert_eq!(subquery["offset"], 5_000);
    }

    #[test]
    fn operators_and_aggregations_have_their_parts() {
        let node = parsed("sum without (a) (x * on (b) group_left (c) y) > bool -Inf");
        assert_eq!(node["type"], "binaryExpr");
        assert_eq!((&node["op"], &node["bool"]), (&json!(">"), &json!(true)));
        assert_eq!(node["matching"], Value::Null);
        assert_eq!(node["rhs"], json!({"type": "numberLiteral", "val": "-Inf"}));
        assert_eq!(parsed("-up")["op"], "-");
        let sum = &node["lhs"];
        assert_eq!((&sum["op"], &sum["without"]), (&json!("sum"), &json!(true)));
        assert_eq!((&sum["grouping"], &sum["param"]), (&json!(["a"]), &Value::Null));
        assert_eq!(
            sum["expr"]["matching"],
            json!({
                "card": "many-to-one",
                "labels": ["b"],
                "on": true,
                "include": ["c"],
                "fillValues": {"lhs": null, "rhs": null},
            })
        );
        assert_eq!(parsed("topk(3, x)")["param"]["val"], "3");
        assert_eq!(parsed("(x or y)")["expr"]["matching"]["card"], "many-to-many");
    }

    #[test]
    fn calls_have_their_signatures() {
        assert_eq!(
            parsed("round(up, 0.5)")["func"],
            json!({
                "name": "round",
                "argTypes": ["vector", "scalar"],
                "variadic": 1,
                "returnType": "vector",
            })
        );
        assert_eq!(parsed("label_join(up, 'a', 'b')")["func"]["variadic"], -1);
        assert_eq!(parsed("time()")["func"]["returnType"], "scalar");
        assert_eq!(parsed("count_values('v', up)")["param"]["type"], "stringLiteral");
    }
}
