//! Expressions by precedence: prefix signs, operands with what is attached to them, operators.

use crate::{
    ast::{Binary, BinaryOp, Expr, ExprKind, Span},
    operator::UNARY_PRECEDENCE,
    parser::{
        cursor::{Parsed, Parser, Tall},
        token::Kind,
    },
};

impl Parser<'_> {
    /// Reads an expression made of operators that bind tighter than `outer` only; 0 for any.
    pub(super) fn expression(&mut self, outer: u8) -> Parsed<Tall<Expr>> {
        self.enter()?;
        let mut left = self.operand()?;
        while let Some(op) = self.at_operator(outer) {
            left = self.binary(left, op)?;
        }
        self.leave();
        Ok(left)
    }

    /// The current token as an operator that binds tighter than `outer`.
    fn at_operator(&self, outer: u8) -> Option<BinaryOp> {
        match self.token.kind {
            Kind::Binary(op) if op.precedence() > outer => Some(op),
            _ => None,
        }
    }

    /// Reads what follows the left side, from the operator on.
    fn binary(&mut self, left: Tall<Expr>, op: BinaryOp) -> Parsed<Tall<Expr>> {
        self.bump();
        let modifiers = self.binary_modifiers()?;
        // `^` alone associates to the right.
        let precedence = op.precedence();
        let outer = if op == BinaryOp::Pow { precedence - 1 } else { precedence };
        let right = self.expression(outer)?;
        let span = Span { start: left.node.span.start, end: right.node.span.end };
        let height = left.height.max(right.height);
        let kind = ExprKind::Binary(Box::new(Binary {
            op,
            left: left.node,
            right: right.node,
            return_bool: modifiers.return_bool,
            matching: Some(modifiers.matching),
        }));
        self.grown(Expr { kind, span }, height, span)
    }

    /// Reads an operand: signs, then a primary expression with ranges and modifiers.
    fn operand(&mut self) -> Parsed<Tall<Expr>> {
        let Some((sign, negate)) = self.accept_sign() else {
            let primary = self.primary()?;
            return self.attachments(primary);
        };
        // A sign binds as `*` does: `-a ^ b` is `-(a ^ b)`, `-a * b` is `(-a) * b`.
        let Tall { node: inner, height } = self.expression(UNARY_PRECEDENCE)?;
        let span = Span { start: sign.span.start, end: inner.span.end };
        if let ExprKind::Number { value, is_duration } = inner.kind {
            let value = if negate { -value } else { value };
            return Ok(Tall::leaf(Expr { kind: ExprKind::Number { value, is_duration }, span }));
        }
        let kind = ExprKind::Unary { negate, expr: Box::new(inner) };
        self.grown(Expr { kind, span }, height, span)
    }
}
