//! Selectors: a metric name, matchers in braces, or both.

use timberline_model::{METRIC_NAME, MatchOp, Matcher, MatcherError};

use crate::{
    ast::{BinaryOp, Expr, ExprKind, Modifiers, RangeExtension, Selector, Span},
    parser::{
        cursor::{Parsed, Parser},
        entry::REGEX_COUNT_MAX,
        token::Kind,
    },
};

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// Reads a selector without anything attached to it.
    pub(super) fn bare_selector(&mut self) -> Parsed<Expr> {
        let start = self.token.span.start;
        let mut selector = Selector {
            name: None,
            matchers: Vec::new(),
            extension: RangeExtension::None,
            modifiers: Modifiers::default(),
        };
        if self.token.kind.is_metric_name() {
            let name = self.text();
            self.bump();
            selector.matchers.push(Matcher::equal(METRIC_NAME, name));
            selector.name = Some(name.to_owned());
        }
        if self.accept(Kind::LeftBrace).is_some() {
            self.matchers(&mut selector)?;
        } else if selector.name.is_none() {
            return Err(self.unexpected("", ""));
        }
        let kind = ExprKind::Selector(Box::new(selector));
        Ok(Expr { kind, span: self.span_from(start) })
    }

    /// Reads matchers up to and with the closing brace.
    fn matchers(&mut self, selector: &mut Selector) -> Parsed<()> {
        loop {
            if self.accept(Kind::RightBrace).is_some() {
                return Ok(());
            }
            self.matcher(selector)?;
            if self.accept(Kind::Comma).is_none() {
                self.expect(Kind::RightBrace, CONTEXT, "\",\" or \"}\"")?;
                return Ok(());
            }
        }
    }

    /// Reads `name op "value"`, `"name" op "value"`, or a quoted metric name.
    fn matcher(&mut self, selector: &mut Selector) -> Parsed<()> {
        let start = self.token.span.start;
        let is_quoted = self.at(Kind::String);
        let name = match self.token.kind {
            Kind::Identifier => {
                let name = self.text().to_owned();
                self.bump();
                name
            }
            Kind::String => self.string_literal()?,
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        let op = match self.token.kind {
            Kind::Equal => MatchOp::Equal,
            Kind::Binary(BinaryOp::Ne) => MatchOp::NotEqual,
            Kind::RegexEqual => MatchOp::Regex,
            Kind::RegexNotEqual => MatchOp::NotRegex,
            _ if is_quoted => {
                take_quoted_name(name, selector);
                return Ok(());
            }
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.bump();
        if !self.at(Kind::String) {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        let value = self.string_literal()?;
        let matcher = self.compiled(name, op, value, self.span_from(start))?;
        selector.matchers.push(matcher);
        Ok(())
    }

    /// Makes a matcher, unless the query has too many of the expensive ones.
    fn compiled(&mut self, name: String, op: MatchOp, value: String, at: Span) -> Parsed<Matcher> {
        let matcher = Matcher::new(name, op, value).map_err(|error| match error {
            MatcherError::BadRegex { reason, .. } => {
                self.error(at, format!("error parsing regexp: {reason}"))
            }
            other => self.error(at, other.to_string()),
        })?;
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            self.regexes += 1;
        }
        if self.regexes > REGEX_COUNT_MAX {
            let message = format!("expression has more than {REGEX_COUNT_MAX} regular expressions");
            return Err(self.error(at, message).of_limit());
        }
        Ok(matcher)
    }
}

/// Takes a quoted name in braces as the metric's. It goes before all other matchers, where an unquoted
/// name is too: where it was written makes no difference.
fn take_quoted_name(name: String, selector: &mut Selector) {
    let matcher = Matcher::equal(METRIC_NAME, name.as_str());
    if selector.name.is_some() || name.is_empty() {
        selector.matchers.push(matcher);
    } else {
        selector.matchers.insert(0, matcher);
        selector.name = Some(name);
    }
}

/// Whether a selector that stands there begins with a metric name, and not with a brace.
pub(super) fn is_named_before_braces(text: &str, span: Span) -> bool {
    !text[span.start..].starts_with('{')
}
