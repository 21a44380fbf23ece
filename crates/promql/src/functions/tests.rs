//! Tests of the table of signatures.

use super::*;
use crate::ast::ValueType;

#[test]
fn signatures_are_sorted_and_found_by_name() {
    let all = function_signatures();
    assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
    for signature in all {
        assert_eq!(function_signature(signature.name), Some(signature));
    }
    assert_eq!(function_signature("RATE"), None);
}

#[test]
fn all_functions_of_prometheus_3_14_are_there() {
    let all = function_signatures();
    assert_eq!(all.len(), 90);
    assert_eq!(all.iter().filter(|s| s.experimental).count(), 17);
}

#[test]
fn the_last_argument_type_repeats_as_often_as_allowed() {
    let join = function_signature("label_join").unwrap();
    assert_eq!(join.arg(0), Some(ValueType::Vector));
    assert_eq!(join.arg(40), Some(ValueType::String));
    let quantiles = function_signature("histogram_quantiles").unwrap();
    assert_eq!(quantiles.arg(11), Some(ValueType::Scalar));
    assert_eq!(quantiles.arg(12), None);
    assert_eq!(function_signature("pi").unwrap().arg(0), None);
    assert!(!function_signature("clamp").unwrap().is_variadic());
}
