//! Definitions from disk, the dictionary, and questions about labels.

use timberline_model::{Labels, MatchOp, Matcher, SeriesRef};

use super::{
    super::{Head, HeadOptions, HeadSample, ShardIndex},
    support::{batch_of, head, labels, nothing_older, of, raw, read_all, series_of, write},
};

#[test]
fn a_head_defined_from_a_dictionary_is_the_same_head() {
    let before = head(Default::default());
    for host in 0..3_000 {
        series_of(&before, &labels(host));
    }
    let after = head(Default::default());
    let mut dictionary: Vec<(SeriesRef, Labels)> = before.dictionary().collect();
    assert_eq!(dictionary.len(), 3_000);
    assert!(dictionary.is_sorted_by_key(|(series, _)| *series));
    // In the order in which they may come from a log: not ascending.
    dictionary.reverse();
    for (series, set) in &dictionary {
        after.define(*series, set).expect("sound");
        after.define(*series, set).expect("the same again is fine");
    }
    assert_eq!(after.series_count(), 3_000);
    dictionary.reverse();
    assert_eq!(after.dictionary().collect::<Vec<_>>(), dictionary);
    let sets: Vec<Labels> = (0..3_000).map(labels).collect();
    let resolution = after.resolve(&batch_of(sets.iter().map(raw)));
    assert!(resolution.undefined.is_empty(), "what recovery defines is in the log");
    for (series, set) in resolution.series.iter().zip(&sets) {
        assert_eq!(series.as_ref().ok().copied(), before.find(set));
    }
    let one = Matcher::new("host", MatchOp::Regex, "h1.3").expect("valid");
    assert_eq!(after.select(std::slice::from_ref(&one)), before.select(&[one]));
}

#[test]
fn slots_that_were_never_defined_stay_empty() {
    let head = head(Default::default());
    let set = labels(1);
    let shard = ShardIndex::of_hash(set.hash());
    head.define(shard.series(1_000), &set).expect("sound");
    assert!(head.is_known(shard.series(1_000)));
    assert!(!head.is_known(shard.series(999)) && !head.is_known(shard.series(1_001)));
    assert!(!head.is_known(SeriesRef(u64::MAX)));
    assert_eq!(head.select(&[]), [shard.series(1_000)]);
    let unknown = |slot| HeadSample { slot, index: 0, ts: 1, value: 1.0 };
    head.apply(shard, &[unknown(999), unknown(1_000), unknown(u32::MAX)], &nothing_older);
    let epoch = head.rotate();
    assert_eq!(head.series_in(epoch), [shard.series(1_000)]);
    assert_eq!(read_all(&head, shard.series(1_000)), of(&[(1, 1.0)]));
    let other = (2..).map(labels).find(|set| ShardIndex::of_hash(set.hash()) == shard);
    let other = series_of(&head, &other.expect("some label set falls into the shard"));
    assert_eq!(other, shard.series(1_001));
    write(&head, other, &[(1, 2.0)]);
    assert_eq!(read_all(&head, other), of(&[(1, 2.0)]));
}

#[test]
fn damaged_definitions_are_named() {
    let head = head(Default::default());
    let (a, b) = (labels(1), labels(2));
    let shard = ShardIndex::of_hash(a.hash());
    let reason = |series, set: &Labels| head.define(series, set).expect_err("damaged").reason;
    assert_eq!(reason(SeriesRef(u64::MAX), &a), "there is no such shard");
    assert_eq!(reason(shard.series(0), &Labels::empty()), "it has no labels");
    let elsewhere = ShardIndex::new((shard.get() + 1) % 16).series(0);
    assert_eq!(reason(elsewhere, &a), "its labels belong to another shard");
    assert_eq!(reason(shard.series(u32::MAX), &a), "its number is far beyond all others");
    assert_eq!(reason(shard.series(3_000_000_000), &a), "its number is far beyond all others");
    head.define(shard.series(4), &a).expect("sound");
    assert_eq!(reason(shard.series(5), &a), "its labels have another number");
    let other = (3..).map(labels).find(|set| ShardIndex::of_hash(set.hash()) == shard);
    assert_eq!(reason(shard.series(4), &other.expect("one")), "its number has other labels");
    assert_eq!(head.series_count(), 1);
    assert_eq!(head.find(&b), None);
}

fn head_of_services() -> Head {
    let head = Head::new(HeadOptions::default());
    for i in 0..100 {
        let (host, job) = (format!("h{i}"), format!("j{}", i % 3));
        let name = if i < 70 { "up" } else { "load" };
        let labels = Labels::from_pairs([("__name__", name), ("host", &host), ("job", &job)]);
        series_of(&head, &labels.expect("valid"));
    }
    series_of(&head, &Labels::from_pairs([("lonely", "x")]).expect("valid"));
    head
}

#[test]
fn names_and_values_are_those_of_the_matching_series() {
    let head = head_of_services();
    assert_eq!(head.label_names(&[]), ["__name__", "host", "job", "lonely"]);
    let job = Matcher::equal("job", "j1");
    assert_eq!(head.label_names(std::slice::from_ref(&job)), ["__name__", "host", "job"]);
    assert_eq!(head.label_values("job", &[]), ["j0", "j1", "j2"]);
    assert_eq!(head.label_values("job", std::slice::from_ref(&job)), ["j1"]);
    assert_eq!(head.label_values("host", &[Matcher::equal("host", "h7"), job]), ["h7"]);
    assert!(head.label_values("absent", &[]).is_empty());
    assert!(head.label_names(&[Matcher::equal("job", "none")]).is_empty());
}

#[test]
fn cardinality_names_the_largest_first() {
    let cardinality = head_of_services().cardinality(2);
    let count = |text: &str, count: u64| (text.to_owned(), count);
    assert_eq!(cardinality.series, 101);
    assert_eq!(cardinality.label_pairs, 2 + 100 + 3 + 1);
    assert_eq!(cardinality.series_by_metric, [count("up", 70), count("load", 30)]);
    assert_eq!(cardinality.values_by_name, [count("host", 100), count("job", 3)]);
    assert_eq!(cardinality.bytes_by_name, [count("host", 290), count("__name__", 6)]);
    assert_eq!(cardinality.series_by_pair, [count("__name__=up", 70), count("job=j0", 34)]);
}
