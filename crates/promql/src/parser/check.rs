//! The check after parsing: types of operands and arguments, arities, vector matching, empty selectors.
//!
//! It also finishes the tree: matching is kept between vectors only, and set operators match many to
//! many.

use std::collections::HashSet;

use crate::{
    ast::{Aggregate, AggregateOp, Binary, Cardinality, Expr, ExprKind, Selector, Span, ValueType},
    functions::{FunctionSignature, function_signature},
    parser::{cursor::Parsed, error::ParseError, selector::is_named_before_braces},
    quote::quote,
};

/// Checks a tree just parsed from a text and finishes it.
pub(super) fn check(text: &str, expr: &mut Expr) -> Parsed<()> {
    Checker { text }.check(expr).map(|_| ())
}

struct Checker<'a> {
    text: &'a str,
}

impl Checker<'_> {
    /// Checks an expression and all below it, and returns its type.
    ///
    /// It recurses as deep as the tree is high, so what needs room on the stack, such as making
    /// messages, is elsewhere.
    fn check(&self, expr: &mut Expr) -> Parsed<ValueType> {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Number { .. } => Ok(ValueType::Scalar),
            ExprKind::String(_) => Ok(ValueType::String),
            ExprKind::Selector(selector) => {
                self.check_selector(selector, span, false).map(|()| ValueType::Vector)
            }
            ExprKind::Matrix { selector, .. } => {
                self.check_selector(selector, span, false).map(|()| ValueType::Matrix)
            }
            ExprKind::Subquery(subquery) => match self.check(&mut subquery.expr)? {
                ValueType::Vector => Ok(ValueType::Matrix),
                other => Err(self.subquery_error(span, other)),
            },
            ExprKind::Unary { expr, .. } => match self.check(expr)? {
                found @ (ValueType::Scalar | ValueType::Vector) => Ok(found),
                other => Err(self.unary_error(span, other)),
            },
            ExprKind::Binary(binary) => {
                let left = self.check(&mut binary.left)?;
                let right = self.check(&mut binary.right)?;
                self.check_binary(binary, left, right, span)
            }
            ExprKind::Aggregate(aggregate) => {
                let found = self.check(&mut aggregate.expr)?;
                let param = aggregate.param.as_mut().map(|param| self.check(param)).transpose()?;
                self.check_aggregate(aggregate, found, param)
            }
            ExprKind::Call { function, args, .. } => {
                let signature = function_signature(function)
                    .expect("the parser makes calls of functions that exist");
                self.check_arity(signature, args.len(), span)?;
                for (index, arg) in args.iter_mut().enumerate() {
                    if index == 1 && signature.name == "info" {
                        self.check_info_selector(arg, span)?;
                    } else {
                        let found = self.check(arg)?;
                        self.check_argument(signature, index, found, arg.span)?;
                    }
                }
                Ok(signature.returns)
            }
            ExprKind::Paren(inner) => self.check(inner),
        }
    }

    fn subquery_error(&self, span: Span, found: ValueType) -> ParseError {
        let found = found.as_str();
        let message = format!("subquery is only allowed on instant vector, got {found} instead");
        self.error(span, message)
    }

    fn unary_error(&self, span: Span, found: ValueType) -> ParseError {
        let message = format!(
            "unary expression only allowed on expressions of type scalar or instant vector, \
             got \"{found}\""
        );
        self.error(span, message)
    }

    /// Checks a selector; that of `info` may match everything.
    fn check_selector(&self, selector: &Selector, span: Span, may_be_empty: bool) -> Parsed<()> {
        if let Some(name) =
            selector.name.as_ref().filter(|_| is_named_before_braces(self.text, span))
        {
            let is_name =
                |m: &&timberline_model::Matcher| m.name() == timberline_model::METRIC_NAME;
            return match selector.matchers.iter().filter(is_name).nth(1) {
                None => Ok(()),
                Some(second) => {
                    let (name, second) = (quote(name), quote(second.value()));
                    let message = format!("metric name must not be set twice: {name} or {second}");
                    Err(self.error(span, message))
                }
            };
        }
        if may_be_empty || selector.matchers.iter().any(|m| !m.matches_empty()) {
            return Ok(());
        }
        Err(self.error(span, "vector selector must contain at least one non-empty matcher"))
    }

    /// Checks the types found for what is aggregated and for the parameter.
    fn check_aggregate(
        &self,
        aggregate: &Aggregate,
        found: ValueType,
        param: Option<ValueType>,
    ) -> Parsed<ValueType> {
        let expect = |found: ValueType, wanted: ValueType, what: &str, span: Span| {
            if found == wanted {
                return Ok(());
            }
            let message = format!("expected type {wanted} in aggregation {what}, got {found}");
            Err(self.error(span, message))
        };
        expect(found, ValueType::Vector, "expression", aggregate.expr.span)?;
        let wanted = match aggregate.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        if let (Some(found), Some(param)) = (param, &aggregate.param) {
            expect(found, wanted, "parameter", param.span)?;
        }
        Ok(ValueType::Vector)
    }

    /// Checks how many arguments a call has.
    fn check_arity(&self, signature: &FunctionSignature, count: usize, call: Span) -> Parsed<()> {
        let (bound, wanted) = match (signature.is_variadic(), signature.args_max) {
            (true, _) if count < signature.args_min => ("at least ", signature.args_min),
            (true, Some(max)) if count > max => ("at most ", max),
            (false, _) if count != signature.args_min => ("", signature.args_min),
            _ => return Ok(()),
        };
        let name = quote(signature.name);
        let message =
            format!("expected {bound}{wanted} argument(s) in call to {name}, got {count}");
        Err(self.error(call, message))
    }

    /// Checks the type found for an argument.
    fn check_argument(
        &self,
        signature: &FunctionSignature,
        index: usize,
        found: ValueType,
        arg: Span,
    ) -> Parsed<()> {
        let wanted = signature.arg(index).expect("the number of arguments was checked");
        if found == wanted {
            return Ok(());
        }
        let name = quote(signature.name);
        let message = format!("expected type {wanted} in call to function {name}, got {found}");
        Err(self.error(arg, message))
    }

    /// Checks the second argument of `info`: matchers without a metric name before them.
    fn check_info_selector(&self, arg: &mut Expr, call: Span) -> Parsed<()> {
        let found = arg.value_type();
        if found != ValueType::Vector {
            let wanted = ValueType::Vector;
            let message =
                format!("expected type {wanted} in call to function \"info\", got {found}");
            return Err(self.error(call, message));
        }
        match &arg.kind {
            ExprKind::Selector(_) if is_named_before_braces(self.text, arg.span) => {
                let message = "expected label selectors only, got vector selector instead";
                Err(self.error(arg.span, message))
            }
            ExprKind::Selector(selector) => self.check_selector(selector, arg.span, true),
            _ => Err(self.error(arg.span, "expected label selectors only")),
        }
    }

    /// Checks an operator between sides of the types found.
    fn check_binary(
        &self,
        binary: &mut Binary,
        left: ValueType,
        right: ValueType,
        span: Span,
    ) -> Parsed<ValueType> {
        let are_scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            let message = "bool modifier can only be used on comparison operators";
            return Err(self.error(self.operator_span(binary), message));
        }
        if op.is_comparison() && !binary.return_bool && are_scalars {
            let message = "comparisons between scalars must use BOOL modifier";
            return Err(self.error(self.operator_span(binary), message));
        }
        self.check_matching_labels(binary)?;
        for (found, side) in [(left, &binary.left), (right, &binary.right)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(self.error(side.span, message));
            }
        }
        if left == ValueType::Vector && right == ValueType::Vector {
            if op.is_set() {
                self.check_set_operator(binary, span)?;
            }
            return Ok(ValueType::Vector);
        }
        self.check_no_matching(binary, span)?;
        Ok(if are_scalars { ValueType::Scalar } else { ValueType::Vector })
    }

    /// Checks that nothing needs vectors on both sides, and drops the matching.
    fn check_no_matching(&self, binary: &mut Binary, span: Span) -> Parsed<()> {
        let matching = binary.matching.take().unwrap_or_default();
        if !matching.labels.is_empty() {
            let message = "vector matching only allowed between instant vectors";
            return Err(self.error(span, message));
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            let message = "filling in missing series only allowed between instant vectors";
            return Err(self.error(span, message));
        }
        let op = binary.op;
        if op.is_set() {
            let message = format!("set operator \"{op}\" not allowed in binary scalar expression");
            return Err(self.error(span, message));
        }
        Ok(())
    }

    fn check_matching_labels(&self, binary: &Binary) -> Parsed<()> {
        let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on) else {
            return Ok(());
        };
        let include: HashSet<_> = matching.include.iter().collect();
        match matching.labels.iter().find(|label| include.contains(label)) {
            None => Ok(()),
            Some(label) => {
                let label = quote(label);
                let message =
                    format!("label {label} must not occur in ON and GROUP clause at once");
                Err(self.error(self.operator_span(binary), message))
            }
        }
    }

    /// Checks the matching of a set operator between vectors, which is always many to many.
    fn check_set_operator(&self, binary: &mut Binary, span: Span) -> Parsed<()> {
        let matching = binary.matching.get_or_insert_default();
        let has_fill = matching.fill_left.is_some() || matching.fill_right.is_some();
        let message = if matching.cardinality != Cardinality::OneToOne {
            format!("no grouping allowed for \"{}\" operation", binary.op)
        } else if has_fill {
            "filling in missing series not allowed for set operators".to_owned()
        } else {
            matching.cardinality = Cardinality::ManyToMany;
            return Ok(());
        };
        Err(self.error(span, message))
    }

    /// Where the operator with its modifiers stands.
    fn operator_span(&self, binary: &Binary) -> Span {
        let (start, end) = (binary.left.span.end, binary.right.span.start);
        let between = &self.text[start..end];
        let start = start + (between.len() - between.trim_start().len());
        Span { start, end: end - (between.len() - between.trim_end().len()) }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, message)
    }
}
