//! Metadata in memory: what is news, what is refused.

use timberline_model::MetricKind;

use super::*;

fn entry(family: &str, help: &str) -> FamilyMetadata {
    let metadata = Metadata { kind: MetricKind::Gauge, unit: String::new(), help: help.to_owned() };
    FamilyMetadata { family: family.to_owned(), metadata }
}

fn batch(entries: &[FamilyMetadata]) -> WriteBatch<'static> {
    let mut batch = WriteBatch::default();
    entries.iter().for_each(|entry| batch.push_metadata(entry.clone()));
    batch
}

#[test]
fn only_what_differs_is_news_and_the_last_of_a_family_holds() {
    let families = Families::default();
    families.apply(&[entry("a", "1"), entry("b", "1")]);
    let sent = [entry("a", "2"), entry("b", "2"), entry("c", "1"), entry("a", "1")];
    let mut outcome = WriteOutcome::default();
    // The last entry of "a" is what is known, so nothing about it is news.
    assert_eq!(families.news_of(&batch(&sent), &mut outcome), sent[1..3]);
    assert!(outcome.rejections.is_empty());
    families.apply(&sent[1..3]);
    assert_eq!(families.find(None, 0), [entry("a", "1"), entry("b", "2"), entry("c", "1")]);
    assert_eq!(families.find(Some("b"), 0), [entry("b", "2")]);
    assert_eq!(families.find(None, 1), [entry("a", "1")]);
    assert_eq!(families.find(Some("z"), 0), []);
}

#[test]
fn what_exceeds_a_limit_is_refused_by_name_and_what_is_known_may_change() {
    let families = Families::default();
    let text = "x".repeat(limits::METADATA_TEXT_BYTES_MAX + 1);
    let mut outcome = WriteOutcome::default();
    assert_eq!(families.news_of(&batch(&[entry("a", &text)]), &mut outcome), []);
    let reason = &outcome.rejections[0].reason;
    assert!(matches!(reason, RejectReason::MetadataText { family } if family == "a"));

    let all: Vec<FamilyMetadata> =
        (0..limits::METADATA_FAMILIES_MAX).map(|n| entry(&format!("m{n}"), "")).collect();
    families.apply(&all);
    let mut outcome = WriteOutcome::default();
    let sent = [entry("m7", "changed"), entry("further", "")];
    assert_eq!(families.news_of(&batch(&sent), &mut outcome), sent[..1]);
    let reason = outcome.rejections[0].reason.to_string();
    assert!(reason.contains("further") && reason.contains("100000 metric families"), "{reason}");
}

#[test]
fn the_bytes_of_all_texts_are_limited() {
    let families = Families::default();
    let text = "x".repeat(limits::METADATA_TEXT_BYTES_MAX);
    let count = limits::METADATA_BYTES_MAX / limits::METADATA_TEXT_BYTES_MAX;
    let all: Vec<FamilyMetadata> = (0..count - 1).map(|n| entry(&format!("m{n}"), &text)).collect();
    families.apply(&all);
    let mut outcome = WriteOutcome::default();
    assert_eq!(families.news_of(&batch(&[entry("n", &text)]), &mut outcome), []);
    let reason = outcome.rejections[0].reason.to_string();
    assert!(reason.contains("67108864 bytes of metadata"), "{reason}");
    assert_eq!(families.news_of(&batch(&[entry("m1", "short")]), &mut outcome).len(), 1);
}

#[test]
fn a_map_that_was_handed_out_does_not_change() {
    let families = Families::default();
    families.apply(&[entry("a", "1")]);
    let before = families.all();
    families.apply(&[entry("a", "2"), entry("b", "1")]);
    assert_eq!((before.len(), before["a"].help.as_str()), (1, "1"));
    assert_eq!((families.count(), families.all()["a"].help.as_str()), (2, "2"));
}
