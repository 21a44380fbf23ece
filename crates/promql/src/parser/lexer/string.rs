//! String literals: where they end, and whether their escapes are well formed.

use super::{Lexed, Lexer};
use crate::parser::token::Kind;

impl Lexer<'_> {
    /// Reads a string of which the opening quote is read already.
    pub(super) fn lex_string(&mut self, start: usize, quote: char) -> Lexed {
        loop {
            match self.advance() {
                Some('\\') => self.scan_escape(start, quote)?,
                None | Some('\n') => return self.fail(start, "unterminated quoted string"),
                Some(c) if c == quote => return Ok(Kind::String),
                Some(_) => {}
            }
        }
    }

    /// Reads a string between backquotes, in which nothing is escaped.
    pub(super) fn lex_raw_string(&mut self, start: usize) -> Lexed {
        self.skip_while(|c| c != '`');
        match self.advance() {
            Some(_) => Ok(Kind::String),
            None => self.fail(start, "unterminated raw string"),
        }
    }

    /// Reads what follows a backslash.
    fn scan_escape(&mut self, start: usize, quote: char) -> Result<(), crate::ParseError> {
        const UNTERMINATED: &str = "escape sequence not terminated";
        let Some(c) = self.advance() else { return self.fail(start, UNTERMINATED) };
        let (digits, radix, max) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == quote => return Ok(()),
            '0'..='7' => {
                self.position -= 1;
                (3, 8, 255)
            }
            'x' => (2, 16, 255),
            'u' => (4, 16, u32::from(char::MAX)),
            'U' => (8, 16, u32::from(char::MAX)),
            c => {
                let message = format!("unknown escape sequence {}", code_point(c));
                return self.fail(start, message);
            }
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let Some(c) = self.advance() else { return self.fail(start, UNTERMINATED) };
            let Some(digit) = c.to_digit(radix) else {
                let message = format!("illegal character {} in escape sequence", code_point(c));
                return self.fail(start, message);
            };
            value = value.saturating_mul(radix).saturating_add(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return self.fail(start, "escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }
}

/// A character as error messages name it: `U+0024 '$'`.
fn code_point(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}
