//! The engine as a source of series: scans, and questions about labels over the head and the blocks.

use std::num::NonZeroUsize;

use timberline_model::{
    Cuts, LabelQuery, Labels, ScanError, Selector, SeriesExemplars, SeriesScan, SeriesSource, Stop,
    Streams, Totals,
};

use super::{
    engine::Engine,
    scan::{scan, scan_sorted, totals},
};

mod answers;
mod exemplars;

impl SeriesSource for Engine {
    fn scan(&self, selector: &Selector, partitions: NonZeroUsize) -> Result<Streams, ScanError> {
        Ok(scan(&self.inner, selector, partitions)?)
    }

    fn totals(
        &self,
        selector: &Selector,
        cuts: &Cuts,
        stop: &Stop,
        partitions: NonZeroUsize,
    ) -> Result<(Vec<Totals>, Streams), ScanError> {
        totals(&self.inner, selector, cuts, stop, partitions)
    }

    fn scan_sorted(
        &self,
        selector: &Selector,
        series_max: usize,
    ) -> Result<Box<dyn SeriesScan>, ScanError> {
        scan_sorted(&self.inner, selector, series_max)
    }

    fn label_names(&self, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        Ok(answers::label_names(&self.inner, query)?)
    }

    fn label_values(&self, name: &str, query: &LabelQuery) -> Result<Vec<String>, ScanError> {
        Ok(answers::label_values(&self.inner, name, query)?)
    }

    fn series(&self, query: &LabelQuery) -> Result<Vec<Labels>, ScanError> {
        Ok(answers::series(&self.inner, query)?)
    }

    fn exemplars(&self, query: &LabelQuery) -> Result<Vec<SeriesExemplars>, ScanError> {
        Ok(exemplars::exemplars(&self.inner, query)?)
    }
}
