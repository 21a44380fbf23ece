//! Text to tokens, one at a time.
//!
//! Braces and brackets have alphabets of their own: between braces words are never keywords, between
//! brackets there are durations only. The lexer is a small value: copying it is how the parser looks ahead.
//!
//! Invariant: every position it holds is at the boundary of a character.

mod number;
mod string;

use crate::{
    ast::{BinaryOp, Span},
    parser::{
        duration::DURATION_FUNCTIONS,
        error::ParseError,
        token::{Kind, Token},
    },
    quote::quote_char,
};

/// The state of reading a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    pub(crate) text: &'a str,
    position: usize,
    paren_depth: u32,
    in_braces: bool,
    in_brackets: bool,
    /// Whether a `:` was seen since the opening bracket.
    saw_colon: bool,
    /// Whether a duration was seen since the opening bracket.
    saw_duration: bool,
}

type Lexed = Result<Kind, ParseError>;

impl<'a> Lexer<'a> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            position: 0,
            paren_depth: 0,
            in_braces: false,
            in_brackets: false,
            saw_colon: false,
            saw_duration: false,
        }
    }

    /// The next token; the end again and again once it is reached.
    pub(crate) fn next_token(&mut self) -> Result<Token, ParseError> {
        self.skip_blank();
        let start = self.position;
        let kind = if self.in_braces {
            self.lex_in_braces()?
        } else if self.in_brackets {
            self.lex_in_brackets()?
        } else {
            self.lex_plain()?
        };
        Ok(Token { kind, span: Span { start, end: self.position } })
    }

    /// Whether the next token is an opening parenthesis.
    pub(crate) fn is_before_paren(mut self) -> bool {
        self.skip_blank();
        self.peek() == Some('(')
    }

    fn lex_plain(&mut self) -> Lexed {
        let start = self.position;
        let Some(c) = self.advance() else {
            return match self.paren_depth {
                0 => Ok(Kind::End),
                _ => self.fail(start, "unclosed left parenthesis"),
            };
        };
        match c {
            '0'..='9' => self.lex_number_or_duration(start),
            '.' if self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                self.lex_number_or_duration(start)
            }
            '"' | '\'' => self.lex_string(start, c),
            '`' => self.lex_raw_string(start),
            'a'..='z' | 'A'..='Z' | '_' | ':' => {
                self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
                Ok(Kind::of_word(&self.text[start..self.position]))
            }
            '{' => {
                self.in_braces = true;
                Ok(Kind::LeftBrace)
            }
            '[' => {
                self.in_brackets = true;
                self.saw_colon = false;
                self.saw_duration = false;
                Ok(Kind::LeftBracket)
            }
            ']' => self.fail(start, format!("unexpected right bracket {}", quote_char(c))),
            '@' => Ok(Kind::At),
            _ => self.lex_symbol(start, c),
        }
    }

    /// Parentheses, commas and operators.
    fn lex_symbol(&mut self, start: usize, c: char) -> Lexed {
        let next = self.peek();
        let (kind, is_pair) = match (c, next) {
            ('=', Some('=')) => (Kind::Binary(BinaryOp::Eq), true),
            ('=', Some('~')) => {
                return self.fail(start, "unexpected character after '=': '~'");
            }
            ('=', _) => (Kind::Equal, false),
            ('!', Some('=')) => (Kind::Binary(BinaryOp::Ne), true),
            ('!', other) => {
                let other = quote_char(other.unwrap_or(char::REPLACEMENT_CHARACTER));
                return self.fail(start, format!("unexpected character after '!': {other}"));
            }
            ('<', Some('=')) => (Kind::Binary(BinaryOp::Le), true),
            ('<', Some('/')) => (Kind::Binary(BinaryOp::TrimUpper), true),
            ('<', _) => (Kind::Binary(BinaryOp::Lt), false),
            ('>', Some('=')) => (Kind::Binary(BinaryOp::Ge), true),
            ('>', Some('/')) => (Kind::Binary(BinaryOp::TrimLower), true),
            ('>', _) => (Kind::Binary(BinaryOp::Gt), false),
            _ => {
                let Some(kind) = self.lex_arithmetic(c)? else {
                    let message = format!("unexpected character: {}", quote_char(c));
                    return self.fail(start, message);
                };
                (kind, false)
            }
        };
        if is_pair {
            self.advance();
        }
        Ok(kind)
    }

    /// What durations have in common with expressions.
    fn lex_arithmetic(&mut self, c: char) -> Result<Option<Kind>, ParseError> {
        Ok(Some(match c {
            '+' => Kind::Binary(BinaryOp::Add),
            '-' => Kind::Binary(BinaryOp::Sub),
            '*' => Kind::Binary(BinaryOp::Mul),
            '/' => Kind::Binary(BinaryOp::Div),
            '%' => Kind::Binary(BinaryOp::Mod),
            '^' => Kind::Binary(BinaryOp::Pow),
            ',' => Kind::Comma,
            '(' => {
                self.paren_depth += 1;
                Kind::LeftParen
            }
            ')' if self.paren_depth == 0 => {
                return self.fail(self.position, "unexpected right parenthesis ')'");
            }
            ')' => {
                self.paren_depth -= 1;
                Kind::RightParen
            }
            _ => return Ok(None),
        }))
    }

    fn lex_in_braces(&mut self) -> Lexed {
        let start = self.position;
        let Some(c) = self.advance() else {
            return self.fail(start, "unexpected end of input inside braces");
        };
        match (c, self.peek()) {
            ('a'..='z' | 'A'..='Z' | '_', _) => {
                self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
                Ok(Kind::Identifier)
            }
            (',', _) => Ok(Kind::Comma),
            ('"' | '\'', _) => self.lex_string(start, c),
            ('`', _) => self.lex_raw_string(start),
            ('=', Some('~')) => {
                self.advance();
                Ok(Kind::RegexEqual)
            }
            ('=', _) => Ok(Kind::Equal),
            ('!', Some('~')) => {
                self.advance();
                Ok(Kind::RegexNotEqual)
            }
            ('!', Some('=')) => {
                self.advance();
                Ok(Kind::Binary(BinaryOp::Ne))
            }
            ('!', other) => {
                let other = quote_char(other.unwrap_or(char::REPLACEMENT_CHARACTER));
                let message = format!("unexpected character after '!' inside braces: {other}");
                self.fail(start, message)
            }
            ('{', _) => self.fail(start, "unexpected left brace '{'"),
            ('}', _) => {
                self.in_braces = false;
                Ok(Kind::RightBrace)
            }
            _ => self.fail(start, format!("unexpected character inside braces: {}", quote_char(c))),
        }
    }

    fn lex_in_brackets(&mut self) -> Lexed {
        let start = self.position;
        let Some(c) = self.advance() else {
            return match (self.saw_duration, self.paren_depth) {
                (false, _) => self.fail(start, "unexpected end of input in duration expression"),
                (true, 0) => self.fail(start, "unclosed left bracket"),
                (true, _) => self.fail(start, "unclosed left parenthesis"),
            };
        };
        match c {
            ']' => {
                self.in_brackets = false;
                Ok(Kind::RightBracket)
            }
            '[' => self.fail(start, "unexpected left bracket '['"),
            ':' if !self.saw_duration => {
                let message = "unexpected colon before duration in duration expression";
                self.fail(self.position, message)
            }
            ':' if self.saw_colon => self.fail(start, "unexpected colon ':'"),
            ':' => {
                self.saw_colon = true;
                Ok(Kind::Colon)
            }
            '0'..='9' => {
                self.saw_duration = true;
                self.lex_number_or_duration(start)
            }
            '.' if self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                self.saw_duration = true;
                self.lex_number_or_duration(start)
            }
            's' | 'S' | 'r' | 'R' | 'm' | 'M' => {
                self.skip_while(|c| c.is_ascii_alphabetic() || c == '_');
                let word = &self.text[start..self.position];
                if DURATION_FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(word)) {
                    self.saw_duration = true;
                    return Ok(Kind::Identifier);
                }
                self.fail_in_brackets(start, c)
            }
            _ => match self.lex_arithmetic(c)? {
                Some(kind) => Ok(kind),
                None => self.fail_in_brackets(start, c),
            },
        }
    }

    fn fail_in_brackets(&self, start: usize, c: char) -> Lexed {
        let c = quote_char(c);
        if self.saw_duration {
            self.fail(start, format!("unexpected character: {c}, expected ':'"))
        } else {
            self.fail(start, format!("unexpected character in duration expression: {c}"))
        }
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if self.peek() != Some('#') {
                return;
            }
            self.skip_while(|c| !matches!(c, '\n' | '\r'));
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn skip_while(&mut self, accept: impl Fn(char) -> bool) {
        let rest = &self.text[self.position..];
        self.position += rest.find(|c| !accept(c)).unwrap_or(rest.len());
    }

    fn fail<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ParseError> {
        let span = Span { start, end: self.text.len() };
        Err(ParseError::new(self.text, span, message))
    }
}
