//! Trees to text: canonical PromQL that parses to the same tree again.
//!
//! One line, single spaces, lower-case keywords, labels and names quoted where they must be. Operators
//! get no parentheses of their own: the tree keeps those that were written, and no parsed tree needs
//! others.

mod duration;
mod pretty;

use std::fmt::{self, Display, Formatter};

use timberline_model::{METRIC_NAME, Matcher, format_duration};

use crate::{
    ast::{
        Aggregate, At, Binary, BinaryOp, Cardinality, Expr, ExprKind, Matching, Modifiers,
        RangeExtension, Selector, Subquery,
    },
    parser::{is_metric_word, nanos_of_seconds, seconds_of_nanos},
    quote::{is_plain_label, quote},
};

/// Without a sign.
const INFINITY: &str = "Inf";

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number { value, is_duration } => write_number(f, *value, *is_duration),
            ExprKind::String(text) => f.write_str(&quote(text)),
            ExprKind::Selector(selector) => {
                write!(f, "{}{}{}", Bare(selector), selector.extension, selector.modifiers)
            }
            ExprKind::Matrix { selector, range } => {
                let (extension, modifiers) = (selector.extension, &selector.modifiers);
                write!(f, "{}[{range}]{extension}{modifiers}", Bare(selector))
            }
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, subquery.suffix())
            }
            ExprKind::Unary { negate, expr } => {
                write!(f, "{}{expr}", if *negate { '-' } else { '+' })
            }
            ExprKind::Binary(binary) => write!(f, "{binary}"),
            ExprKind::Aggregate(aggregate) => write!(f, "{aggregate}"),
            ExprKind::Call { function, args, .. } => {
                write!(f, "{function}(")?;
                write_list(f, args)?;
                f.write_str(")")
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.base(), self.operator(), self.right)
    }
}

impl Binary {
    /// The left side.
    fn base(&self) -> impl Display {
        fmt::from_fn(|f| match self.is_infinity_to_a_power() {
            true => f.write_str(INFINITY),
            false => write!(f, "{}", self.left),
        })
    }

    /// A sign before a power is the power's: infinity has none there.
    fn is_infinity_to_a_power(&self) -> bool {
        let ExprKind::Number { value, .. } = self.left.kind else { return false };
        value == f64::INFINITY && self.op == BinaryOp::Pow
    }

    /// The operator and what belongs to it.
    fn operator(&self) -> impl Display {
        fmt::from_fn(|f| {
            write!(f, "{}", self.op)?;
            if self.return_bool {
                f.write_str(" bool")?;
            }
            match &self.matching {
                Some(matching) => write!(f, "{matching}"),
                None => Ok(()),
            }
        })
    }
}

impl Subquery {
    /// What stands after the expression.
    fn suffix(&self) -> impl Display {
        fmt::from_fn(|f| {
            write!(f, "[{}:", self.range)?;
            if let Some(step) = &self.step {
                write!(f, "{step}")?;
            }
            write!(f, "]{}", self.modifiers)
        })
    }
}

impl Display for Matching {
    /// With a space before each part; nothing where all is as it is by default.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.cardinality {
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
        };
        if self.on || group.is_some() || !self.labels.is_empty() {
            f.write_str(if self.on { " on (" } else { " ignoring (" })?;
            write_labels(f, &self.labels)?;
            f.write_str(")")?;
        }
        if let Some(group) = group {
            write!(f, " {group} (")?;
            write_labels(f, &self.include)?;
            f.write_str(")")?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
                write!(f, " fill ({})", Number(left))
            }
            (left, right) => {
                for (name, value) in [("fill_left", left), ("fill_right", right)] {
                    if let Some(value) = value {
                        write!(f, " {name} ({})", Number(value))?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.head())?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Aggregate {
    /// The aggregation and its grouping, with a blank after the latter.
    fn head(&self) -> impl Display {
        fmt::from_fn(|f| {
            write!(f, "{}", self.op)?;
            if self.without || !self.grouping.is_empty() {
                f.write_str(if self.without { " without (" } else { " by (" })?;
                write_labels(f, &self.grouping)?;
                f.write_str(") ")?;
            }
            Ok(())
        })
    }
}

/// A selector without what follows its matchers.
struct Bare<'a>(&'a Selector);

impl Display for Bare<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Selector { name, matchers, .. } = self.0;
        let is_name = |m: &&Matcher| m.name() == METRIC_NAME;
        // A name before the braces allows no other matcher on the name.
        let is_plain = |name: &&String| {
            is_metric_word(name) && matchers.iter().filter(is_name).nth(1).is_none()
        };
        let plain = name.as_ref().filter(is_plain);
        f.write_str(plain.map_or("", String::as_str))?;
        let rest = &matchers[usize::from(name.is_some())..];
        if plain.is_some() && rest.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        let mut separator = "";
        if let (Some(name), None) = (name, plain) {
            f.write_str(&quote(name))?;
            separator = ",";
        }
        for matcher in rest {
            f.write_str(separator)?;
            write_label(f, matcher.name())?;
            write!(f, "{}{}", matcher.op(), quote(matcher.value()))?;
            separator = ",";
        }
        f.write_str("}")
    }
}

impl Display for RangeExtension {
    /// With a space before it, if it is anything.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "",
            Self::Anchored => " anchored",
            Self::Smoothed => " smoothed",
        })
    }
}

impl Display for Modifiers {
    /// With a space before each of them.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, " @ {at}")?;
        }
        if let Some(offset) = &self.offset {
            write!(f, " offset {offset}")?;
        }
        Ok(())
    }
}

impl Display for At {
    /// Seconds with three decimals, or as many as it takes; `start()`, `end()`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanos = match self {
            Self::Start => return f.write_str("start()"),
            Self::End => return f.write_str("end()"),
            Self::Timestamp(nanos) => *nanos,
        };
        let sign = if nanos < 0 { "-" } else { "" };
        let (whole, rest) =
            (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
        let decimals = format!("{rest:09}");
        let (milli, finer) = decimals.split_at(3);
        write!(f, "{sign}{whole}.{milli}{}", finer.trim_end_matches('0'))
    }
}

/// A number as the lexer reads it.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        // Large and small numbers would be hundreds of digits otherwise.
        let magnitude = value.abs();
        if magnitude != 0.0 && !(1e-7..1e21).contains(&magnitude) {
            return write!(f, "{value:e}");
        }
        write!(f, "{value}")
    }
}

fn write_number(f: &mut Formatter<'_>, value: f64, is_duration: bool) -> fmt::Result {
    let seconds = value.abs();
    // The seconds of the longest duration are rounded up, to what is out of range.
    let nanos = nanos_of_seconds(seconds).unwrap_or(i64::MAX);
    if is_duration && seconds_of_nanos(nanos) == seconds {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        write!(f, "{sign}{}", format_duration(nanos))
    } else {
        write!(f, "{}", Number(value))
    }
}

fn write_list<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

fn write_labels(f: &mut Formatter<'_>, labels: &[String]) -> fmt::Result {
    for (index, label) in labels.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        write_label(f, label)?;
    }
    Ok(())
}

fn write_label(f: &mut Formatter<'_>, label: &str) -> fmt::Result {
    if is_plain_label(label) { f.write_str(label) } else { f.write_str(&quote(label)) }
}
