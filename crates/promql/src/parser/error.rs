//! What is wrong with a query, and where.

use std::fmt;

use timberline_model::ErrorKind;

use crate::ast::Span;

/// A query that is not one.
///
/// Displayed as Prometheus does: `<line>:<column>: parse error: <message>`, where lines and columns
/// count from one and columns are bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Where it stands in the text.
    pub span: Span,
    /// Line of the span's start, from one; 0 where the text is empty.
    pub line: usize,
    /// Byte within the line of the span's start, from one.
    pub column: usize,
    kind: ErrorKind,
}

impl ParseError {
    /// What the caller should do: [`ErrorKind::Invalid`], or [`ErrorKind::Limit`] for a query that is
    /// too long or too deeply nested.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// An error at a place in a text.
    pub(crate) fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..span.start.min(text.len())];
        let newlines = before.iter().filter(|b| **b == b'\n').count();
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Self {
            message: message.into(),
            span,
            line: if text.is_empty() { 0 } else { newlines + 1 },
            column: before.len() - line_start + 1,
            kind: ErrorKind::Invalid,
        }
    }

    /// The same error, saying that a limit was exceeded.
    pub(crate) fn of_limit(mut self) -> Self {
        self.kind = ErrorKind::Limit;
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "unknown position: parse error: {}", self.message)
        } else {
            write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
        }
    }
}
