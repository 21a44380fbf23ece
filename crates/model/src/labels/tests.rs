//! Label sets: order, identity, limits and the canonical bytes.

use proptest::prelude::*;

use super::*;

#[test]
fn labels_are_sorted_and_empty_values_dropped() {
    let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", "")]).unwrap();
    assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    assert_eq!(labels, Labels::from_pairs([("a", "1"), ("b", "2")]).unwrap());
}

#[test]
fn bad_labels_are_named() {
    assert_eq!(
        Labels::from_pairs([("a", "1"), ("a", "2")]),
        Err(LabelsError::RepeatedName { name: "a".to_owned() })
    );
    assert_eq!(
        Labels::from_pairs([("", "1")]),
        Err(LabelsError::EmptyName { value: "1".to_owned() })
    );
    let many = (0..=limits::LABEL_COUNT_MAX).map(|i| (format!("l{i}"), "v"));
    assert!(matches!(Labels::from_pairs(many), Err(LabelsError::TooMany { count: 129, .. })));
    let long = "v".repeat(limits::LABEL_VALUE_BYTES_MAX + 1);
    assert!(matches!(Labels::from_pairs([("a", &long)]), Err(LabelsError::TooLong { .. })));
}

#[test]
fn a_repeated_name_with_an_empty_value_is_still_refused() {
    assert!(Labels::from_pairs([("a", ""), ("a", "2")]).is_err());
}

#[test]
fn labels_print_as_a_selector() {
    let print =
        |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap().to_string();
    assert_eq!(print(&[("__name__", "up")]), "up");
    assert_eq!(print(&[("__name__", "up"), ("a", "x\"y\n")]), r#"up{a="x\"y\n"}"#);
    assert_eq!(print(&[("__name__", "a.b"), ("c.d", "1")]), r#"{"a.b", "c.d"="1"}"#);
    assert_eq!(print(&[("a", "1")]), r#"{a="1"}"#);
    assert_eq!(print(&[]), "{}");
}

proptest! {
    #[test]
    fn canonical_bytes_round_trip(
        pairs in prop::collection::btree_map(".{1,20}", ".{0,200}", 0..12)
    ) {
        let labels = Labels::from_pairs(&pairs).unwrap();
        prop_assert_eq!(Labels::from_bytes(labels.as_bytes()).unwrap(), labels.clone());
        let mut builder = LabelsBuilder::default();
        Labels::decode_canonical(labels.as_bytes(), &mut builder).unwrap();
        prop_assert_eq!(builder.build().unwrap(), labels);
    }

    #[test]
    fn any_bytes_are_refused_or_read_back_alike(
        bytes in prop::collection::vec(any::<u8>(), 0..64)
    ) {
        if let Ok(labels) = Labels::from_bytes(&bytes) {
            prop_assert_eq!(labels.as_bytes(), bytes.as_slice());
            prop_assert_eq!(Labels::from_pairs(labels.iter()).unwrap(), labels);
        }
    }
}
