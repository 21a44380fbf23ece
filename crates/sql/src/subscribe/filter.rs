//! `WHERE` and `HAVING`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};
use timberline_model::{MatchOp, Matcher};

use super::{
    condition::{Comparison, Condition},
    literal,
    plan::Having,
    select::{Column, Table, aggregate, column, refuse},
    stats::Aggregate,
};
use crate::SqlError;

/// What `WHERE` asks for.
pub(super) fn condition(expr: &Expr, table: &Table) -> Result<Condition, SqlError> {
    match expr {
        Expr::Nested(inner) => condition(inner, table),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(not(condition(expr, table)?)),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Ok(Condition::And(vec![condition(left, table)?, condition(right, table)?]))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Ok(Condition::Or(vec![condition(left, table)?, condition(right, table)?]))
        }
        Expr::BinaryOp { left, op, right } => compare(expr, left, op, right, table),
        Expr::InList { expr: of, list, negated } => {
            let mut any = Vec::new();
            for value in list {
                any.push(compare(expr, of, &BinaryOperator::Eq, value, table)?);
            }
            Ok(negate(Condition::Or(any), *negated))
        }
        Expr::Between { expr: of, negated, low, high } => {
            let low = compare(expr, of, &BinaryOperator::GtEq, low, table)?;
            let high = compare(expr, of, &BinaryOperator::LtEq, high, table)?;
            Ok(negate(Condition::And(vec![low, high]), *negated))
        }
        Expr::Like { negated, any: false, expr: of, pattern, escape_char: None } => {
            Ok(negate(like(expr, of, pattern, "(?s)", table)?, *negated))
        }
        Expr::ILike { negated, any: false, expr: of, pattern, escape_char: None } => {
            Ok(negate(like(expr, of, pattern, "(?is)", table)?, *negated))
        }
        Expr::IsNull(of) => is_null(expr, of, table),
        Expr::IsNotNull(of) => Ok(not(is_null(expr, of, table)?)),
        other => Err(refuse(other, &format!("{other}"))),
    }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn negate(condition: Condition, negated: bool) -> Condition {
    if negated { not(condition) } else { condition }
}

fn is_null(whole: &Expr, of: &Expr, table: &Table) -> Result<Condition, SqlError> {
    match column(of, table)? {
        Column::Label(name) => Ok(Condition::LabelIsNull(name)),
        _ => Err(refuse(whole, &format!("{whole}"))),
    }
}

fn compare(
    whole: &Expr,
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    table: &Table,
) -> Result<Condition, SqlError> {
    if let Some(condition) = regex(whole, left, op, right, table)? {
        return Ok(condition);
    }
    let comparison = comparison(op).ok_or_else(|| refuse(whole, &format!("the operator {op}")))?;
    let is_constant = literal::text(left).is_some() || literal::number(left).is_some();
    let (of, constant, comparison) =
        if is_constant { (right, left, comparison.turned()) } else { (left, right, comparison) };
    match column(of, table)? {
        Column::Time => Ok(Condition::Time(comparison, literal::instant(constant)?)),
        Column::Value => match literal::number(constant) {
            Some(number) => Ok(Condition::Value(comparison, number)),
            None => Err(refuse(constant, "comparing value with anything but a number")),
        },
        Column::Label(name) => {
            let Some(text) = literal::text(constant) else {
                return Err(refuse(constant, "comparing a label with anything but a text"));
            };
            let op = match comparison {
                Comparison::Equal => MatchOp::Equal,
                Comparison::NotEqual => MatchOp::NotEqual,
                _ => return Err(refuse(whole, "an order of labels")),
            };
            matcher(whole, &name, op, text)
        }
        Column::Tags => Err(refuse(whole, "comparing tags as a whole")),
    }
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// `~` and its kin, which look for a place within the text.
fn regex(
    whole: &Expr,
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    table: &Table,
) -> Result<Option<Condition>, SqlError> {
    let (flags, negated) = match op {
        BinaryOperator::PGRegexMatch => ("(?s)", false),
        BinaryOperator::PGRegexIMatch => ("(?is)", false),
        BinaryOperator::PGRegexNotMatch => ("(?s)", true),
        BinaryOperator::PGRegexNotIMatch => ("(?is)", true),
        _ => return Ok(None),
    };
    let (Column::Label(name), Some(text)) = (column(left, table)?, literal::text(right)) else {
        return Err(refuse(whole, "a pattern of anything but a label"));
    };
    let found = matcher(whole, &name, MatchOp::Regex, &format!("{flags}.*(?:{text}).*"))?;
    Ok(Some(negate(found, negated)))
}

fn like(
    whole: &Expr,
    of: &Expr,
    pattern: &Expr,
    flags: &str,
    table: &Table,
) -> Result<Condition, SqlError> {
    let (Column::Label(name), Some(text)) = (column(of, table)?, literal::text(pattern)) else {
        return Err(refuse(whole, "a pattern of anything but a label"));
    };
    let mut expression = flags.to_owned();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => expression.push_str(".*"),
            '_' => expression.push('.'),
            '\\' => push_plain(&mut expression, characters.next().unwrap_or('\\')),
            plain => push_plain(&mut expression, plain),
        }
    }
    matcher(whole, &name, MatchOp::Regex, &expression)
}

fn push_plain(expression: &mut String, character: char) {
    if character.is_ascii_punctuation() {
        expression.push('\\');
    }
    expression.push(character);
}

fn matcher(whole: &Expr, name: &str, op: MatchOp, value: &str) -> Result<Condition, SqlError> {
    let matcher = Matcher::new(name, op, value);
    matcher.map(Condition::Label).map_err(|error| refuse(whole, &error.to_string()))
}

/// What `HAVING` asks for: comparisons of aggregates or their names with numbers.
pub(super) fn having(
    expr: &Expr,
    table: &Table,
    aliased: &dyn Fn(&str) -> Option<Aggregate>,
) -> Result<Having, SqlError> {
    match expr {
        Expr::Nested(inner) => having(inner, table, aliased),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let parts = vec![having(left, table, aliased)?, having(right, table, aliased)?];
            Ok(Having::And(parts))
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            let parts = vec![having(left, table, aliased)?, having(right, table, aliased)?];
            Ok(Having::Or(parts))
        }
        Expr::BinaryOp { left, op, right } => {
            let (Some(comparison), Some(number)) = (comparison(op), literal::number(right)) else {
                return Err(refuse(
                    expr,
                    "HAVING with anything but aggregates compared with numbers",
                ));
            };
            let found = match left.as_ref() {
                Expr::Identifier(ident) => aliased(&ident.value)
                    .ok_or_else(|| refuse(left.as_ref(), &format!("HAVING by {ident}")))?,
                Expr::Function(function) => {
                    let name = function.name.to_string().to_ascii_lowercase();
                    aggregate(left, &name, &literal::arguments(function)?, table)?
                }
                other => return Err(refuse(other, &format!("HAVING by {other}"))),
            };
            Ok(Having::Compare(found, comparison, number))
        }
        other => Err(refuse(other, &format!("HAVING by {other}"))),
    }
}
