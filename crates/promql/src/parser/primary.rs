//! What operators work on: literals, parentheses, calls, aggregations, selectors.

use crate::{
    ast::{Aggregate, AggregateOp, Expr, ExprKind, Span},
    functions::function_signature,
    parser::{
        cursor::{Parsed, Parser, Tall},
        literal,
        token::{Keyword, Kind},
    },
    quote::quote,
};

/// The functions that are keywords in Prometheus, and so known in any case.
const KEYWORD_FUNCTIONS: [&str; 6] = ["start", "end", "step", "range", "min_of", "max_of"];

impl Parser<'_> {
    /// Reads one primary expression.
    pub(super) fn primary(&mut self) -> Parsed<Tall<Expr>> {
        match self.token.kind {
            Kind::LeftParen => self.parenthesized(),
            Kind::Aggregate(op) if self.is_aggregation() => self.aggregation(op),
            Kind::Identifier if self.is_before_paren() => self.call(),
            _ => self.leaf(),
        }
    }

    /// Reads an expression in parentheses.
    fn parenthesized(&mut self) -> Parsed<Tall<Expr>> {
        let start = self.bump().span.start;
        let inner = self.expression(0)?;
        self.expect(Kind::RightParen, "", "")?;
        let span = self.span_from(start);
        self.grown(Expr { kind: ExprKind::Paren(Box::new(inner.node)), span }, inner.height, span)
    }

    /// Reads what has no expressions in it.
    fn leaf(&mut self) -> Parsed<Tall<Expr>> {
        let start = self.token.span.start;
        let kind = match self.token.kind {
            Kind::Number | Kind::Duration => self.number_literal()?,
            Kind::String => ExprKind::String(self.string_literal()?),
            _ => return self.bare_selector().map(Tall::leaf),
        };
        Ok(Tall::leaf(Expr { kind, span: self.span_from(start) }))
    }

    /// Reads a number, or a duration as its seconds.
    fn number_literal(&mut self) -> Parsed<ExprKind> {
        let is_duration = self.at(Kind::Duration);
        let value = self.number_value()?;
        Ok(ExprKind::Number { value, is_duration })
    }

    /// Reads a number or a duration and returns its value, a duration's in seconds.
    pub(super) fn number_value(&mut self) -> Parsed<f64> {
        let text = self.text();
        let value = match self.token.kind {
            Kind::Duration => literal::duration(text).map(literal::seconds_of_nanos),
            _ => literal::number(text),
        };
        let value = value.map_err(|message| self.error(self.token.span, message))?;
        self.bump();
        Ok(value)
    }

    /// Reads a string and unescapes it.
    pub(super) fn string_literal(&mut self) -> Parsed<String> {
        let text = self.string_value()?;
        self.bump();
        Ok(text)
    }

    /// The current token, a string, unescaped.
    pub(super) fn string_value(&self) -> Parsed<String> {
        literal::string(self.text()).map_err(|message| self.error(self.token.span, message))
    }

    /// Reads a function call.
    fn call(&mut self) -> Parsed<Tall<Expr>> {
        let name = self.text();
        let name_span = self.bump().span;
        let (args, height) = self.arguments()?;
        // What is wrong with the arguments goes first.
        let function = self.function(name, name_span)?;
        let span = self.span_from(name_span.start);
        self.grown(Expr { kind: ExprKind::Call { function, name_span, args }, span }, height, span)
    }

    /// The name of a function as its signature has it.
    fn function(&self, name: &str, span: Span) -> Parsed<&'static str> {
        let keyword = KEYWORD_FUNCTIONS.iter().find(|keyword| keyword.eq_ignore_ascii_case(name));
        let name = keyword.copied().unwrap_or(name);
        match function_signature(name) {
            Some(signature) => Ok(signature.name),
            None => {
                let message = format!("unknown function with name {}", quote(name));
                Err(self.error(span, message))
            }
        }
    }

    /// Reads arguments in parentheses; also returns the greatest of their heights.
    fn arguments(&mut self) -> Parsed<(Vec<Expr>, usize)> {
        self.expect(Kind::LeftParen, "", "")?;
        let (mut args, mut height) = (Vec::new(), 0);
        if self.accept(Kind::RightParen).is_some() {
            return Ok((args, height));
        }
        loop {
            let arg = self.expression(0)?;
            height = height.max(arg.height);
            args.push(arg.node);
            let Some(comma) = self.accept(Kind::Comma) else { break };
            if self.at(Kind::RightParen) {
                let message = "trailing commas not allowed in function call args";
                return Err(self.error(comma.span, message));
            }
        }
        self.expect(Kind::RightParen, "", "")?;
        Ok((args, height))
    }

    /// Whether the name of an aggregation stands for one here, and not for a metric.
    fn is_aggregation(&self) -> bool {
        let by_or_without = [Kind::Keyword(Keyword::By), Kind::Keyword(Keyword::Without)];
        let next = self.peek().map(|token| token.kind);
        self.is_before_paren() || next.is_some_and(|kind| by_or_without.contains(&kind))
    }

    /// Reads `op by (labels) (args)` or `op (args) by (labels)`.
    fn aggregation(&mut self, op: AggregateOp) -> Parsed<Tall<Expr>> {
        let start = self.bump().span.start;
        let mut modifier = self.aggregate_modifier()?;
        self.aggregations += 1;
        let (args, height) = self.arguments()?;
        self.aggregations -= 1;
        if modifier.is_none() {
            modifier = self.aggregate_modifier()?;
        }
        let span = self.span_from(start);
        self.check_aggregate_arity(op, args.len(), span)?;
        let mut args = args.into_iter();
        let param = if op.has_param() { args.next() } else { None };
        let expr = args.next().expect("the number of arguments was checked");
        let (without, grouping) = modifier.unwrap_or_default();
        let aggregate = Aggregate { op, param, expr, without, grouping };
        let kind = ExprKind::Aggregate(Box::new(aggregate));
        self.grown(Expr { kind, span }, height, span)
    }

    fn check_aggregate_arity(&self, op: AggregateOp, count: usize, span: Span) -> Parsed<()> {
        let wanted = 1 + usize::from(op.has_param());
        if count == wanted {
            return Ok(());
        }
        let message = match count {
            0 => "no arguments for aggregate expression provided".to_owned(),
            _ => format!(
                "wrong number of arguments for aggregate expression provided, \
                 expected {wanted}, got {count}"
            ),
        };
        Err(self.error(span, message))
    }

    /// Reads `by (labels)` or `without (labels)`, if either is there.
    fn aggregate_modifier(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let without = match self.token.kind {
            Kind::Keyword(Keyword::By) => false,
            Kind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some((without, self.grouping_labels()?)))
    }
}
