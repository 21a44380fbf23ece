//! Rust text without what the compiler would not run: comments and the insides of literals become
//! spaces.
//!
//! What it is not: a lexer. It knows just enough to find where comments and literals begin and end.
//!
//! Invariant: the result has the same lines, so that a line number found in it holds for the file.

/// Blanks out comments and the insides of string and character literals.
pub(super) fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let len = comment(rest).or_else(|| literal(rest, before));
        let len = match len {
            Some(len) => {
                blank(&rest[..len], &mut out);
                before = ' ';
                len
            }
            None => {
                out.push(first);
                before = first;
                first.len_utf8()
            }
        };
        rest = &rest[len..];
    }
    out
}

fn blank(text: &str, out: &mut String) {
    out.extend(text.chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
}

/// Length of the comment that `text` begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    // Block comments nest.
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(text.len())
}

/// Length of the literal that `text` begins with, when `before` does not make it part of a name.
fn literal(text: &str, before: char) -> Option<usize> {
    if text.starts_with('"') {
        return Some(quoted(text, b'"'));
    }
    if text.starts_with('\'') {
        return character(text);
    }
    if before.is_alphanumeric() || before == '_' {
        return None;
    }
    let after_prefix = text.trim_start_matches(['b', 'c']);
    if text.len() - after_prefix.len() > 1 {
        return None;
    }
    let raw = after_prefix.strip_prefix('r')?;
    let hashes = raw.bytes().take_while(|&byte| byte == b'#').count();
    if raw.as_bytes().get(hashes) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = &raw[hashes + 1..];
    let len = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + len)
}

/// Length of a literal that ends at the next `quote` without a backslash.
fn quoted(text: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a character literal; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.chars().skip(1);
    let first = chars.next()?;
    if first == '\\' || chars.next() == Some('\'') {
        return Some(quoted(text, b'\''));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        let masked = masked(text);
        assert_eq!(masked.lines().count(), text.lines().count());
        masked.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_blanked() {
        assert_eq!(kept("a // todo!()\nb /* x /* y */ z */ c"), "a b c");
        assert_eq!(kept("a /* never ends"), "a");
    }

    #[test]
    fn literals_are_blanked() {
        assert_eq!(kept(r#"f("unsafe \" // x", 'u', '\'', b"y")"#), "f( , , , b )");
        assert_eq!(kept("g(r#\"a \" b\"#, br\"c\", \"é\")"), "g( , , )");
        assert_eq!(kept("let x = \"two\nlines\"; y"), "let x = ; y");
    }

    #[test]
    fn lifetimes_and_names_stay() {
        assert_eq!(kept("fn f<'a>(x: &'a str, bar: r#type)"), "fn f<'a>(x: &'a str, bar: r#type)");
        assert_eq!(kept("for_r\"x\""), "for_r");
    }
}
