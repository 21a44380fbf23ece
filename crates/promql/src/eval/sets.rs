//! `and`, `or`, `unless`: which series of the left side stay, and which of the right side join.

use std::collections::HashMap;

use super::{
    column::{Series, StepColumn, unite},
    error::EvalError,
    evaluator::Evaluator,
    labels::merge_same,
    matching::Signature,
    steps::Steps,
};
use crate::ast::{Binary, BinaryOp};

impl Evaluator<'_> {
    /// Evaluates a set operator.
    pub(super) fn set_operation(
        &self,
        binary: &Binary,
        mut left: Vec<Series>,
        mut right: Vec<Series>,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let matching = binary.matching.as_ref();
        let mut signature = Signature::new(
            matching.ok_or(EvalError::Malformed { reason: "a set without matching" })?,
        );
        self.budget.check()?;
        if binary.op == BinaryOp::Or {
            let there = presence(&left, &mut signature);
            for one in &mut right {
                if let Some(mask) = there.get(signature.of(&one.labels)) {
                    one.column.keep(mask, false);
                }
            }
            left.append(&mut right);
            return merge_same(left);
        }
        let there = presence(&right, &mut signature);
        let nowhere = StepColumn::absent(steps.count());
        for one in &mut left {
            let mask = there.get(signature.of(&one.labels)).map_or(nowhere.present(), |m| m);
            one.column.keep(mask, binary.op == BinaryOp::And);
        }
        left.retain(|one| !one.column.is_empty());
        Ok(left)
    }
}

/// For each signature, the steps at which some series has a value.
fn presence(series: &[Series], signature: &mut Signature<'_>) -> HashMap<Vec<u8>, Vec<u64>> {
    let mut found: HashMap<Vec<u8>, Vec<u64>> = HashMap::new();
    for one in series {
        let key = signature.of(&one.labels);
        match found.get_mut(key) {
            Some(mask) => unite(mask, &one.column.filled()),
            None => {
                found.insert(key.to_vec(), one.column.filled().into_owned());
            }
        }
    }
    found
}
