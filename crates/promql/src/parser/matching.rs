//! What stands between a binary operator and its right side, and lists of labels.

use crate::{
    ast::{Cardinality, Matching},
    parser::{
        cursor::{Parsed, Parser},
        token::{Keyword, Kind},
    },
};

/// `bool on (labels) group_left (labels) fill (value)`.
#[derive(Default)]
pub(super) struct BinaryModifiers {
    pub(super) return_bool: bool,
    pub(super) matching: Matching,
}

const GROUPING: &str = "grouping opts";
const FILL: &str = "fill modifier";

impl Parser<'_> {
    /// Reads the modifiers of a binary operator.
    pub(super) fn binary_modifiers(&mut self) -> Parsed<BinaryModifiers> {
        let mut modifiers = BinaryModifiers::default();
        let matching = &mut modifiers.matching;
        modifiers.return_bool = self.accept(Kind::Keyword(Keyword::Bool)).is_some();
        let is_on = self.at(Kind::Keyword(Keyword::On));
        if is_on || self.at(Kind::Keyword(Keyword::Ignoring)) {
            self.bump();
            matching.on = is_on;
            matching.labels = self.grouping_labels()?;
            matching.cardinality = match self.token.kind {
                Kind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
                Kind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
                _ => Cardinality::OneToOne,
            };
            if matching.cardinality != Cardinality::OneToOne {
                self.bump();
                if self.at(Kind::LeftParen) {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        self.fill_modifiers(matching)?;
        Ok(modifiers)
    }

    /// Reads `fill (v)`, or `fill_left (v)` and `fill_right (v)` in any order.
    fn fill_modifiers(&mut self, matching: &mut Matching) -> Parsed<()> {
        // These words are metric names too, so that they mean this before a parenthesis only.
        if self.at_fill("fill") {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
            return Ok(());
        }
        for _ in 0..2 {
            if matching.fill_left.is_none() && self.at_fill("fill_left") {
                matching.fill_left = Some(self.fill_value()?);
            } else if matching.fill_right.is_none() && self.at_fill("fill_right") {
                matching.fill_right = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    fn at_fill(&self, name: &str) -> bool {
        self.at_name(name) && self.is_before_paren()
    }

    /// Reads the modifier's word and its value in parentheses.
    fn fill_value(&mut self) -> Parsed<f64> {
        self.bump();
        self.expect(Kind::LeftParen, FILL, "\"(\"")?;
        let sign = self.accept_sign();
        if !self.at(Kind::Number) && !self.at(Kind::Duration) {
            return Err(self.unexpected(FILL, "number"));
        }
        let value = self.number_value()?;
        self.expect(Kind::RightParen, FILL, "\")\"")?;
        Ok(if sign.is_some_and(|(_, negate)| negate) { -value } else { value })
    }

    /// Reads a list of labels in parentheses, which may be empty and may end in a comma.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        self.expect(Kind::LeftParen, GROUPING, "\"(\"")?;
        let mut labels = Vec::new();
        loop {
            let is_empty_or_after_comma = self.accept(Kind::RightParen).is_some();
            if is_empty_or_after_comma {
                return Ok(labels);
            }
            labels.push(self.grouping_label()?);
            if self.accept(Kind::Comma).is_none() {
                self.expect(Kind::RightParen, GROUPING, "\",\" or \")\"")?;
                return Ok(labels);
            }
        }
    }

    fn grouping_label(&mut self) -> Parsed<String> {
        let label = match self.token.kind {
            Kind::String => self.string_value()?,
            kind if kind.is_label_name() => self.text().to_owned(),
            _ => String::new(),
        };
        if label.is_empty() {
            return Err(self.unexpected(GROUPING, "label"));
        }
        self.bump();
        Ok(label)
    }
}
