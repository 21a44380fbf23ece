//! Random blocks against a naive model.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use timberline_block::Block;
use timberline_io::Disk;
use timberline_model::{Labels, MatchOp, Matcher, SeriesColumns, TimeRange};

use crate::support::{
    Model, Samples, bits, block_dir, example, new_disk, sample_bits, ulid, write,
};

const NAMES: [&str; 4] = ["__name__", "a", "host", "ünï"];

/// Values with shared beginnings, which is what front coding and prefixes are about.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..40_u32).prop_map(|number| format!("host-{number}")),
        2 => prop::sample::select(vec!["a", "b", "ab", "host", "host-", "é", "\u{10ffff}", "-"])
            .prop_map(str::to_owned),
        1 => "[a-c]{1,3}",
    ]
}

fn any_labels() -> impl Strategy<Value = Labels> {
    let pair = (prop::sample::select(NAMES.to_vec()), any_value());
    prop::collection::vec(pair, 0..4).prop_map(|pairs| {
        let unique: BTreeMap<&str, String> = pairs.into_iter().collect();
        Labels::from_pairs(unique).unwrap()
    })
}

/// Chunks that ascend, in steps of several units, with any bits for values.
fn any_chunks() -> impl Strategy<Value = Vec<Samples>> {
    let step = prop_oneof![
        6 => Just(15_000_000_000_i64),
        1 => Just(0),
        1 => 0..5_000_000_000_i64,
        1 => any::<i64>().prop_map(i64::saturating_abs),
    ];
    let sample = (step, any::<u64>());
    let start = prop_oneof![3 => Just(1_700_000_000_000_000_000_i64), 1 => any::<i64>()];
    let chunks = prop::collection::vec(prop::collection::vec(sample, 1..9), 1..4);
    (start, chunks).prop_map(|(mut ts, chunks)| {
        let mut next = |(step, value): (i64, u64)| {
            ts = ts.saturating_add(step);
            (ts, f64::from_bits(value))
        };
        chunks.into_iter().map(|chunk| chunk.into_iter().map(&mut next).collect()).collect()
    })
}

fn any_model() -> impl Strategy<Value = Model> {
    prop::collection::vec((any_labels(), any_chunks()), 1..80).prop_map(|series| {
        let unique: BTreeMap<Labels, Vec<Samples>> = series.into_iter().collect();
        Model { series: unique.into_iter().collect() }
    })
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    let op = prop::sample::select(vec![
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ]);
    let name = prop::sample::select([NAMES.as_slice(), &["absent"]].concat());
    let pattern = prop::sample::select(vec![
        "",
        ".*",
        ".+",
        "host-.*",
        "host-1.?",
        "host-1?",
        "host-[0-3]+",
        "a|b|",
        "a|host-7",
        ".*-3.*",
        "(a|b)?",
        "host-1{1,2}",
        "[^a]*",
        "é|.",
    ]);
    let value = prop_oneof![
        2 => any_value(),
        1 => Just(String::new()),
        3 => pattern.prop_map(str::to_owned),
    ];
    (name, op, value)
        .prop_filter_map("compiles", |(name, op, value)| Matcher::new(name, op, value).ok())
}

fn open(model: &Model) -> (Arc<dyn Disk>, Block) {
    let (_, disk) = new_disk(1);
    let meta = write(&disk, ulid(1), model).unwrap();
    let block = Block::open(disk.as_ref(), &block_dir(ulid(1))).unwrap();
    assert_eq!(block.meta(), &meta);
    (disk, block)
}

fn select_naively(model: &Model, matchers: &[Matcher]) -> Vec<u32> {
    (0_u32..)
        .zip(&model.series)
        .filter(|(_, (labels, _))| matchers.iter().all(|m| m.matches_labels(labels)))
        .map(|(number, _)| number)
        .collect()
}

fn check_series(block: &Block, model: &Model) {
    let mut columns = SeriesColumns::default();
    for (number, (labels, chunks)) in (0_u32..).zip(&model.series) {
        assert_eq!(&block.labels(number).unwrap(), labels);
        assert_eq!(block.label_hash(number).unwrap(), labels.hash());
        let counts: Vec<usize> =
            block.chunk_metas(number).unwrap().iter().map(|chunk| chunk.count as usize).collect();
        assert_eq!(counts, chunks.iter().map(Vec::len).collect::<Vec<_>>());
        columns.clear();
        block.read(number, TimeRange::ALL, &mut columns).unwrap();
        let read = bits(&columns.timestamps, &columns.values);
        assert_eq!(read, sample_bits(&model.samples(number as usize)));
    }
    // Up, down, and in steps that skip groups: a reader's place must not show.
    let count = model.series.len();
    let mut reader = block.label_reader();
    for index in (0..count).chain((0..count).rev()).chain((0..count).map(|i| i * 37 % count)) {
        assert_eq!(reader.labels(index as u32).unwrap(), model.series[index].0);
    }
    assert!(reader.labels(count as u32).is_err());
}

fn check_label_answers(block: &Block, model: &Model, some: Option<&[u32]>) {
    let wanted = |number: u32| some.is_none_or(|some| some.contains(&number));
    let series = || (0_u32..).zip(&model.series).filter(|(number, _)| wanted(*number));
    let names: BTreeSet<&str> =
        series().flat_map(|(_, (labels, _))| labels.iter().map(|(name, _)| name)).collect();
    assert!(block.label_names(some).unwrap().iter().eq(&names));
    for name in NAMES.into_iter().chain(["absent"]) {
        let values: BTreeSet<&str> =
            series().filter_map(|(_, (labels, _))| labels.get(name)).collect();
        assert!(block.label_values(name, some).unwrap().iter().eq(&values), "{name}");
    }
}

fn check_counts(block: &Block, model: &Model) {
    for count in block.label_counts() {
        let values: Vec<&str> =
            model.series.iter().filter_map(|(labels, _)| labels.get(count.name)).collect();
        assert_eq!(count.series, values.len() as u64);
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for value in values {
            *expected.entry(value.to_owned()).or_default() += 1;
        }
        assert_eq!(count.values, expected.len() as u64);
        let mut counted = Vec::new();
        block.value_counts(count.name, &mut |v, n| counted.push((v.to_owned(), n))).unwrap();
        assert!(counted.into_iter().eq(expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_block_answers_as_its_model_does(
        model in any_model(),
        selectors in prop::collection::vec(prop::collection::vec(any_matcher(), 0..4), 12),
        some in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let (_disk, block) = open(&model);
        block.verify().unwrap();
        check_series(&block, &model);
        for matchers in &selectors {
            let found = block.select(matchers).unwrap();
            prop_assert_eq!(&found, &select_naively(&model, matchers), "{:?}", matchers);
        }
        let some: Vec<u32> = some.iter().map(|i| i.index(model.series.len()) as u32).collect();
        check_label_answers(&block, &model, None);
        check_label_answers(&block, &model, Some(&some));
        check_counts(&block, &model);
    }

    #[test]
    fn a_read_returns_the_samples_of_its_range(
        chunks in any_chunks(),
        ends in prop::collection::vec((any::<prop::sample::Index>(), -1..=1_i64), 2),
    ) {
        let model = Model { series: vec![(Labels::empty(), chunks)] };
        let (_disk, block) = open(&model);
        let samples = model.samples(0);
        let end = |which: usize| {
            let (index, off) = ends[which];
            samples[index.index(samples.len())].0.saturating_add(off)
        };
        let range = TimeRange::new(end(0), end(1));
        let mut columns = SeriesColumns::default();
        columns.timestamps.push(1);
        columns.values.push(1.0);
        block.read(0, range, &mut columns).unwrap();
        let expected: Samples =
            samples.into_iter().filter(|(ts, _)| range.contains(*ts)).collect();
        let read = bits(&columns.timestamps[1..], &columns.values[1..]);
        prop_assert_eq!(read, sample_bits(&expected));
        prop_assert_eq!(columns.timestamps[0], 1);
    }
}

/// More series than fit a roaring container, and an index of many granules.
#[test]
fn a_block_of_many_series_answers_as_its_model_does() {
    let mut model = Model::default();
    for number in 0..70_000_u32 {
        let (host, core) = (format!("host-{:05}", number / 8), (number % 8).to_string());
        let labels = Labels::from_pairs([("__name__", "cpu"), ("core", &core), ("host", &host)]);
        model.series.push((labels.unwrap(), vec![vec![(i64::from(number), f64::from(number))]]));
    }
    model.series.sort_by(|a, b| a.0.cmp(&b.0));
    let (_disk, block) = open(&model);
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap();
    let selectors = [
        vec![matcher("core", MatchOp::Equal, "3")],
        vec![matcher("core", MatchOp::NotEqual, "3")],
        vec![matcher("host", MatchOp::Regex, "host-000[01].")],
        vec![matcher("host", MatchOp::Regex, ".*77.*"), matcher("core", MatchOp::Regex, "[0-2]")],
        vec![
            matcher("host", MatchOp::Equal, "host-00042"),
            matcher("core", MatchOp::Regex, "[^3]"),
        ],
        vec![matcher("host", MatchOp::NotRegex, "host-0.*")],
    ];
    for matchers in &selectors {
        assert_eq!(
            block.select(matchers).unwrap(),
            select_naively(&model, matchers),
            "{matchers:?}"
        );
    }
    let mut columns = SeriesColumns::default();
    for number in (0..70_000).step_by(997) {
        let (labels, chunks) = &model.series[number as usize];
        assert_eq!(&block.labels(number).unwrap(), labels);
        columns.clear();
        block.read(number, TimeRange::ALL, &mut columns).unwrap();
        assert_eq!(columns.timestamps, [chunks[0][0].0]);
    }
}

#[test]
fn the_example_verifies_and_a_foreign_number_is_refused() {
    let model = example();
    let (_disk, block) = open(&model);
    block.verify().unwrap();
    check_series(&block, &model);
    let beyond = block.series_count();
    let mut columns = SeriesColumns::default();
    assert!(block.labels(beyond).is_err());
    assert!(block.label_hash(u32::MAX).is_err());
    assert!(block.read(beyond, TimeRange::ALL, &mut columns).is_err());
    assert!(block.label_values("host", Some(&[beyond])).is_err());
}
