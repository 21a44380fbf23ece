//! Quoting of text, for printed queries and for error messages.

/// Writes a text between double quotes, escaped so that the lexer reads the same text back.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        escape(c, '"', &mut quoted);
    }
    quoted.push('"');
    quoted
}

/// Writes one character between single quotes, escaped the same way.
pub(crate) fn quote_char(c: char) -> String {
    let mut quoted = String::from('\'');
    escape(c, '\'', &mut quoted);
    quoted.push('\'');
    quoted
}

/// Whether a name may stand in a query without quotes, keywords aside.
pub(crate) fn is_plain_label(name: &str) -> bool {
    let mut bytes = name.bytes();
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    bytes.next().is_some_and(letter) && bytes.all(|b| letter(b) || b.is_ascii_digit())
}

fn escape(c: char, quote: char, out: &mut String) {
    let code = u32::from(c);
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        _ if code < 0x80 && c.is_control() => out.push_str(&format!("\\x{code:02x}")),
        // Line separators, directional marks and their like do not show as they are.
        _ if c.is_control() || matches!(code, 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff) => {
            out.push_str(&format!("\\u{code:04x}"));
        }
        c => out.push(c),
    }
}
