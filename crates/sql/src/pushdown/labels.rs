//! Conditions on labels as matchers.
//!
//! SQL sees NULL where a series has no label of a name, and a comparison with NULL is never true; a matcher
//! sees the empty value there. As no label has the empty value, a matcher `!= ""` beside another makes up
//! for the difference.

use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Like, Operator, expr::InList},
};
use timberline_model::{METRIC_NAME, MatchOp, Matcher};

use crate::tables::{Layout, Source};

/// Matchers that all series pass that pass a condition.
#[derive(Debug, Default)]
pub(crate) struct Matchers {
    pub(crate) matchers: Vec<Matcher>,
    /// Whether no other series pass them.
    pub(crate) is_exact: bool,
}

impl Matchers {
    fn exact(matchers: Vec<Matcher>) -> Self {
        Self { matchers, is_exact: true }
    }

    /// The values of one label that pass, as a regular expression, if this is all that they say of it.
    fn values_of(&self, label: &str) -> Option<String> {
        let mut found = self.matchers.iter().filter(|matcher| matcher.name() == label);
        let pattern = match found.next()? {
            matcher if matcher.matches_empty() => return None,
            matcher if matcher.op() == MatchOp::Equal => regex_of_text(matcher.value()),
            matcher if matcher.op() == MatchOp::Regex => matcher.value().to_owned(),
            _ => return None,
        };
        Some(pattern)
    }
}

/// The matchers of a condition. Without any, it says nothing that a matcher can.
pub(crate) fn matchers_of(layout: &Layout, condition: &Expr) -> Matchers {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let (mut left, right) = (matchers_of(layout, left), matchers_of(layout, right));
            left.matchers.extend(right.matchers);
            left.is_exact &= right.is_exact;
            left
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            either(&matchers_of(layout, left), &matchers_of(layout, right))
        }
        Expr::Alias(alias) => matchers_of(layout, &alias.expr),
        _ => leaf(layout, condition).map_or_else(Matchers::default, Matchers::exact),
    }
}

/// What passes one or the other: known where both say which values of one label pass.
fn either(left: &Matchers, right: &Matchers) -> Matchers {
    for matcher in &left.matchers {
        let label = matcher.name();
        let (Some(a), Some(b)) = (left.values_of(label), right.values_of(label)) else { continue };
        let Ok(union) = Matcher::new(label, MatchOp::Regex, format!("(?:{a})|(?:{b})")) else {
            continue;
        };
        let alone = |side: &Matchers| side.is_exact && side.matchers.len() == 1;
        return Matchers { matchers: vec![union], is_exact: alone(left) && alone(right) };
    }
    Matchers::default()
}

/// One comparison.
fn leaf(layout: &Layout, condition: &Expr) -> Option<Vec<Matcher>> {
    match condition {
        Expr::IsNull(of) => Some(vec![Matcher::equal(label_of(layout, of)?, "")]),
        Expr::IsNotNull(of) => Some(vec![not_empty(label_of(layout, of)?)]),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            match (label_of(layout, left), text_of(right)) {
                (Some(label), Some(text)) => compare(label, *op, &text),
                _ => compare(label_of(layout, right)?, op.swap()?, &text_of(left)?),
            }
        }
        Expr::InList(InList { expr, list, negated }) => {
            let label = label_of(layout, expr)?;
            let texts = list.iter().map(text_of).collect::<Option<Vec<_>>>()?;
            let patterns: Vec<String> = texts.iter().map(|text| regex_of_text(text)).collect();
            regex(label, *negated, &patterns.join("|"))
        }
        Expr::Like(Like { negated, expr, pattern, escape_char, case_insensitive: false }) => {
            let pattern = regex_of_like(&text_of(pattern)?, escape_char.unwrap_or('\\'));
            regex(label_of(layout, expr)?, *negated, &pattern)
        }
        Expr::ScalarFunction(call) if call.name() == "regexp_like" => match call.args.as_slice() {
            [of, pattern] => {
                compare(label_of(layout, of)?, Operator::RegexMatch, &text_of(pattern)?)
            }
            _ => None,
        },
        Expr::ScalarFunction(call) if call.name() == "starts_with" => match call.args.as_slice() {
            [of, text] => {
                let pattern = format!("{}.*", regex_of_text(&text_of(text)?));
                regex(label_of(layout, of)?, false, &pattern)
            }
            _ => None,
        },
        _ => None,
    }
}

fn compare<'a>(label: &'a str, op: Operator, text: &str) -> Option<Vec<Matcher>> {
    // No label has the empty value.
    let nothing = |label: &'a str| vec![Matcher::equal(label, ""), not_empty(label)];
    match op {
        Operator::Eq if text.is_empty() => Some(nothing(label)),
        Operator::Eq => Some(vec![Matcher::equal(label, text)]),
        Operator::NotEq => {
            let other = Matcher::new(label, MatchOp::NotEqual, text).ok()?;
            Some(vec![other, not_empty(label)])
        }
        Operator::RegexMatch => regex(label, false, &anywhere("-s", text)),
        Operator::RegexNotMatch => regex(label, true, &anywhere("-s", text)),
        Operator::RegexIMatch => regex(label, false, &anywhere("i-s", text)),
        Operator::RegexNotIMatch => regex(label, true, &anywhere("i-s", text)),
        _ => None,
    }
}

/// SQL looks for an expression anywhere in a text, and `.` is no line's end; a matcher's is anchored.
fn anywhere(flags: &str, pattern: &str) -> String {
    format!("(?s:.*)(?{flags}:{pattern})(?s:.*)")
}

/// `None` where the expression does not compile: whoever evaluates it says so.
fn regex(label: &str, negated: bool, pattern: &str) -> Option<Vec<Matcher>> {
    let op = if negated { MatchOp::NotRegex } else { MatchOp::Regex };
    let matcher = Matcher::new(label, op, pattern).ok()?;
    let mut matchers = vec![matcher];
    if matchers[0].matches_empty() {
        matchers.push(not_empty(label));
    }
    Some(matchers)
}

fn not_empty(label: &str) -> Matcher {
    Matcher::new(label, MatchOp::NotEqual, "").unwrap_or_else(|_| Matcher::equal(label, ""))
}

/// The label that an expression is: a column of one, or `tags['host']`.
pub(crate) fn label_of<'a>(layout: &'a Layout, expression: &'a Expr) -> Option<&'a str> {
    match expression {
        Expr::Column(column) => layout.source(&column.name)?.label(),
        Expr::Cast(cast) if is_text(cast.field.data_type()) => label_of(layout, &cast.expr),
        Expr::Alias(alias) => label_of(layout, &alias.expr),
        Expr::ScalarFunction(call) if call.name() == "get_field" => match call.args.as_slice() {
            [Expr::Column(column), Expr::Literal(key, _)]
                if layout.source(&column.name) == Some(&Source::Tags) =>
            {
                let key = key.try_as_str().flatten()?;
                (key != METRIC_NAME && !key.is_empty()).then_some(key)
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_text(of: &arrow::datatypes::DataType) -> bool {
    use arrow::datatypes::DataType;
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The text of a literal that is one, and not NULL.
fn text_of(expression: &Expr) -> Option<String> {
    fn of(value: &ScalarValue) -> Option<String> {
        match value {
            ScalarValue::Dictionary(_, value) => of(value),
            other => other.try_as_str().flatten().map(str::to_owned),
        }
    }
    match expression {
        Expr::Literal(value, _) => of(value),
        _ => None,
    }
}

/// The regular expression of one text.
fn regex_of_text(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    text.chars().for_each(|c| push_char(&mut pattern, c));
    pattern
}

fn push_char(pattern: &mut String, c: char) {
    if r"\.+*?()|[]{}^$#&-~/".contains(c) {
        pattern.push('\\');
    }
    pattern.push(c);
}

/// The regular expression of a `LIKE` pattern: `%` is anything, `_` is one character.
fn regex_of_like(like: &str, escape: char) -> String {
    let mut pattern = String::with_capacity(like.len() + 8);
    let mut chars = like.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == escape => push_char(&mut pattern, chars.next().unwrap_or(escape)),
            '%' => pattern.push_str(".*"),
            '_' => pattern.push('.'),
            c => push_char(&mut pattern, c),
        }
    }
    pattern
}
