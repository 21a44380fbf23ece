//! `and`, `or`, `unless`: which series of the left side stay, and which of the right side join.

use std::collections::HashMap;

use super::{
    column::{Series, StepColumn, unite},
    error::EvalError,
    evaluator::{Evaluator, strip_parens},
    labels::merge_same,
    matching::Signature,
    steps::Steps,
};
use crate::ast::{Binary, BinaryOp, ExprKind};

impl Evaluator<'_> {
    /// Evaluates `and` and `unless`.
    pub(super) fn set_operation(
        &self,
        binary: &Binary,
        mut left: Vec<Series>,
        right: &[Series],
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let matching = binary.matching.as_ref();
        let mut signature = Signature::new(
            matching.ok_or(EvalError::Malformed { reason: "a set without matching" })?,
        );
        self.budget.check()?;
        let there = presence(right, &mut signature);
        let nowhere = StepColumn::absent(steps.count());
        for one in &mut left {
            let mask = there.get(signature.of(&one.labels)).map_or(nowhere.present(), |m| m);
            one.column.keep(mask, binary.op == BinaryOp::And);
        }
        left.retain(|one| !one.column.is_empty());
        Ok(left)
    }
}

impl Evaluator<'_> {
    /// Evaluates `a or b or c ...`, as long as all match in the same way. What stands on the left is looked
    /// at once, however many follow.
    pub(super) fn or_chain(&self, last: &Binary, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let matching = last.matching.as_ref();
        let mut signature = Signature::new(
            matching.ok_or(EvalError::Malformed { reason: "a set without matching" })?,
        );
        let mut operands = vec![&last.right];
        let mut first = &last.left;
        while let ExprKind::Binary(inner) = &strip_parens(first).kind
            && inner.op == BinaryOp::Or
            && inner.matching.as_ref() == matching
        {
            operands.push(&inner.right);
            first = &inner.left;
        }
        let mut all = self.eval_vector(first, steps)?;
        let (mut there, mut seen) = (Presence::new(), 0);
        for operand in operands.into_iter().rev() {
            let mut right = self.eval_vector(operand, steps)?;
            self.budget.check()?;
            add_presence(&mut there, &all[seen..], &mut signature);
            seen = all.len();
            for one in &mut right {
                if let Some(mask) = there.get(signature.of(&one.labels)) {
                    one.column.keep(mask, false);
                }
            }
            right.retain(|one| !one.column.is_empty());
            all.append(&mut right);
        }
        merge_same(all)
    }
}

/// For each signature, the steps at which some series has a value.
type Presence = HashMap<Vec<u8>, Vec<u64>>;

fn presence(series: &[Series], signature: &mut Signature<'_>) -> Presence {
    let mut found = Presence::new();
    add_presence(&mut found, series, signature);
    found
}

fn add_presence(found: &mut Presence, series: &[Series], signature: &mut Signature<'_>) {
    for one in series {
        let key = signature.of(&one.labels);
        match found.get_mut(key) {
            Some(mask) => unite(mask, &one.column.filled()),
            None => {
                found.insert(key.to_vec(), one.column.filled().into_owned());
            }
        }
    }
}
