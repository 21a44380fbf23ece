//! Names that are not plain, for readers of different ages.

use std::{borrow::Cow, fmt::Write as _};

/// How a name is written that has other characters than ASCII letters, digits, `_` and `:`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// As it is, in quotes.
    Quoted,
    /// Each such character as `_`.
    #[default]
    Underscores,
    /// A dot as `_dot_`, `_` as `__`, all others as `__`.
    Dots,
    /// As `U__`, with `_` as `__` and each such character as its code in hexadecimal between two `_`.
    Values,
}

impl Escaping {
    /// What the reader's `Accept` header asks for by `escaping=`; [`Underscores`](Self::Underscores) where
    /// it does not, or in words that nobody knows.
    #[must_use]
    pub fn of_accept(accept: Option<&str>) -> Self {
        let wanted = accept.unwrap_or_default().split([',', ';']).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("escaping").then(|| value.trim())
        });
        match wanted {
            Some("allow-utf-8") => Self::Quoted,
            Some("dots") => Self::Dots,
            Some("values") => Self::Values,
            _ => Self::Underscores,
        }
    }

    /// As headers spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quoted => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// Whether a name needs no escaping; metrics may have colons.
    pub(super) fn is_plain(name: &str, colons: bool) -> bool {
        !name.is_empty() && name.char_indices().all(|(at, c)| is_plain_char(c, at, colons))
    }

    /// The name of a metric, escaped.
    pub(super) fn metric(self, name: &str) -> Cow<'_, str> {
        self.apply(name, true)
    }

    /// The name of a label, escaped.
    pub(super) fn label(self, name: &str) -> Cow<'_, str> {
        self.apply(name, false)
    }

    fn apply(self, name: &str, colons: bool) -> Cow<'_, str> {
        let plain = Self::is_plain(name, colons);
        match self {
            Self::Quoted => Cow::Borrowed(name),
            Self::Underscores | Self::Values if plain => Cow::Borrowed(name),
            Self::Dots if plain && !name.contains('_') => Cow::Borrowed(name),
            _ => Cow::Owned(self.escape(name, colons)),
        }
    }

    fn escape(self, name: &str, colons: bool) -> String {
        let mut text = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            text.push_str("U__");
        }
        for (at, c) in name.char_indices() {
            match (self, c) {
                (Self::Dots | Self::Values, '_') => text.push_str("__"),
                (Self::Dots, '.') => text.push_str("_dot_"),
                _ if is_plain_char(c, at, colons) => text.push(c),
                (Self::Dots, _) => text.push_str("__"),
                (Self::Values, _) => {
                    let _ = write!(text, "_{:x}_", u32::from(c));
                }
                _ => text.push('_'),
            }
        }
        text
    }
}

fn is_plain_char(c: char, at: usize, colons: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (colons && c == ':') || (at > 0 && c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_the_reader_asks() {
        for (escaping, name, expected) in [
            (Escaping::Underscores, "a.b-c_d", "a_b_c_d"),
            (Escaping::Underscores, "9lives", "_lives"),
            (Escaping::Dots, "a.b-c_d", "a_dot_b__c__d"),
            (Escaping::Dots, "plain", "plain"),
            (Escaping::Values, "a.b_c", "U__a_2e_b__c"),
            (Escaping::Values, "a_b", "a_b"),
            (Escaping::Quoted, "a.b", "a.b"),
        ] {
            assert_eq!(escaping.metric(name), expected, "{escaping:?}");
        }
        assert_eq!(Escaping::Values.label("a:b"), "U__a_3a_b");
    }

    #[test]
    fn the_accept_header_names_the_escaping() {
        let of = |text: &str| Escaping::of_accept(Some(text)).as_str();
        assert_eq!(of("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*"), "allow-utf-8");
        assert_eq!(of("text/plain; escaping=values"), "values");
        assert_eq!(of("text/plain;escaping=dots"), "dots");
        assert_eq!(of("text/plain;escaping=whatever"), "underscores");
        assert_eq!(Escaping::of_accept(None), Escaping::Underscores);
    }
}
