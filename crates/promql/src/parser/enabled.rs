//! Refuses what is not switched on, in a tree that is otherwise fine.

use crate::{
    ast::{Aggregate, AggregateOp, DurationExpr, DurationKind, Expr, ExprKind, Modifiers},
    ast::{RangeExtension, Selector, Span},
    features::{Feature, Features},
    functions::function_signature,
    parser::{cursor::Parsed, error::ParseError},
    quote::quote,
};

/// Checks a tree made of a text.
pub(super) fn check(text: &str, expr: &Expr, features: Features) -> Parsed<()> {
    if features == Features::all() { Ok(()) } else { Enabled { text, features }.check(expr) }
}

struct Enabled<'a> {
    text: &'a str,
    features: Features,
}

impl Enabled<'_> {
    fn check(&self, expr: &Expr) -> Parsed<()> {
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::String(_) => Ok(()),
            ExprKind::Selector(selector) => self.check_selector(selector, expr.span),
            ExprKind::Matrix { selector, range } => {
                self.check_selector(selector, expr.span)?;
                self.check_duration(range)
            }
            ExprKind::Subquery(subquery) => {
                self.check_duration(&subquery.range)?;
                subquery.step.as_ref().map_or(Ok(()), |step| self.check_duration(step))?;
                self.check_modifiers(&subquery.modifiers)?;
                self.check(&subquery.expr)
            }
            ExprKind::Unary { expr, .. } | ExprKind::Paren(expr) => self.check(expr),
            ExprKind::Binary(binary) => {
                let matching = binary.matching.as_ref();
                if matching.is_some_and(|m| m.fill_left.is_some() || m.fill_right.is_some()) {
                    let message = "binop fill modifiers are experimental and not enabled";
                    self.need(Feature::FillModifiers, expr.span, || message.to_owned())?;
                }
                self.check(&binary.left)?;
                self.check(&binary.right)
            }
            ExprKind::Aggregate(aggregate) => {
                self.check_aggregation(aggregate, expr.span)?;
                aggregate.param.as_ref().map_or(Ok(()), |param| self.check(param))?;
                self.check(&aggregate.expr)
            }
            ExprKind::Call { function, name_span, args } => {
                if function_signature(function).is_some_and(|signature| signature.experimental) {
                    let message = || format!("function {} is not enabled", quote(function));
                    self.need(Feature::ExperimentalFunctions, *name_span, message)?;
                }
                args.iter().try_for_each(|arg| self.check(arg))
            }
        }
    }

    fn check_selector(&self, selector: &Selector, span: Span) -> Parsed<()> {
        let modifier = match selector.extension {
            RangeExtension::None => return self.check_modifiers(&selector.modifiers),
            RangeExtension::Anchored => "anchored",
            RangeExtension::Smoothed => "smoothed",
        };
        let message = || format!("{modifier} modifier is experimental and not enabled");
        self.need(Feature::ExtendedRangeSelectors, span, message)?;
        self.check_modifiers(&selector.modifiers)
    }

    fn check_modifiers(&self, modifiers: &Modifiers) -> Parsed<()> {
        modifiers.offset.as_ref().map_or(Ok(()), |offset| self.check_duration(offset))
    }

    fn check_duration(&self, duration: &DurationExpr) -> Parsed<()> {
        if matches!(duration.kind, DurationKind::Literal(_)) {
            return Ok(());
        }
        let message = "experimental duration expression is not enabled";
        self.need(Feature::DurationExpressions, duration.span, || message.to_owned())
    }

    fn check_aggregation(&self, aggregate: &Aggregate, span: Span) -> Parsed<()> {
        if !matches!(aggregate.op, AggregateOp::LimitK | AggregateOp::LimitRatio) {
            return Ok(());
        }
        let feature = Feature::ExperimentalFunctions;
        let op = aggregate.op.as_str();
        let message = || {
            format!("{op}() is experimental and must be enabled with --enable-feature={feature}")
        };
        self.need(feature, span, message)
    }

    fn need(&self, feature: Feature, span: Span, message: impl Fn() -> String) -> Parsed<()> {
        if self.features.has(feature) {
            return Ok(());
        }
        Err(ParseError::new(self.text, span, message()))
    }
}
