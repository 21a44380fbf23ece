//! Random blocks against a naive model.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use timberline_block::{Block, FloatCodec};
use timberline_io::Disk;
use timberline_model::{Labels, MatchOp, Matcher, SeriesColumns, TimeRange};

use crate::{
    queries::{read_pages, text},
    support::{
        Content, Model, Samples, block_dir, example, exemplars, histogram, new_disk, ulid, write_as,
    },
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

/// Times that ascend, in steps of several units, often those of other series.
fn any_times() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        6 => Just(15_000_000_000_i64),
        1 => Just(0),
        1 => 0..5_000_000_000_i64,
        1 => any::<i64>().prop_map(i64::saturating_abs),
    ];
    let start = prop_oneof![3 => Just(1_700_000_000_000_000_000_i64), 1 => any::<i64>()];
    let own = (start, prop::collection::vec(step, 1..40)).prop_map(|(start, steps)| {
        steps
            .into_iter()
            .scan(start, |ts, step| {
                *ts = ts.saturating_add(step);
                Some(*ts)
            })
            .collect()
    });
    // Parts of one long column, which series share.
    let shared = (0..1_100_i64, 1..2_200_i64).prop_map(|(from, count)| {
        let at = |n: i64| (1_700_000_000_000 + n * 15_000 + n * 7 % 5) * 1_000_000;
        (from..(from + count).min(2_200)).map(at).collect()
    });
    prop_oneof![9 => own, 1 => shared]
}

/// Values of one kind: any bits, one value, or few digits.
fn any_values(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(any::<u64>().prop_map(f64::from_bits), count),
        any::<u64>().prop_map(move |bits| vec![f64::from_bits(bits); count]),
        prop::collection::vec((-500..500_i32).prop_map(|n| f64::from(n) / 10.0), count),
    ]
}

fn any_floats() -> impl Strategy<Value = Samples> {
    any_times().prop_flat_map(|times| {
        any_values(times.len()).prop_map(move |values| times.iter().copied().zip(values).collect())
    })
}

/// Floats, histograms, starts and exemplars, or some of them, in columns of their own.
pub(crate) fn any_content() -> impl Strategy<Value = Content> {
    let kinds = prop::collection::vec(any::<bool>(), 5);
    (any_floats(), any_times(), kinds, any::<i64>()).prop_map(|(floats, times, kinds, start)| {
        let mut content = Content::default();
        for (index, (ts, value)) in floats.into_iter().enumerate() {
            content.columns.push(ts, if kinds[0] && index % 7 != 1 { start } else { 0 }, value);
        }
        if kinds[1] && kinds[2] {
            for (index, ts) in times.iter().take(40).enumerate() {
                let start = if kinds[3] { index as i64 } else { 0 };
                content.columns.histograms.push(*ts, start, histogram(index as i64));
            }
        }
        if kinds[3] && kinds[4] {
            content.exemplars = exemplars(4, times[0].min(i64::MAX / 2));
        }
        content
    })
}

fn any_model() -> impl Strategy<Value = Model> {
    prop::collection::vec((any_labels(), any_content()), 1..50).prop_map(|series| {
        let unique: BTreeMap<Labels, Content> = series.into_iter().collect();
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

pub(crate) fn open(model: &Model, codec: FloatCodec) -> (Arc<dyn Disk>, Block) {
    let (_, disk) = new_disk(1);
    let meta = write_as(&disk, ulid(1), model, codec).unwrap();
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
    for (number, (labels, content)) in (0_u32..).zip(&model.series) {
        assert_eq!(&block.labels(number).unwrap(), labels);
        assert_eq!(block.label_hash(number).unwrap(), labels.hash() as u32);
        columns.clear();
        block.read(number, TimeRange::ALL, &mut columns).unwrap();
        assert_eq!(text(&columns), text(&content.columns));
        let mut exemplars = Vec::new();
        block.exemplars(number, TimeRange::ALL, &mut exemplars).unwrap();
        assert_eq!(exemplars, content.exemplars);
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
        gorilla in any::<bool>(),
    ) {
        let codec = if gorilla { FloatCodec::Gorilla } else { FloatCodec::Smallest };
        let (_disk, block) = open(&model, codec);
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
        content in any_content(),
        ends in prop::collection::vec((any::<prop::sample::Index>(), -1..=1_i64), 2),
        gorilla in any::<bool>(),
    ) {
        let model = Model { series: vec![(Labels::empty(), content)] };
        let codec = if gorilla { FloatCodec::Gorilla } else { FloatCodec::Smallest };
        let (_disk, block) = open(&model, codec);
        let content = &model.series[0].1;
        let times = &content.columns.timestamps;
        let end = |which: usize| {
            let (index, off) = ends[which];
            times[index.index(times.len())].saturating_add(off)
        };
        let range = TimeRange::new(end(0), end(1));
        let mut columns = SeriesColumns::default();
        columns.push(1, 3, 1.0);
        columns.histograms.push(1, 0, histogram(0));
        let mark = columns.mark();
        let mut expected = columns.clone();
        expected.append(&mut content.columns.clone());
        expected.trim(mark, range);
        block.read(0, range, &mut columns).unwrap();
        prop_assert_eq!(text(&columns), text(&expected));
        let mut exemplars = Vec::new();
        block.exemplars(0, range, &mut exemplars).unwrap();
        let within = content.exemplars.iter().filter(|exemplar| range.contains(exemplar.ts));
        prop_assert!(exemplars.iter().eq(within));
    }
}

/// Series of several targets: times lie in the block once, and figures of pages are those of the values.
#[test]
fn series_of_one_target_share_their_times_and_have_figures() {
    let at = |target: i64, n: i64| (n * 15_000 + target * 77 + n * 31 % 5) * 1_000_000;
    let mut model = Model::default();
    for metric in 0..50 {
        for target in 0..10 {
            let host = target.to_string();
            let labels =
                Labels::from_pairs([("__name__", format!("m{metric:02}")), ("host", host)]);
            // Some came later, some went sooner.
            let (from, to) =
                (i64::from(metric % 3 == 1) * 1_500, 2_500 - i64::from(metric % 5 == 2));
            let samples: Samples =
                (from..to).map(|n| (at(target, n), (n * metric % 90) as f64)).collect();
            model.series.push((labels.unwrap(), samples.into()));
        }
    }
    let (_disk, block) = open(&model, FloatCodec::Smallest);
    block.verify().unwrap();
    check_series(&block, &model);
    let times = block.sections().unwrap();
    let times = times.iter().find(|section| section.name == "pages: timestamps").unwrap().bytes;
    assert!(times < 2 * 10 * 2_500, "{times} bytes of times for 500 series of 10 targets");
    for number in 0..block.series_count() {
        let mut columns = SeriesColumns::default();
        read_pages(&block, number, TimeRange::ALL, &mut columns).unwrap();
        // Pages of which the series has only a part have no figures. Who both came later and went sooner
        // has a timeline of its own.
        let metric = i64::from(number / 10);
        let pages = match (metric % 3 == 1, metric % 5 == 2) {
            (false, false) => 3,
            (false, true) => 2,
            (true, _) => 1,
        };
        assert_eq!(columns.pages.len(), pages, "series {number}");
    }
    let total: u64 = block.sections().unwrap().iter().map(|section| section.bytes).sum();
    assert_eq!(total, block.meta().bytes);
}

/// More series than fit a roaring container, and an index of many granules.
#[test]
fn a_block_of_many_series_answers_as_its_model_does() {
    let mut model = Model::default();
    for number in 0..70_000_u32 {
        let (host, core) = (format!("host-{:05}", number / 8), (number % 8).to_string());
        let labels = Labels::from_pairs([("__name__", "cpu"), ("core", &core), ("host", &host)]);
        let samples = vec![(i64::from(number), f64::from(number))];
        model.series.push((labels.unwrap(), samples.into()));
    }
    model.series.sort_by(|a, b| a.0.cmp(&b.0));
    let (_disk, block) = open(&model, FloatCodec::Smallest);
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
        let (labels, content) = &model.series[number as usize];
        assert_eq!(&block.labels(number).unwrap(), labels);
        columns.clear();
        block.read(number, TimeRange::ALL, &mut columns).unwrap();
        assert_eq!(columns.timestamps, content.columns.timestamps);
    }
}

#[test]
fn the_example_verifies_and_a_foreign_number_is_refused() {
    let model = example();
    let (_disk, block) = open(&model, FloatCodec::Smallest);
    block.verify().unwrap();
    check_series(&block, &model);
    let beyond = block.series_count();
    let mut columns = SeriesColumns::default();
    assert!(block.labels(beyond).is_err());
    assert!(block.label_hash(u32::MAX).is_err());
    assert!(block.read(beyond, TimeRange::ALL, &mut columns).is_err());
    assert!(block.label_values("host", Some(&[beyond])).is_err());
}
