//! Text of statements, cut into words: where one ends, and what it begins with.
//!
//! What it is not: a parser. It knows strings, quoted names and comments, so that a semicolon in one of
//! them ends nothing, and no grammar.
//!
//! Invariant: the tokens of a text, in order, never overlap, and lie on the borders of characters.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, a plain name or a number.
    Word,
    /// A name in double quotes.
    QuotedName,
    /// A string in single quotes, or between dollar signs.
    Text,
    /// A parameter: `$1`.
    Parameter,
    /// One character that is none of these.
    Symbol,
}

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes.
    pub range: Range<usize>,
    /// Whether its end was there: `false` for a string or a quoted name that nothing closes.
    pub closed: bool,
}

/// The tokens of a text, without blanks and comments.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Whether a comment was begun that nothing closes.
    open_comment: bool,
}

impl<'a> Tokens<'a> {
    /// The tokens of a text.
    #[must_use]
    pub const fn of(text: &'a str) -> Self {
        Self { text, at: 0, open_comment: false }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Steps over blanks and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            let rest = self.rest();
            if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match end_of_comment(rest) {
                    Some(end) => self.at += end,
                    None => {
                        self.open_comment = true;
                        self.at = self.text.len();
                    }
                }
            } else {
                return;
            }
        }
    }

    fn token(&mut self, kind: TokenKind, length: usize, closed: bool) -> Token {
        let range = self.at..self.at + length;
        self.at = range.end;
        Token { kind, range, closed }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let rest = self.rest();
        let first = rest.chars().next()?;
        Some(match first {
            '\'' => {
                let end = end_of_quotes(rest, '\'', false);
                self.token(TokenKind::Text, end.unwrap_or(rest.len()), end.is_some())
            }
            'e' | 'E' if rest[1..].starts_with('\'') => {
                let end = end_of_quotes(&rest[1..], '\'', true).map(|end| end + 1);
                self.token(TokenKind::Text, end.unwrap_or(rest.len()), end.is_some())
            }
            '"' => {
                let end = end_of_quotes(rest, '"', false);
                self.token(TokenKind::QuotedName, end.unwrap_or(rest.len()), end.is_some())
            }
            '$' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                if digits > 0 {
                    return Some(self.token(TokenKind::Parameter, digits + 1, true));
                }
                match dollar_tag(rest) {
                    Some(tag) => {
                        let end = rest[tag.len()..].find(tag).map(|at| at + 2 * tag.len());
                        self.token(TokenKind::Text, end.unwrap_or(rest.len()), end.is_some())
                    }
                    None => self.token(TokenKind::Symbol, 1, true),
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
                self.token(TokenKind::Word, end.unwrap_or(rest.len()), true)
            }
            other => self.token(TokenKind::Symbol, other.len_utf8(), true),
        })
    }
}

/// Where a comment ends that begins the text; comments nest.
fn end_of_comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
    None
}

/// Where quotes end that begin the text; doubled ones stand for themselves, and backslashes escape if so.
fn end_of_quotes(text: &str, quote: char, backslashes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslashes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return Some(at + c.len_utf8());
            }
        }
    }
    None
}

/// `$$` or `$tag$` at the beginning of the text.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let tag = &text[1..end];
    let plain = tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    plain.then(|| &text[..=end])
}

/// The statements of a text that semicolons divide, without them, and without those that are empty.
#[must_use]
pub fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut span: Option<Range<usize>> = None;
    for token in Tokens::of(text) {
        if &text[token.range.clone()] == ";" {
            found.extend(span.take().map(|span| &text[span]));
            continue;
        }
        span = Some(span.map_or(token.range.start, |span| span.start)..token.range.end);
    }
    found.extend(span.map(|span| &text[span]));
    found
}

/// Whether a text can be run as it stands: it ends with a semicolon that is in no string and no comment,
/// or says nothing at all.
#[must_use]
pub fn is_complete(text: &str) -> bool {
    let mut tokens = Tokens::of(text);
    let mut last = None;
    for token in tokens.by_ref() {
        last = Some(token);
    }
    !tokens.open_comment && last.is_none_or(|last| last.closed && &text[last.range] == ";")
}

/// The words that a statement begins with, in capitals, up to the first token that is no word; so many
/// at most.
#[must_use]
pub fn first_words(text: &str, count: usize) -> Vec<String> {
    Tokens::of(text)
        .skip_while(|token| &text[token.range.clone()] == "(")
        .take(count)
        .take_while(|token| token.kind == TokenKind::Word)
        .map(|token| text[token.range].to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn semicolons_in_strings_names_and_comments_end_nothing() {
        let text =
            "select ';' ; select \"a;b\" -- x;\n, 1; /* ; /* ; */ */ ;; select $q$;$q$, E'\\';'";
        assert_eq!(
            statements(text),
            ["select ';'", "select \"a;b\" -- x;\n, 1", "select $q$;$q$, E'\\';'"]
        );
        assert_eq!(statements(" ; -- nothing\n;"), Vec::<&str>::new());
        assert_eq!(statements("select 'it''s; one'"), ["select 'it''s; one'"]);
    }

    #[test]
    fn a_statement_is_complete_with_its_semicolon() {
        for text in ["", "  -- nothing", "select 1;", "select 1; -- done"] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["select 1", "select ';", "select \";", "select 1 /* ;", "select $$;"] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn the_first_words_are_in_capitals() {
        assert_eq!(first_words("/* x */ begin  work; x", 9), ["BEGIN", "WORK"]);
        assert_eq!(first_words("((select 1", 1), ["SELECT"]);
        assert_eq!(first_words("declare \"c\" cursor", 2), ["DECLARE"]);
    }

    #[test]
    fn parameters_are_told_from_strings_between_dollars() {
        let kinds: Vec<TokenKind> = Tokens::of("$12 $a$x$a$ $").map(|token| token.kind).collect();
        assert_eq!(kinds, [TokenKind::Parameter, TokenKind::Text, TokenKind::Symbol]);
    }

    proptest! {
        #[test]
        fn any_text_has_tokens_in_order(text in r#"[a$'"/*;\\\- \n1é]{0,40}"#) {
            let mut end = 0;
            for token in Tokens::of(&text) {
                prop_assert!(token.range.start >= end && token.range.end > token.range.start);
                prop_assert!(text.get(token.range.clone()).is_some());
                end = token.range.end;
            }
            let _ = statements(&text);
            let _ = is_complete(&text);
        }
    }
}
