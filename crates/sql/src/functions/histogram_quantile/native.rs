//! `histogram_quantile(q, histogram)`: a quantile of the sum of native histograms.

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _},
    datatypes::Float64Type,
};
use datafusion::{error::Result, logical_expr::Accumulator, scalar::ScalarValue};
use timberline_model::{Histogram, HistogramSum};
use timberline_promql::eval::native_quantile;

use super::{NAME, json, share};
use crate::{functions::refused, scan::histogram_json::to_json};

/// The histograms of a group.
#[derive(Debug, Default)]
pub(super) struct Histograms {
    q: Option<f64>,
    sum: Option<HistogramSum>,
}

impl Histograms {
    fn add(&mut self, q: f64, text: &str) -> Result<()> {
        share(&mut self.q, q)?;
        let histogram = json::read(text).map_err(|what| {
            refused(NAME, format_args!("what is in the column is no native histogram: {what}"))
        })?;
        let histogram = (&histogram).into();
        match &mut self.sum {
            Some(sum) => match sum.add(&histogram) {
                Ok(_) => Ok(()),
                Err(error) => Err(refused(NAME, error)),
            },
            None => {
                self.sum = Some(HistogramSum::new(&histogram));
                Ok(())
            }
        }
    }
}

impl Accumulator for Histograms {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let texts = columns[1].as_string::<i32>();
        for (q, text) in columns[0].as_primitive::<Float64Type>().iter().zip(texts) {
            if let (Some(q), Some(text)) = (q, text) {
                self.add(q, text)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = match (self.q, &self.sum) {
            (Some(q), Some(sum)) => Some(native_quantile(q, &sum.total())),
            _ => None,
        };
        Ok(ScalarValue::Float64(value))
    }

    fn size(&self) -> usize {
        let buckets = self.sum.as_ref().map_or(0, HistogramSum::bucket_count);
        size_of_val(self) + buckets * 3 * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = self.sum.as_ref().map(|sum| to_json(&Histogram::from(&sum.total())));
        Ok(vec![ScalarValue::Float64(self.q), ScalarValue::Utf8(sum)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        debug_assert!(states.iter().all(|state| state.len() == states[0].len()), "one row a state");
        self.update_batch(states)
    }
}
