//! What is attached to an operand: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use crate::{
    ast::{
        At, DurationExpr, DurationKind, Expr, ExprKind, Modifiers, RangeExtension, Selector, Span,
        Subquery,
    },
    parser::{
        cursor::{Parsed, Parser, Tall},
        duration::Place,
        literal,
        token::{Keyword, Kind},
    },
};

const RANGE_ON_WHAT: &str = "ranges only allowed for vector selectors";

impl Parser<'_> {
    /// Reads all that is attached to an operand.
    pub(super) fn attachments(&mut self, operand: Tall<Expr>) -> Parsed<Tall<Expr>> {
        let Tall { node: mut expr, mut height } = operand;
        loop {
            match self.token.kind {
                Kind::LeftBracket => {
                    let ranged = self.range(expr, height)?;
                    (expr, height) = (ranged.node, ranged.height);
                    continue;
                }
                Kind::Keyword(Keyword::Offset) => {
                    self.bump();
                    let offset = self.offset_duration()?;
                    let span = expr.span;
                    let modifiers = modifiers_of(&mut expr)
                        .ok_or_else(|| self.error(span, misplaced("offset")))?;
                    if modifiers.offset.replace(offset).is_some() {
                        let message = "offset may not be set multiple times";
                        return Err(self.error(span, message));
                    }
                }
                Kind::At => {
                    self.bump();
                    let at = self.at_time(expr.span)?;
                    let span = expr.span;
                    let modifiers =
                        modifiers_of(&mut expr).ok_or_else(|| self.error(span, misplaced("@")))?;
                    if modifiers.at.replace(at).is_some() {
                        let message = "@ <timestamp> may not be set multiple times";
                        return Err(self.error(span, message));
                    }
                }
                Kind::Keyword(Keyword::Anchored) => {
                    self.bump();
                    self.extend(&mut expr, RangeExtension::Anchored, "anchored")?;
                }
                Kind::Keyword(Keyword::Smoothed) => {
                    self.bump();
                    self.extend(&mut expr, RangeExtension::Smoothed, "smoothed")?;
                }
                _ => return Ok(Tall { node: expr, height }),
            }
            expr.span.end = self.previous_end;
        }
    }

    /// Reads `[range]` or `[range:step]`.
    fn range(&mut self, expr: Expr, height: usize) -> Parsed<Tall<Expr>> {
        let open = self.bump();
        let range = self.positive_duration(
            "subquery or range selector",
            "number, duration, step(), or range()",
        )?;
        if self.accept(Kind::Colon).is_some() {
            return self.subquery(expr, height, range);
        }
        self.expect(Kind::RightBracket, "subquery or range", "\":\" or \"]\"")?;
        let fail = |message| Err(self.error(self.span_from(open.span.start), message));
        let ExprKind::Selector(selector) = expr.kind else { return fail(RANGE_ON_WHAT) };
        if selector.modifiers.offset.is_some() {
            return fail("no offset modifiers allowed before range");
        }
        if selector.modifiers.at.is_some() {
            return fail("no @ modifiers allowed before range");
        }
        let span = self.span_from(expr.span.start);
        self.grown(Expr { kind: ExprKind::Matrix { selector, range }, span }, height, span)
    }

    /// Reads what follows the colon of a subquery.
    fn subquery(&mut self, expr: Expr, height: usize, range: DurationExpr) -> Parsed<Tall<Expr>> {
        const CONTEXT: &str = "subquery selector";
        let step = if self.at(Kind::RightBracket) {
            None
        } else {
            let expected = "number, duration, step(), range(), or \"]\"";
            Some(self.positive_duration(CONTEXT, expected)?)
        };
        self.expect(Kind::RightBracket, CONTEXT, "\"]\"")?;
        let span = self.span_from(expr.span.start);
        let subquery = Subquery { expr, range, step, modifiers: Modifiers::default() };
        let kind = ExprKind::Subquery(Box::new(subquery));
        self.grown(Expr { kind, span }, height, span)
    }

    /// Reads a duration between brackets, which cannot be a literal of zero or less.
    fn positive_duration(
        &mut self,
        context: &'static str,
        expected: &'static str,
    ) -> Parsed<DurationExpr> {
        let duration = self.duration_expression(Place { context, expected, in_brackets: true })?;
        match duration.kind {
            DurationKind::Literal(nanos) if nanos <= 0 => {
                Err(self.error(duration.span, "duration must be greater than 0"))
            }
            _ => Ok(duration),
        }
    }

    /// Reads what follows `@`.
    fn at_time(&mut self, expr: Span) -> Parsed<At> {
        const CONTEXT: &str = "@";
        const EXPECTED: &str = "timestamp";
        for (name, at) in [("start", At::Start), ("end", At::End)] {
            if self.at_name(name) {
                self.bump();
                self.expect(Kind::LeftParen, CONTEXT, EXPECTED)?;
                self.expect(Kind::RightParen, CONTEXT, EXPECTED)?;
                return Ok(at);
            }
        }
        let sign = self.accept_sign();
        if !self.at(Kind::Number) && !self.at(Kind::Duration) {
            return Err(self.unexpected(CONTEXT, EXPECTED));
        }
        let value = self.number_value()?;
        let seconds = if sign.is_some_and(|(_, negate)| negate) { -value } else { value };
        // Seconds since the epoch have bits left for microseconds, not for more.
        let micros = ((seconds - seconds.trunc()) * 1e6).round();
        let nanos = literal::nanos_of_seconds(seconds.trunc())
            .and_then(|nanos| nanos.checked_add(micros as i64 * 1_000));
        nanos.map(At::Timestamp).ok_or_else(|| {
            let message = format!("timestamp out of bounds for @ modifier: {seconds:?}");
            self.error(expr, message)
        })
    }

    /// Sets `anchored` or `smoothed`.
    fn extend(&self, expr: &mut Expr, extension: RangeExtension, name: &str) -> Parsed<()> {
        let span = expr.span;
        let message = match &mut expr.kind {
            ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
                if matches!(selector.extension, RangeExtension::None)
                    || selector.extension == extension
                {
                    selector.extension = extension;
                    return Ok(());
                }
                "anchored and smoothed modifiers cannot be used together".to_owned()
            }
            ExprKind::Subquery(_) => format!("{name} modifier is not supported for subqueries"),
            _ => format!("{name} modifier not implemented"),
        };
        Err(self.error(span, message))
    }
}

/// Where the modifiers of an expression go, if it can have any.
fn modifiers_of(expr: &mut Expr) -> Option<&mut Modifiers> {
    match &mut expr.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => {
            let Selector { modifiers, .. } = selector.as_mut();
            Some(modifiers)
        }
        ExprKind::Subquery(subquery) => Some(&mut subquery.modifiers),
        _ => None,
    }
}

fn misplaced(modifier: &str) -> String {
    format!(
        "{modifier} modifier must be preceded by an instant vector selector or range vector \
         selector or a subquery"
    )
}
