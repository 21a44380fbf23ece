//! Equal questions in PromQL and in SQL, and their answers over random samples.
//!
//! PromQL looks back from a time, `(t - w, t]`; a bucket of SQL is `[b, b + w)`. At `t = b + w - 1 ns` both are
//! the same samples.

mod question;
mod random;

use std::collections::BTreeMap;

use arrow::{
    array::{Array as _, cast::AsArray as _},
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type},
};
use futures_util::TryStreamExt as _;
use timberline::Value;
use timberline_io::Random;
use timberline_sql::Answer;

use crate::house::House;
use question::Question;
use random::{START, fill};

/// Values by start of the bucket and labels, as `name=value` joined by commas.
type Answers = BTreeMap<(i64, String), f64>;

/// So many pairs are asked of one database.
const PAIRS_PER_DATABASE: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn equal_questions_have_equal_answers() {
    let count = std::env::var("TIMBERLINE_SQL_PAIRS").ok().and_then(|count| count.parse().ok());
    let seed = std::env::var("TIMBERLINE_SQL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut random = Random::new(seed.unwrap_or(5));
    let (count, mut empty) = (count.unwrap_or(100), 0);
    let mut house = House::new();
    for pair in 0..count {
        if pair % PAIRS_PER_DATABASE == 0 {
            house = House::new();
            fill(&house.database, &mut random);
        }
        let question = Question::random(&mut random);
        let by_promql = ask_promql(&house, &question);
        let by_sql = ask_sql(&house, &question).await;
        empty += usize::from(by_promql.is_empty());
        if let Some(difference) = difference(&by_promql, &by_sql, question.tolerance) {
            panic!("pair {pair}: {difference}\n{}\n{}", question.promql, question.sql);
        }
    }
    assert!(empty * 4 < count, "{empty} of {count} questions had no answer");
}

fn ask_promql(house: &House, question: &Question) -> Answers {
    let width = question.width;
    let (first, last) = (START + width - 1, question.end - 1);
    let result = house
        .database
        .query_range(&question.promql, first, last, width)
        .unwrap_or_else(|error| panic!("{}: {error}", question.promql));
    let Value::Matrix(series) = result.value else { panic!("{}", question.promql) };
    let mut answers = Answers::new();
    for series in series {
        let label = |name: &&str| format!("{name}={}", series.labels.get(name).unwrap_or(""));
        let labels: Vec<_> = question.labels.iter().map(label).collect();
        for (ts, value) in series.timestamps.iter().zip(&series.values) {
            let before = answers.insert((ts + 1 - width, labels.join(",")), *value);
            assert!(before.is_none(), "{}: two values of {labels:?}", question.promql);
        }
    }
    answers
}

/// The first column is the bucket, the last the value, and those between are the labels.
async fn ask_sql(house: &House, question: &Question) -> Answers {
    let fail = |error| -> Vec<_> { panic!("{}: {error}", question.sql) };
    let Ok(Answer::Rows(rows)) = house.session.run(&question.sql, Vec::new()).await else {
        panic!("{} has no rows: {:?}", question.sql, house.run(&question.sql).await);
    };
    let batches = rows.into_stream().try_collect::<Vec<_>>().await.unwrap_or_else(fail);
    let mut answers = Answers::new();
    for batch in batches {
        let last = batch.num_columns() - 1;
        let texts = (1..last).map(|index| cast(batch.column(index), &DataType::Utf8).unwrap());
        let texts: Vec<_> = texts.collect();
        let buckets = cast(batch.column(0), &DataType::Int64).unwrap();
        let values = cast(batch.column(last), &DataType::Float64).unwrap();
        for row in 0..batch.num_rows() {
            if values.is_null(row) {
                continue;
            }
            let label = |(name, column): (&&str, &arrow::array::ArrayRef)| {
                let column = column.as_string::<i32>();
                let value = if column.is_null(row) { "" } else { column.value(row) };
                format!("{name}={value}")
            };
            let labels: Vec<_> = question.labels.iter().zip(&texts).map(label).collect();
            let bucket = buckets.as_primitive::<Int64Type>().value(row);
            let value = values.as_primitive::<Float64Type>().value(row);
            let before = answers.insert((bucket, labels.join(",")), value);
            assert!(before.is_none(), "{}: two values of {labels:?}", question.sql);
        }
    }
    answers
}

fn difference(by_promql: &Answers, by_sql: &Answers, tolerance: f64) -> Option<String> {
    for (key, value) in by_promql {
        let Some(other) = by_sql.get(key) else {
            return Some(format!("SQL lacks {key:?}: {value}"));
        };
        let is_near = (value - other).abs() <= tolerance * value.abs().max(1.0);
        if !(is_near || value == other || (value.is_nan() && other.is_nan())) {
            return Some(format!("{key:?} is {value} and in SQL {other}"));
        }
    }
    let more = by_sql.iter().find(|(key, _)| !by_promql.contains_key(*key));
    more.map(|(key, value)| format!("PromQL lacks {key:?}: {value}"))
}
