//! Expressions that are only texts with `.*` and `.+` between them, matched without the machinery of
//! regular expressions: `web-.*`, `.*:9100`, `.*(canary|test).*` unfolded.
//!
//! Invariant: a wildcard passes exactly the values that its expression passes.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Alternatives that are tried one after the other.
const ALTERNATIVES_MAX: usize = 8;

/// Texts in order, with gaps before, between and behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pieces {
    /// Each text, and the gap before it. The first gap is at the begin of the value.
    texts: Vec<(Gap, String)>,
    /// The gap at the end.
    last: Gap,
}

/// What may lie between two texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gap {
    /// Nothing.
    #[default]
    None,
    /// At least so many characters, of any kind.
    AtLeast(usize),
}

/// An expression that is only texts and gaps, or a few such in alternation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    alternatives: Vec<Pieces>,
}

impl Wildcard {
    /// The wildcard that an expression is, if it is one.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let choices = match hir.kind() {
            HirKind::Alternation(choices) => choices.as_slice(),
            HirKind::Capture(capture) => return Self::of(&capture.sub),
            _ => std::slice::from_ref(hir),
        };
        if choices.len() > ALTERNATIVES_MAX {
            return None;
        }
        let alternatives = choices.iter().map(Pieces::of).collect::<Option<_>>()?;
        Some(Self { alternatives })
    }

    /// Whether a value passes.
    pub(super) fn matches(&self, value: &str) -> bool {
        self.alternatives.iter().any(|pieces| pieces.matches(value))
    }
}

impl Pieces {
    fn of(hir: &Hir) -> Option<Self> {
        let mut pieces = Self::default();
        pieces.take(hir).then_some(pieces)
    }

    fn take(&mut self, hir: &Hir) -> bool {
        match hir.kind() {
            HirKind::Empty => true,
            HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
                Ok(text) => {
                    self.push(text);
                    true
                }
                Err(_) => false,
            },
            HirKind::Capture(capture) => self.take(&capture.sub),
            HirKind::Concat(parts) => parts.iter().all(|part| self.take(part)),
            HirKind::Repetition(repetition) => {
                let endless = repetition.max.is_none() && is_any_character(&repetition.sub);
                if endless {
                    self.widen(repetition.min as usize);
                }
                endless
            }
            HirKind::Class(_) if is_any_character(hir) => false,
            HirKind::Class(_) | HirKind::Look(_) | HirKind::Alternation(_) => false,
        }
    }

    fn push(&mut self, text: &str) {
        match self.texts.last_mut() {
            Some((_, last)) if self.last == Gap::None => last.push_str(text),
            _ => self.texts.push((std::mem::take(&mut self.last), text.to_owned())),
        }
    }

    fn widen(&mut self, characters: usize) {
        let before = match self.last {
            Gap::None => 0,
            Gap::AtLeast(before) => before,
        };
        self.last = Gap::AtLeast(before.saturating_add(characters));
    }

    /// Each text is taken at the first place where it can be, which leaves the most for the rest; the
    /// last one, if no gap follows it, at the end.
    fn matches(&self, value: &str) -> bool {
        let mut rest = value;
        for (index, (gap, text)) in self.texts.iter().enumerate() {
            let ends = index + 1 == self.texts.len() && self.last == Gap::None;
            let after = match gap {
                Gap::None => rest.strip_prefix(text.as_str()),
                Gap::AtLeast(count) => skip(rest, *count).and_then(|rest| {
                    if ends {
                        return rest.ends_with(text.as_str()).then_some("");
                    }
                    rest.find(text.as_str()).map(|at| &rest[at + text.len()..])
                }),
            };
            match after {
                Some(after) => rest = after,
                None => return false,
            }
        }
        match self.last {
            Gap::None => rest.is_empty(),
            Gap::AtLeast(count) => skip(rest, count).is_some(),
        }
    }
}

/// What is left behind so many characters, if there are so many.
fn skip(text: &str, characters: usize) -> Option<&str> {
    if characters == 0 {
        return Some(text);
    }
    let last = text.char_indices().nth(characters - 1)?;
    Some(&text[last.0 + last.1.len_utf8()..])
}

fn is_any_character(hir: &Hir) -> bool {
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else { return false };
    matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX)
}

/// A text with which every value that passes begins; empty where none is certain.
pub(super) fn prefix(hir: &Hir) -> String {
    let mut text = String::new();
    extend_prefix(hir, &mut text);
    text
}

/// Appends what is certain, and says whether all of `hir` is.
fn extend_prefix(hir: &Hir, text: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
            Ok(literal) => {
                text.push_str(literal);
                true
            }
            Err(_) => false,
        },
        HirKind::Capture(capture) => extend_prefix(&capture.sub, text),
        HirKind::Concat(parts) => parts.iter().all(|part| extend_prefix(part, text)),
        HirKind::Alternation(choices) => {
            let mut prefixes = choices.iter().map(prefix);
            let first = prefixes.next().unwrap_or_default();
            let common = prefixes.fold(first, |common, other| {
                let shared = common.chars().zip(other.chars()).take_while(|(a, b)| a == b);
                shared.map(|(character, _)| character).collect()
            });
            text.push_str(&common);
            false
        }
        HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn parse(pattern: &str) -> Hir {
        let mut parser = regex_syntax::ParserBuilder::new().dot_matches_new_line(true).build();
        parser.parse(pattern).unwrap()
    }

    #[test]
    fn only_texts_and_gaps_are_wildcards() {
        for pattern in ["a.*", ".*a", ".*", ".+", ".*a.*b.+", "(a.*|.*b)", "a(b.*)", "x.{2,}y", ""]
        {
            assert!(Wildcard::of(&parse(pattern)).is_some(), "{pattern}");
        }
        for pattern in
            ["a.b", "[ab].*", "a*", "(?-s)a.*", "(?i)a.*", "a.*(b|c).*", "^a.*", ".{2,4}"]
        {
            assert_eq!(Wildcard::of(&parse(pattern)), None, "{pattern}");
        }
    }

    #[test]
    fn prefixes_are_what_all_values_begin_with() {
        for (pattern, expected) in [
            ("web-.*", "web-"),
            ("(web-1|web-2).*", "web-"),
            ("we(b|c)", "we"),
            ("a?b", ""),
            ("ab?", "a"),
            ("(a|b)", ""),
            ("", ""),
            ("(?i)web", ""),
            ("(eu-(a|b)|eu-c)x", "eu-"),
        ] {
            assert_eq!(prefix(&parse(pattern)), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_passes_what_its_expression_passes(
            parts in prop::collection::vec(
                prop::sample::select(vec!["a", "b", "ab", "é", ".*", ".+", ".{2,}", "(a.*)", "|"]),
                0..7,
            ),
            value in "[abé\n]{0,8}",
        ) {
            let pattern = parts.concat();
            let hir = parse(&pattern);
            let regex = Regex::new(&format!("^(?s:{pattern})$")).unwrap();
            let expected = regex.is_match(&value);
            if let Some(wildcard) = Wildcard::of(&hir) {
                prop_assert_eq!(wildcard.matches(&value), expected, "{:?}", &pattern);
            }
            if expected {
                prop_assert!(value.starts_with(&prefix(&hir)), "{:?}", &pattern);
            }
        }
    }
}
