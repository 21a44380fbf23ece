//! The check after parsing: types of operands and arguments, arities, vector matching, empty selectors.
//!
//! It also finishes the tree: matching is kept between vectors only, and set operators match many to
//! many.

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
    fn check(&self, expr: &mut Expr) -> Parsed<ValueType> {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Number { .. } => Ok(ValueType::Scalar),
            ExprKind::String(_) => Ok(ValueType::String),
            ExprKind::Selector(selector) => {
                self.check_selector(selector, span, false)?;
                Ok(ValueType::Vector)
            }
            ExprKind::Matrix { selector, .. } => {
                self.check_selector(selector, span, false)?;
                Ok(ValueType::Matrix)
            }
            ExprKind::Subquery(subquery) => match self.check(&mut subquery.expr)? {
                ValueType::Vector => Ok(ValueType::Matrix),
                other => {
                    let other = other.as_str();
                    let message =
                        format!("subquery is only allowed on instant vector, got {other} instead");
                    Err(self.error(span, message))
                }
            },
            ExprKind::Unary { expr, .. } => match self.check(expr)? {
                found @ (ValueType::Scalar | ValueType::Vector) => Ok(found),
                other => {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant \
                         vector, got \"{other}\""
                    );
                    Err(self.error(span, message))
                }
            },
            ExprKind::Binary(binary) => self.check_binary(binary, span),
            ExprKind::Aggregate(aggregate) => self.check_aggregate(aggregate),
            ExprKind::Call { function, args, .. } => {
                let signature = function_signature(function)
                    .expect("the parser makes calls of functions that exist");
                self.check_call(signature, args, span)
            }
            ExprKind::Paren(inner) => self.check(inner),
        }
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

    fn check_aggregate(&self, aggregate: &mut Aggregate) -> Parsed<ValueType> {
        self.expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
        let wanted = match aggregate.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        if let Some(param) = &mut aggregate.param {
            self.expect(param, wanted, "aggregation parameter")?;
        }
        Ok(ValueType::Vector)
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Parsed<()> {
        let found = self.check(expr)?;
        if found == wanted {
            return Ok(());
        }
        let message = format!("expected type {wanted} in {context}, got {found}");
        Err(self.error(expr.span, message))
    }

    fn check_call(
        &self,
        signature: &FunctionSignature,
        args: &mut [Expr],
        span: Span,
    ) -> Parsed<ValueType> {
        let (name, count) = (quote(signature.name), args.len());
        let arity = match signature.args_max {
            _ if count < signature.args_min && signature.is_variadic() => {
                Some(("at least ", signature.args_min))
            }
            Some(max) if signature.is_variadic() && count > max => Some(("at most ", max)),
            Some(max) if !signature.is_variadic() && count != max => Some(("", max)),
            _ => None,
        };
        if let Some((bound, wanted)) = arity {
            let message =
                format!("expected {bound}{wanted} argument(s) in call to {name}, got {count}");
            return Err(self.error(span, message));
        }
        let is_info = signature.name == "info";
        for (index, arg) in args.iter_mut().enumerate() {
            if is_info && index == 1 {
                self.check_info_selector(arg, span)?;
                continue;
            }
            let wanted = signature.arg(index).expect("the number of arguments was checked");
            let found = self.check(arg)?;
            if found != wanted {
                let message =
                    format!("expected type {wanted} in call to function {name}, got {found}");
                return Err(self.error(arg.span, message));
            }
        }
        Ok(signature.returns)
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

    fn check_binary(&self, binary: &mut Binary, span: Span) -> Parsed<ValueType> {
        let left = self.check(&mut binary.left)?;
        let right = self.check(&mut binary.right)?;
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
        if let Some(matching) = binary.matching.take() {
            let message = if !matching.labels.is_empty() {
                "vector matching only allowed between instant vectors"
            } else if matching.fill_left.is_some() || matching.fill_right.is_some() {
                "filling in missing series only allowed between instant vectors"
            } else {
                ""
            };
            if !message.is_empty() {
                return Err(self.error(span, message));
            }
        }
        if op.is_set() {
            let message = format!("set operator \"{op}\" not allowed in binary scalar expression");
            return Err(self.error(span, message));
        }
        Ok(if are_scalars { ValueType::Scalar } else { ValueType::Vector })
    }

    fn check_matching_labels(&self, binary: &Binary) -> Parsed<()> {
        let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on) else {
            return Ok(());
        };
        match matching.labels.iter().find(|label| matching.include.contains(label)) {
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
