//! Durations that may be computed: between brackets and after `offset`.

use crate::{
    ast::{BinaryOp, DurationExpr, DurationKind, DurationOp, Span},
    operator::UNARY_PRECEDENCE,
    parser::{
        cursor::{Parsed, Parser, Tall},
        literal,
        token::Kind,
    },
};

/// Where a duration stands and what may stand there, for error messages.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) context: &'static str,
    pub(super) expected: &'static str,
    /// Whether only a bracket can end it; otherwise an operator may belong to what is around.
    pub(super) in_brackets: bool,
}

/// What can be called in a duration, known in any case.
pub(super) const DURATION_FUNCTIONS: [&str; 4] = ["step", "range", "min_of", "max_of"];

const AFTER_OFFSET: Place = Place {
    context: "offset",
    expected: "number, duration, step(), or range()",
    in_brackets: false,
};

impl Parser<'_> {
    /// Reads any duration: the whole of what stands between brackets.
    pub(super) fn duration_expression(&mut self, place: Place) -> Parsed<DurationExpr> {
        self.duration(0, place).map(|duration| duration.node)
    }

    /// Reads what follows `offset`: one operand with at most one sign. An operator after it belongs to
    /// the expression around: `a offset -2 ^ 2` is `(a offset -2) ^ 2`. Only what begins with a
    /// parenthesis, or with two signs, goes on: `a offset (1m) + 2m` is `a offset 3m`.
    pub(super) fn offset_duration(&mut self) -> Parsed<DurationExpr> {
        if self.at(Kind::LeftParen) {
            let left = self.duration_operand(AFTER_OFFSET)?;
            return self.duration_operators(left, 0, AFTER_OFFSET).map(|duration| duration.node);
        }
        let Some((sign, negate)) = self.accept_sign() else {
            return self.duration_operand(AFTER_OFFSET).map(|duration| duration.node);
        };
        let is_signed_twice =
            matches!(self.token.kind, Kind::Binary(BinaryOp::Add | BinaryOp::Sub));
        let inner = if is_signed_twice {
            self.duration(UNARY_PRECEDENCE, AFTER_OFFSET)?
        } else {
            self.duration_operand(AFTER_OFFSET)?
        };
        self.signed(sign.span, negate, inner).map(|duration| duration.node)
    }

    /// Reads a duration made of operators that bind tighter than `outer` only.
    fn duration(&mut self, outer: u8, place: Place) -> Parsed<Tall<DurationExpr>> {
        self.enter()?;
        let left = match self.accept_sign() {
            Some((sign, negate)) => {
                let inner = self.duration(UNARY_PRECEDENCE, place)?;
                self.signed(sign.span, negate, inner)?
            }
            None => self.duration_operand(place)?,
        };
        let whole = self.duration_operators(left, outer, place)?;
        self.leave();
        Ok(whole)
    }

    /// Reads the operators after a left side, and their right sides.
    fn duration_operators(
        &mut self,
        mut left: Tall<DurationExpr>,
        outer: u8,
        place: Place,
    ) -> Parsed<Tall<DurationExpr>> {
        while let Kind::Binary(op) = self.token.kind {
            let Some(op) = DurationOp::of_binary(op) else { break };
            let goes_on = place.in_brackets || self.is_before_duration();
            if op.precedence() <= outer || !goes_on {
                break;
            }
            self.bump();
            let precedence = op.precedence();
            let outer = if op == DurationOp::Pow { precedence - 1 } else { precedence };
            let right = self.duration(outer, place)?;
            let span = Span { start: left.node.span.start, end: right.node.span.end };
            let height = left.height.max(right.height);
            let (left_node, right) = (Box::new(left.node), Box::new(right.node));
            let kind = DurationKind::Binary { op, left: left_node, right };
            left = self.grown(DurationExpr { kind, span }, height, span)?;
        }
        Ok(left)
    }

    /// Whether the token after the current one can begin a duration.
    fn is_before_duration(&self) -> bool {
        let Some(next) = self.peek() else { return true };
        let text = &self.source()[next.span.start..next.span.end];
        match next.kind {
            Kind::Identifier => DURATION_FUNCTIONS.iter().any(|f| f.eq_ignore_ascii_case(text)),
            Kind::Number | Kind::Duration | Kind::LeftParen => true,
            Kind::Binary(op) => matches!(op, BinaryOp::Add | BinaryOp::Sub),
            _ => false,
        }
    }

    /// Reads a literal, a parenthesis, `step()`, `range()`, `min_of(a, b)` or `max_of(a, b)`.
    fn duration_operand(&mut self, place: Place) -> Parsed<Tall<DurationExpr>> {
        let start = self.token.span.start;
        match self.token.kind {
            Kind::Number | Kind::Duration => {
                let nanos = self.duration_literal()?;
                let kind = DurationKind::Literal(nanos);
                Ok(Tall::leaf(DurationExpr { kind, span: self.span_from(start) }))
            }
            Kind::LeftParen => {
                self.bump();
                let inner = self.duration(0, place)?;
                self.expect(Kind::RightParen, place.context, place.expected)?;
                let span = self.span_from(start);
                let kind = DurationKind::Paren(Box::new(inner.node));
                self.grown(DurationExpr { kind, span }, inner.height, span)
            }
            Kind::Identifier => self.duration_function(place),
            _ => Err(self.unexpected(place.context, place.expected)),
        }
    }

    /// Reads a number of seconds or a duration.
    fn duration_literal(&mut self) -> Parsed<i64> {
        let span = self.token.span;
        if self.at(Kind::Duration) {
            let nanos = literal::duration(self.text());
            let nanos = nanos.map_err(|message| self.error(span, message))?;
            self.bump();
            return Ok(nanos);
        }
        let seconds = self.number_value()?;
        literal::nanos_of_seconds(seconds).ok_or_else(|| self.error(span, "duration out of range"))
    }

    fn duration_function(&mut self, place: Place) -> Parsed<Tall<DurationExpr>> {
        let start = self.token.span.start;
        for (name, kind) in [("step", DurationKind::Step), ("range", DurationKind::Range)] {
            if self.at_name(name) {
                self.bump();
                self.expect(Kind::LeftParen, place.context, place.expected)?;
                self.expect(Kind::RightParen, place.context, place.expected)?;
                return Ok(Tall::leaf(DurationExpr { kind, span: self.span_from(start) }));
            }
        }
        let is_min = self.at_name("min_of");
        if !is_min && !self.at_name("max_of") {
            return Err(self.unexpected(place.context, place.expected));
        }
        self.bump();
        self.expect(Kind::LeftParen, place.context, place.expected)?;
        let left = self.duration(0, place)?;
        self.expect(Kind::Comma, place.context, place.expected)?;
        let right = self.duration(0, place)?;
        self.expect(Kind::RightParen, place.context, place.expected)?;
        let (a, b) = (Box::new(left.node), Box::new(right.node));
        let kind = if is_min { DurationKind::MinOf(a, b) } else { DurationKind::MaxOf(a, b) };
        let span = self.span_from(start);
        self.grown(DurationExpr { kind, span }, left.height.max(right.height), span)
    }

    /// Puts a sign before a duration; literals take it into themselves.
    fn signed(
        &self,
        sign: Span,
        negate: bool,
        inner: Tall<DurationExpr>,
    ) -> Parsed<Tall<DurationExpr>> {
        let Tall { node: mut duration, height } = inner;
        let span = Span { start: sign.start, end: duration.span.end };
        match &mut duration.kind {
            DurationKind::Literal(nanos) => {
                if negate {
                    // Literals are never the least i64, which alone has no opposite.
                    *nanos = nanos.saturating_neg();
                }
                duration.span = span;
                Ok(Tall { node: duration, height })
            }
            _ if !negate => Ok(Tall { node: duration, height }),
            _ => {
                let kind = DurationKind::Negate(Box::new(duration));
                self.grown(DurationExpr { kind, span }, height, span)
            }
        }
    }
}
