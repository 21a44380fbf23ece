//! Durations that may be computed.

use std::fmt::{self, Display, Formatter};

use timberline_model::format_duration;

use crate::ast::{DurationExpr, DurationKind};

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal(nanos) => f.write_str(&format_duration(*nanos)),
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::Negate(inner) => write!(f, "-{inner}"),
            DurationKind::Binary { op, left, right } => {
                write!(f, "{left} {} {right}", op.as_str())
            }
            DurationKind::MinOf(a, b) => write!(f, "min_of({a}, {b})"),
            DurationKind::MaxOf(a, b) => write!(f, "max_of({a}, {b})"),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}
