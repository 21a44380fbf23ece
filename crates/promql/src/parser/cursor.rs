//! The parser's place in the text: the current token, the end of the one before, and how deep it is.

use crate::{
    ast::{BinaryOp, Span},
    parser::{
        entry::{HEIGHT_MAX, NESTING_MAX},
        error::ParseError,
        lexer::Lexer,
        token::{Kind, Token},
    },
};

/// The result of reading a piece of the grammar.
pub(super) type Parsed<T> = Result<T, ParseError>;

/// A piece of a tree with the height of the tree under it, itself included.
pub(super) struct Tall<T> {
    pub(super) node: T,
    pub(super) height: usize,
}

/// Reads a text token by token.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token at which the parser stands.
    pub(super) token: Token,
    /// Set where the current token is not one. Told when the parser comes to need the token, so that
    /// errors to the left of it go first.
    lex_error: Option<ParseError>,
    /// Where the token before the current one ended.
    pub(super) previous_end: usize,
    depth: usize,
    /// How many aggregations the current token is in the arguments of.
    pub(super) aggregations: usize,
    /// How many regular expressions were compiled.
    pub(super) regexes: usize,
}

impl<'a> Parser<'a> {
    /// Stands at the first token of a text.
    pub(super) fn new(text: &'a str) -> Self {
        let mut parser = Self {
            lexer: Lexer::new(text),
            token: Token { kind: Kind::End, span: Span::default() },
            lex_error: None,
            previous_end: 0,
            depth: 0,
            aggregations: 0,
            regexes: 0,
        };
        parser.bump();
        parser.previous_end = 0;
        parser
    }

    /// The whole text.
    pub(super) const fn source(&self) -> &'a str {
        self.lexer.text
    }

    /// The text of the current token.
    pub(super) fn text(&self) -> &'a str {
        let Span { start, end } = self.token.span;
        &self.lexer.text[start..end]
    }

    /// Whether the current token is of this kind.
    pub(super) fn at(&self, kind: Kind) -> bool {
        self.token.kind == kind && self.lex_error.is_none()
    }

    /// Whether the current token is a name that reads so in lower case.
    pub(super) fn at_name(&self, name: &str) -> bool {
        self.at(Kind::Identifier) && self.text().eq_ignore_ascii_case(name)
    }

    /// Whether an opening parenthesis follows the current token.
    pub(super) fn is_before_paren(&self) -> bool {
        self.lexer.is_before_paren()
    }

    /// The token after the current one, if it is one.
    pub(super) fn peek(&self) -> Option<Token> {
        let mut lexer = self.lexer;
        lexer.next_token().ok()
    }

    /// Goes to the next token and returns the one left behind.
    pub(super) fn bump(&mut self) -> Token {
        let left = self.token;
        self.previous_end = left.span.end;
        match self.lexer.next_token() {
            Ok(token) => self.token = token,
            Err(error) => {
                // No rule accepts the end where it wants something else, so the error comes up.
                self.token = Token { kind: Kind::End, span: error.span };
                self.lex_error.get_or_insert(error);
            }
        }
        left
    }

    /// Goes over the current token if it is of this kind.
    pub(super) fn accept(&mut self, kind: Kind) -> Option<Token> {
        self.at(kind).then(|| self.bump())
    }

    /// Goes over the current token if it is `+` or `-`, and tells whether it is a minus.
    pub(super) fn accept_sign(&mut self) -> Option<(Token, bool)> {
        match self.token.kind {
            Kind::Binary(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                Some((self.bump(), op == BinaryOp::Sub))
            }
            _ => None,
        }
    }

    /// Goes over a token that must be of this kind.
    pub(super) fn expect(&mut self, kind: Kind, context: &str, expected: &str) -> Parsed<Token> {
        match self.accept(kind) {
            Some(token) => Ok(token),
            None => Err(self.unexpected(context, expected)),
        }
    }

    /// That the current token does not fit, in the words of Prometheus.
    pub(super) fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        if let Some(error) = &self.lex_error {
            return error.clone();
        }
        let context = match context {
            "" if self.aggregations > 0 => "aggregation",
            context => context,
        };
        let mut message = format!("unexpected {}", self.token.kind.describe(self.text()));
        for (joint, part) in [(" in ", context), (", expected ", expected)] {
            if !part.is_empty() {
                message.push_str(joint);
                message.push_str(part);
            }
        }
        self.error(self.token.span, message)
    }

    /// An error at a place.
    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.lexer.text, span, message)
    }

    /// From a place to the end of the token before the current one.
    pub(super) const fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.previous_end }
    }

    /// Goes one level deeper. An error ends the parsing, so only success needs [`Parser::leave`].
    pub(super) fn enter(&mut self) -> Parsed<()> {
        if self.depth >= NESTING_MAX {
            return Err(self.too_deep(self.token.span));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from one level deeper.
    pub(super) const fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A node over children of at most that height.
    pub(super) fn grown<T>(&self, node: T, children: usize, span: Span) -> Parsed<Tall<T>> {
        if children >= HEIGHT_MAX {
            return Err(self.too_high(span));
        }
        Ok(Tall { node, height: children + 1 })
    }

    fn too_deep(&self, span: Span) -> ParseError {
        let message = format!("expression is nested more than {NESTING_MAX} levels deep");
        self.error(span, message).of_limit()
    }

    fn too_high(&self, span: Span) -> ParseError {
        let message = format!("expression chains or nests more than {HEIGHT_MAX} operations");
        self.error(span, message).of_limit()
    }
}

impl<T> Tall<T> {
    /// A node without children.
    pub(super) const fn leaf(node: T) -> Self {
        Self { node, height: 1 }
    }
}
