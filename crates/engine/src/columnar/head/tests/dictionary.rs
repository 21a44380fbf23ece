//! Definitions from disk, the dictionary, and questions about labels.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use timberline_io::SimDisk;
use timberline_log::checkpoint::{self, Checkpoint};
use timberline_model::{Labels, LogOffset, MatchOp, Matcher, STALE_NAN, SeriesRef, TimeRange};

use super::{
    super::{Epoch, Head, HeadOptions, HeadSample, ShardIndex},
    support::{batch_of, head, labels, nothing_older, of, raw, read_all, series_of, write},
};

#[test]
fn a_head_defined_from_a_dictionary_is_the_same_head() {
    let before = head(Default::default());
    for host in 0..3_000 {
        series_of(&before, &labels(host));
    }
    let after = head(Default::default());
    let mut dictionary = definitions(&before);
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
    assert_eq!(definitions(&after), dictionary);
    let sets: Vec<Labels> = (0..3_000).map(labels).collect();
    let resolution = after.resolve(&batch_of(sets.iter().map(raw)));
    assert!(resolution.undefined.is_empty(), "what recovery defines is in the log");
    for (series, set) in resolution.series.iter().zip(&sets) {
        assert_eq!(series.as_ref().ok().copied(), before.find(set));
    }
    let one = Matcher::new("host", MatchOp::Regex, "h1.3").expect("valid");
    assert_eq!(after.select(std::slice::from_ref(&one)), before.select(&[one]));
}

fn definitions(head: &Head) -> Vec<(SeriesRef, Labels)> {
    let labels = |series| (series, head.labels(series).expect("it was just selected"));
    head.select(&[]).into_iter().map(labels).collect()
}

/// The parts of a head's dictionary, read back from a file.
fn restored(head: &Head, after: &Head) -> Vec<Result<(), String>> {
    let disk = SimDisk::new(1);
    let dir = Path::new("/dictionaries");
    let path = checkpoint::write(&disk, dir, LogOffset(1), head.dictionary()).expect("written");
    let checkpoint = Checkpoint::open(&disk, &path).expect("sound");
    let mut buffer = Vec::new();
    (0..checkpoint.part_count())
        .map(|index| after.restore(&checkpoint.part(&disk, index, &mut buffer).expect("sound")))
        .collect()
}

#[test]
fn a_head_restored_from_its_dictionary_is_the_same_head() {
    let before = head(Default::default());
    for host in 0..3_000 {
        series_of(&before, &labels(host));
    }
    let after = head(Default::default());
    assert!(restored(&before, &after).iter().all(Result::is_ok));
    assert_eq!(after.series_count(), 3_000);
    assert_eq!(definitions(&after), definitions(&before));
    let one = Matcher::new("host", MatchOp::Regex, "h1.3").expect("valid");
    assert_eq!(after.select(std::slice::from_ref(&one)), before.select(std::slice::from_ref(&one)));
    after.index();
    assert_eq!(after.select(std::slice::from_ref(&one)), before.select(&[one]));
    for host in 0..3_000 {
        assert_eq!(after.find(&labels(host)), before.find(&labels(host)));
    }
    let new = series_of(&after, &labels(3_000));
    assert_eq!(series_of(&before, &labels(3_000)), new, "numbers go on where they were");
    let again = restored(&before, &after);
    assert!(again.iter().all(|part| part.as_ref().is_err_and(|reason| reason.contains("twice"))));
}

#[test]
fn series_that_left_are_not_in_the_dictionary_and_their_numbers_are_not_given_again() {
    let before = head(Default::default());
    let series: Vec<SeriesRef> = (0..2_000).map(|host| series_of(&before, &labels(host))).collect();
    for (host, series) in series.iter().enumerate() {
        write(&before, *series, &[(if host % 2 == 0 { 1 } else { 1_000 }, 1.0)]);
    }
    assert_eq!(retired(&before, 500), 0, "all have samples");
    let epoch = before.rotate();
    before.release(epoch);
    assert_eq!(retired(&before, 500), 1_000);
    assert_eq!(before.series_count(), 1_000);
    let after = head(Default::default());
    assert!(restored(&before, &after).iter().all(Result::is_ok));
    assert_eq!(definitions(&after), definitions(&before));
    for (host, series) in (0..).zip(&series) {
        let expected = (host % 2 == 1).then_some(*series);
        assert_eq!((before.find(&labels(host)), after.find(&labels(host))), (expected, expected));
        assert_eq!(before.labels(*series).is_some(), expected.is_some());
    }
    assert_eq!(before.label_values("host", &[]).len(), 1_000);
    for head in [&before, &after] {
        let again = series_of(head, &labels(0));
        assert!(again != series[0] && !series.contains(&again));
        assert!(!head.has_samples(again, TimeRange::ALL, Epoch::default()));
    }
}

/// Lets idle series go, as a commit does.
fn retired(head: &Head, idle: i64) -> u64 {
    let series = head.idle_series(idle);
    head.begin_retiring();
    let count = series.shards().map(|shard| head.retire(shard, &series)).sum();
    series.shards().for_each(|shard| head.clean(shard));
    head.end_retiring();
    count
}

#[test]
fn a_series_that_ended_goes_at_once_and_one_never_seen_after_a_while() {
    let head = head(Default::default());
    let shard = ShardIndex::of_hash(labels(1).hash());
    let same_shard = (1..).filter(|host| ShardIndex::of_hash(labels(*host).hash()) == shard);
    let [ended, unseen, alive] = same_shard.take(3).collect::<Vec<_>>()[..] else { unreachable!() };
    let (stale, alive) = (series_of(&head, &labels(ended)), series_of(&head, &labels(alive)));
    head.define(shard.series(900), &labels(unseen)).expect("sound");
    write(&head, stale, &[(10, 1.0), (20, STALE_NAN)]);
    write(&head, alive, &[(15, 1.0)]);
    let flush = || {
        let epoch = head.rotate();
        head.release(epoch);
    };
    flush();
    assert_eq!(retired(&head, 1_000), 1);
    assert_eq!(head.find(&labels(ended)), None);
    write(&head, alive, &[(1_019, 1.0)]);
    flush();
    assert_eq!(retired(&head, 1_000), 0);
    write(&head, alive, &[(1_020, 1.0)]);
    assert_eq!(retired(&head, 1_000), 1, "the first look was at instant 20");
    assert_eq!(head.find(&labels(unseen)), None);
    assert_eq!(head.select(&[]), [alive]);
    assert_eq!(head.resolve(&batch_of([raw(&labels(unseen))])).undefined.len(), 1);
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
    assert_eq!(reason(shard.series(3), &a), "its labels have another number");
    let other = (3..).map(labels).find(|set| ShardIndex::of_hash(set.hash()) == shard);
    assert_eq!(reason(shard.series(4), &other.expect("one")), "its number has other labels");
    assert_eq!(head.series_count(), 1);
    assert_eq!(head.find(&b), None);
}

#[test]
fn a_later_number_takes_the_place_of_an_earlier_one() {
    let head = head(Default::default());
    let set = labels(1);
    let shard = ShardIndex::of_hash(set.hash());
    let (before, after) = (shard.series(7), shard.series(9));
    head.define(before, &set).expect("sound");
    write(&head, before, &[(1, 1.0)]);
    head.define(after, &set).expect("sound");
    assert_eq!((head.find(&set), head.series_count()), (Some(after), 1));
    assert!(!head.is_known(before));
    assert_eq!(head.select(&[]), [after]);
    assert_eq!(read_all(&head, after), of(&[(1, 1.0)]));
    let unknown = head.unknown(shard, [7, 9, 7].into_iter());
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), [(before, 2)]);
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
    assert_eq!(cardinality.bytes_by_name, [count("host", 290), count("__name__", 260)]);
    assert_eq!(cardinality.series_by_pair, [count("__name__=up", 70), count("job=j0", 34)]);
}

/// So many pairs that no shard lists all of them: the counts are those of going through every series.
#[test]
fn counts_kept_as_series_come_equal_a_count_of_all() {
    let head = Head::new(HeadOptions::default());
    let (mut pairs, mut values) = (BTreeMap::<String, u64>::new(), BTreeMap::new());
    let mut bytes = BTreeMap::<String, u64>::new();
    for i in 0..90_000_u64 {
        // Few tenants have many series, and many have few.
        let tenant = (i * 2_654_435_761 % 90_000).isqrt() / 3;
        let text = [
            ("__name__", format!("metric_{}", i % 7)),
            ("id", format!("id-{i}")),
            ("tenant", format!("t{tenant}")),
        ];
        for (name, value) in &text {
            *pairs.entry(format!("{name}={value}")).or_default() += 1;
            values.entry(*name).or_insert_with(BTreeSet::new).insert(value.clone());
            *bytes.entry((*name).to_owned()).or_default() += value.len() as u64;
        }
        series_of(&head, &Labels::from_pairs(text).expect("valid"));
        if i == 50_000 {
            head.count_pairs();
            assert!(!head.cardinality(1).series_by_pair.is_empty());
        }
    }
    let top = |counts: Vec<(String, u64)>, max: usize| {
        let mut counts = counts;
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(max);
        counts
    };
    let found = head.cardinality(60);
    assert_eq!(found.label_pairs, pairs.len() as u64);
    assert_eq!(found.bytes_by_name, top(bytes.into_iter().collect(), 60));
    let values = values.iter().map(|(name, set)| ((*name).to_owned(), set.len() as u64));
    assert_eq!(found.values_by_name, top(values.collect(), 60));
    let pairs = top(pairs.into_iter().collect(), usize::MAX);
    let metrics = pairs
        .iter()
        .filter_map(|(text, count)| Some((text.strip_prefix("__name__=")?.to_owned(), *count)));
    assert_eq!(found.series_by_metric, top(metrics.collect(), 60));
    assert_eq!(found.series_by_pair, pairs[..60]);
    assert_eq!(head.cardinality(0).series_by_pair, []);
    assert_eq!(head.cardinality(3).series_by_pair, pairs[..3]);
}
