//! Numbers and durations.

use super::{Lexed, Lexer};
use crate::{parser::token::Kind, quote::quote};

impl Lexer<'_> {
    /// Reads `12`, `.5`, `1e-3`, `0x1f`, `1_000`, `5m` or `1h30m`, of which the first byte (a digit or
    /// a dot) is read already. What exactly the digits say is found out when they are converted.
    pub(super) fn lex_number_or_duration(&mut self, start: usize) -> Lexed {
        self.position = start;
        if self.scan_number() {
            return Ok(Kind::Number);
        }
        if self.scan_duration_rest() {
            return Ok(Kind::Duration);
        }
        let text = quote(&self.text[start..self.position]);
        self.fail(start, format!("bad number or duration syntax: {text}"))
    }

    /// Reads as much as looks like a number. False if that is not followed by the end of a word;
    /// then the position is where a unit would stand.
    fn scan_number(&mut self) -> bool {
        let rest = &self.text[self.position..];
        if rest.starts_with("0x") || rest.starts_with("0X") {
            self.position += 2;
            self.skip_while(|c| c.is_ascii_hexdigit() || c == '_');
            return !self.is_in_word();
        }
        let (mut saw_dot, mut saw_exponent) = (false, false);
        while let Some(c) = self.peek() {
            match c {
                '0'..='9' => {}
                '.' if saw_dot || saw_exponent => {
                    self.advance();
                    return false;
                }
                '.' => saw_dot = true,
                '_' => {
                    self.advance();
                    if !self.peek().is_some_and(|next| next.is_ascii_digit()) {
                        return false;
                    }
                    continue;
                }
                'e' | 'E' => {
                    if saw_exponent {
                        self.advance();
                        return false;
                    }
                    saw_exponent = true;
                    self.advance();
                    if matches!(self.peek(), Some('+' | '-')) {
                        self.advance();
                    }
                    if !self.peek().is_some_and(|next| next.is_ascii_digit()) {
                        return false;
                    }
                    continue;
                }
                _ => break,
            }
            self.advance();
        }
        !self.is_in_word()
    }

    /// Reads the units of a duration, and further numbers and units, up to the end of the word.
    fn scan_duration_rest(&mut self) -> bool {
        if !self.scan_unit() {
            return false;
        }
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.skip_while(|c| c.is_ascii_digit());
            if !self.scan_unit() {
                return false;
            }
        }
        if self.is_in_word() {
            // What an error message shows is the text up to where it went wrong.
            self.advance();
            return false;
        }
        true
    }

    /// Reads one or two letters that can be a unit; wrong ones such as `hs` are found when converting.
    fn scan_unit(&mut self) -> bool {
        if !matches!(self.peek(), Some('s' | 'm' | 'h' | 'd' | 'w' | 'y' | 'u' | 'n')) {
            return false;
        }
        self.advance();
        if self.peek() == Some('s') {
            self.advance();
        }
        true
    }

    fn is_in_word(&self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    }
}
