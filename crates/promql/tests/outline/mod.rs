//! Trees of both parsers as the same kind of text: everything in brackets, nothing left to precedence.

use std::time::{Duration, SystemTime};

use promql_parser::{
    label::{MatchOp, Matchers},
    parser::{self as theirs, AtModifier, LabelModifier, Offset, VectorMatchCardinality},
};
use timberline_promql::{
    Expr, ExprKind,
    ast::{At, Binary, Cardinality, DurationExpr, DurationKind, Modifiers, Selector},
};

/// Our tree.
pub(crate) fn outline_ours(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Number { value, .. } => format!("{value:?}"),
        ExprKind::String(text) => format!("{text:?}"),
        ExprKind::Selector(selector) => selector_ours(selector),
        ExprKind::Matrix { selector, range } => {
            format!("range({}, {})", selector_ours(selector), millis(range))
        }
        ExprKind::Subquery(subquery) => {
            let step = subquery.step.as_ref().map(millis);
            let (inner, range) = (outline_ours(&subquery.expr), millis(&subquery.range));
            format!("subquery({inner}, {range}, {step:?}, {})", modifiers_ours(&subquery.modifiers))
        }
        // The other parser drops the plus.
        ExprKind::Unary { negate: false, expr } => outline_ours(expr),
        ExprKind::Unary { expr, .. } => format!("neg({})", outline_ours(expr)),
        ExprKind::Binary(binary) => binary_ours(binary),
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map(outline_ours);
            // Neither written and `by ()` are the same.
            let (without, labels) = (aggregate.without, &aggregate.grouping);
            format!(
                "{}({param:?}, {}, {without} {labels:?})",
                aggregate.op,
                outline_ours(&aggregate.expr)
            )
        }
        ExprKind::Call { function, args, .. } => {
            let args: Vec<_> = args.iter().map(outline_ours).collect();
            format!("{function}{args:?}")
        }
        ExprKind::Paren(inner) => format!("({})", outline_ours(inner)),
    }
}

fn binary_ours(binary: &Binary) -> String {
    let matching = binary.matching.clone().unwrap_or_default();
    let card = match matching.cardinality {
        Cardinality::OneToOne | Cardinality::ManyToMany => "one".to_owned(),
        Cardinality::ManyToOne => format!("left {:?}", matching.include),
        Cardinality::OneToMany => format!("right {:?}", matching.include),
    };
    format!(
        "[{} {} {} {} {:?} {card} {:?} {:?} {}]",
        outline_ours(&binary.left),
        binary.op,
        binary.return_bool,
        matching.on,
        matching.labels,
        matching.fill_left,
        matching.fill_right,
        outline_ours(&binary.right)
    )
}

fn selector_ours(selector: &Selector) -> String {
    let mut matchers: Vec<_> = selector
        .matchers
        .iter()
        .map(|m| format!("{}{}{:?}", m.name(), m.op(), m.value()))
        .collect();
    matchers.sort();
    format!("{matchers:?} {}", modifiers_ours(&selector.modifiers))
}

fn modifiers_ours(modifiers: &Modifiers) -> String {
    let offset = modifiers.offset.as_ref().map(millis).unwrap_or_default();
    let at = match modifiers.at {
        None => "never".to_owned(),
        Some(At::Start) => "start".to_owned(),
        Some(At::End) => "end".to_owned(),
        Some(At::Timestamp(nanos)) => (nanos / 1_000_000).to_string(),
    };
    format!("offset {offset} at {at}")
}

fn millis(duration: &DurationExpr) -> i64 {
    match duration.kind {
        DurationKind::Literal(nanos) => nanos / 1_000_000,
        ref other => panic!("the other parser does not compute durations: {other:?}"),
    }
}

/// Their tree.
pub(crate) fn outline_theirs(expr: &theirs::Expr) -> String {
    match expr {
        theirs::Expr::NumberLiteral(number) => format!("{:?}", number.val),
        theirs::Expr::StringLiteral(text) => format!("{:?}", text.val),
        theirs::Expr::VectorSelector(selector) => selector_theirs(selector),
        theirs::Expr::MatrixSelector(matrix) => {
            format!("range({}, {})", selector_theirs(&matrix.vs), matrix.range.as_millis())
        }
        theirs::Expr::Subquery(subquery) => {
            let step = subquery.step.map(|step| step.as_millis());
            let (inner, range) = (outline_theirs(&subquery.expr), subquery.range.as_millis());
            let modifiers = modifiers_theirs(subquery.offset.as_ref(), subquery.at.as_ref());
            format!("subquery({inner}, {range}, {step:?}, {modifiers})")
        }
        theirs::Expr::Unary(unary) => format!("neg({})", outline_theirs(&unary.expr)),
        theirs::Expr::Binary(binary) => binary_theirs(binary),
        theirs::Expr::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map(|param| outline_theirs(param));
            let (without, labels) = match &aggregate.modifier {
                None => (false, Vec::new()),
                Some(LabelModifier::Include(labels)) => (false, labels.labels.clone()),
                Some(LabelModifier::Exclude(labels)) => (true, labels.labels.clone()),
            };
            let inner = outline_theirs(&aggregate.expr);
            format!("{}({param:?}, {inner}, {without} {labels:?})", aggregate.op)
        }
        theirs::Expr::Call(call) => {
            let args: Vec<_> = call.args.args.iter().map(|arg| outline_theirs(arg)).collect();
            format!("{}{args:?}", call.func.name)
        }
        theirs::Expr::Paren(paren) => format!("({})", outline_theirs(&paren.expr)),
        theirs::Expr::Extension(_) => unreachable!("the parser makes none"),
    }
}

fn binary_theirs(binary: &theirs::BinaryExpr) -> String {
    let modifier = binary.modifier.as_ref();
    let (on, labels) = match modifier.and_then(|modifier| modifier.matching.as_ref()) {
        None => (false, Vec::new()),
        Some(LabelModifier::Include(labels)) => (true, labels.labels.clone()),
        Some(LabelModifier::Exclude(labels)) => (false, labels.labels.clone()),
    };
    let card = match modifier.map(|modifier| &modifier.card) {
        None | Some(VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany) => {
            "one".to_owned()
        }
        Some(VectorMatchCardinality::ManyToOne(labels)) => format!("left {:?}", labels.labels),
        Some(VectorMatchCardinality::OneToMany(labels)) => format!("right {:?}", labels.labels),
    };
    let fill = modifier.map(|modifier| modifier.fill_values.clone()).unwrap_or_default();
    format!(
        "[{} {} {} {on} {labels:?} {card} {:?} {:?} {}]",
        outline_theirs(&binary.lhs),
        binary.op,
        modifier.is_some_and(|modifier| modifier.return_bool),
        fill.lhs,
        fill.rhs,
        outline_theirs(&binary.rhs)
    )
}

fn selector_theirs(selector: &theirs::VectorSelector) -> String {
    let Matchers { matchers, or_matchers } = &selector.matchers;
    assert!(or_matchers.is_empty(), "not in the language of Prometheus");
    let mut matchers: Vec<_> = matchers
        .iter()
        .map(|m| {
            let op = match m.op {
                MatchOp::Equal => "=",
                MatchOp::NotEqual => "!=",
                MatchOp::Re(_) => "=~",
                MatchOp::NotRe(_) => "!~",
            };
            format!("{}{op}{:?}", m.name, m.value)
        })
        .chain(selector.name.iter().map(|name| format!("__name__={name:?}")))
        .collect();
    matchers.sort();
    matchers.dedup();
    let modifiers = modifiers_theirs(selector.offset.as_ref(), selector.at.as_ref());
    format!("{matchers:?} {modifiers}")
}

fn modifiers_theirs(offset: Option<&Offset>, at: Option<&AtModifier>) -> String {
    let millis = |duration: &Duration| {
        i64::try_from(duration.as_millis()).expect("generated durations are short")
    };
    let offset = match offset {
        None => 0,
        Some(Offset::Pos(duration)) => millis(duration),
        Some(Offset::Neg(duration)) => -millis(duration),
    };
    let at = match at {
        None => "never".to_owned(),
        Some(AtModifier::Start) => "start".to_owned(),
        Some(AtModifier::End) => "end".to_owned(),
        Some(AtModifier::At(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(&after).to_string(),
            Err(before) => (-millis(&before.duration())).to_string(),
        },
    };
    format!("offset {offset} at {at}")
}
