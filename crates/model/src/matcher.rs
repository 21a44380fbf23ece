//! Matchers: how a query says which series it means.

use std::fmt;

use regex::Regex;
use regex_syntax::hir::{Hir, HirKind};

use self::wildcard::{Wildcard, prefix};
use crate::{ErrorKind, Labels};

mod wildcard;

/// Alternatives that a regular expression may unfold to and still be looked up value by value.
const LITERALS_MAX: usize = 256;
/// Memory that one compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// A condition on one label. An absent label counts as the empty value.
///
/// Regular expressions are anchored at both ends and `.` matches newlines, as Prometheus 3 has it.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    expression: Option<Expression>,
}

/// A regular expression, and what is known of it.
#[derive(Clone, Debug)]
struct Expression {
    regex: Regex,
    /// All values that pass, if they are few.
    literals: Option<Vec<String>>,
    /// The same expression, where it is so simple.
    wildcard: Option<Wildcard>,
    /// What all values that pass begin with.
    prefix: String,
}

/// Why a matcher cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatcherError {
    /// A regular expression that does not compile.
    #[error("invalid regular expression {pattern:?} for label {name:?}: {reason}")]
    BadRegex {
        /// The label.
        name: String,
        /// The expression.
        pattern: String,
        /// The compiler's words.
        reason: String,
    },
}

impl MatcherError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

impl Matcher {
    /// Makes a matcher, compiling a regular expression if it is one.
    ///
    /// # Errors
    /// A regular expression that does not compile or is too large.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let expression = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                let bad = |reason: String| MatcherError::BadRegex {
                    name: name.clone(),
                    pattern: value.clone(),
                    reason,
                };
                let hir = regex_syntax::ParserBuilder::new()
                    .dot_matches_new_line(true)
                    .build()
                    .parse(&value)
                    .map_err(|error| bad(error.to_string()))?;
                let regex = regex::RegexBuilder::new(&format!("^(?s:{value})$"))
                    .size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|error| bad(error.to_string()))?;
                let (wildcard, prefix) = (Wildcard::of(&hir), prefix(&hir));
                Some(Expression { regex, literals: literals(&hir), wildcard, prefix })
            }
        };
        Ok(Self { name, op, value, expression })
    }

    /// A matcher for one value exactly.
    #[must_use]
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        Self { name, op: MatchOp::Equal, value, expression: None }
    }

    /// The label's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The comparison.
    #[must_use]
    pub const fn op(&self) -> MatchOp {
        self.op
    }

    /// The value or regular expression, as given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a value passes. Pass the empty string for an absent label.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => self.regex_matches(value),
            MatchOp::NotRegex => !self.regex_matches(value),
        }
    }

    /// Whether series without the label pass.
    #[must_use]
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// Whether a series' labels pass.
    #[must_use]
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name).unwrap_or(""))
    }

    /// For `=` and `=~`: all values that can pass, if they are few and known without a dictionary.
    /// An index looks these up one by one instead of running the expression over its values.
    #[must_use]
    pub fn literal_values(&self) -> Option<&[String]> {
        match self.op {
            MatchOp::Equal => Some(std::slice::from_ref(&self.value)),
            MatchOp::Regex => self.expression.as_ref()?.literals.as_deref(),
            MatchOp::NotEqual | MatchOp::NotRegex => None,
        }
    }

    /// For `=~` and `!~`: what all values that the expression stands for begin with. Empty where nothing
    /// is certain.
    #[must_use]
    pub fn expression_prefix(&self) -> &str {
        self.expression.as_ref().map_or("", |expression| &expression.prefix)
    }

    fn regex_matches(&self, value: &str) -> bool {
        let Some(expression) = &self.expression else { return false };
        match (&expression.literals, &expression.wildcard) {
            (Some(literals), _) if literals.len() <= 8 => literals.iter().any(|l| l == value),
            (_, Some(wildcard)) => wildcard.matches(value),
            _ => value.starts_with(&expression.prefix) && expression.regex.is_match(value),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op, self.value)
    }
}

/// The strings that an expression stands for, if they are few: `a`, `a|b`, `x(a|b)`.
fn literals(hir: &Hir) -> Option<Vec<String>> {
    let mut found = vec![String::new()];
    unfold(hir, &mut found).then_some(found)
}

/// Extends every string found so far by every string that `hir` stands for.
fn unfold(hir: &Hir, found: &mut Vec<String>) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
            Ok(text) => {
                found.iter_mut().for_each(|prefix| prefix.push_str(text));
                true
            }
            Err(_) => false,
        },
        HirKind::Capture(capture) => unfold(&capture.sub, found),
        HirKind::Concat(parts) => parts.iter().all(|part| unfold(part, found)),
        HirKind::Alternation(choices) => {
            let prefixes = std::mem::take(found);
            choices.iter().all(|choice| {
                let mut branch = prefixes.clone();
                let whole = unfold(choice, &mut branch);
                found.append(&mut branch);
                whole && found.len() <= LITERALS_MAX
            })
        }
        HirKind::Class(class) => unfold_class(class, found),
        HirKind::Look(_) | HirKind::Repetition(_) => false,
    }
}

/// Unfolds a small character class such as `[ab]`, which the parser also makes of `a|b`.
fn unfold_class(class: &regex_syntax::hir::Class, found: &mut Vec<String>) -> bool {
    let regex_syntax::hir::Class::Unicode(class) = class else { return false };
    let mut chars = Vec::new();
    for range in class.ranges() {
        if range.len() > 16 || chars.len() > 16 {
            return false;
        }
        chars.extend(range.start()..=range.end());
    }
    if found.len() * chars.len() > LITERALS_MAX {
        return false;
    }
    let prefixes = std::mem::take(found);
    for prefix in &prefixes {
        found.extend(chars.iter().map(|c| format!("{prefix}{c}")));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Matcher {
        Matcher::new("l", MatchOp::Regex, pattern).unwrap()
    }

    #[test]
    fn regular_expressions_are_anchored_and_dot_matches_newline() {
        assert!(regex("a.c").matches("abc"));
        assert!(!regex("a.c").matches("xabc"));
        assert!(!regex("b").matches("abc"));
        assert!(regex("a.c").matches("a\nc"));
        assert!(regex("a|bc").matches("bc") && !regex("a|bc").matches("ac"));
    }

    #[test]
    fn few_alternatives_are_known_without_a_dictionary() {
        let values = |pattern| regex(pattern).literal_values().map(<[String]>::to_vec);
        assert_eq!(values("a|bc").unwrap(), ["a", "bc"]);
        assert_eq!(values("web-(1|2)x").unwrap(), ["web-1x", "web-2x"]);
        assert_eq!(values("host").unwrap(), ["host"]);
        assert_eq!(values("").unwrap(), [""]);
        assert_eq!(values("a.*"), None);
    }

    #[test]
    fn literal_values_and_the_expression_agree() {
        for pattern in ["a|bc", "(a|b)(c|d)", "x[0-3]y", "|a", "a||b"] {
            let matcher = regex(pattern);
            let compiled = Regex::new(&format!("^(?s:{pattern})$")).unwrap();
            let literals = matcher.literal_values().unwrap();
            assert!(literals.iter().all(|l| compiled.is_match(l)), "{pattern}");
        }
    }

    #[test]
    fn an_expression_that_does_not_compile_is_named() {
        let error = Matcher::new("host", MatchOp::Regex, "a(").unwrap_err();
        assert!(error.to_string().contains("\"a(\""), "{error}");
    }

    #[test]
    fn negative_matchers_pass_absent_labels() {
        assert!(Matcher::new("l", MatchOp::NotEqual, "a").unwrap().matches_empty());
        assert!(Matcher::new("l", MatchOp::NotRegex, "a+").unwrap().matches_empty());
        assert!(!Matcher::new("l", MatchOp::NotEqual, "").unwrap().matches_empty());
    }
}
