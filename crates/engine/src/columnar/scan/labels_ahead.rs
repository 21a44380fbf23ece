//! Labels of the series that a stream is about to give: a block reads those of many series, one after the
//! other, for a tenth of what each costs alone.

use timberline_block::LabelReader;
use timberline_model::Labels;

use super::{Found, Places, picked::Joined};
use crate::EngineError;

/// Series whose labels are read at once.
const SERIES_AHEAD: usize = 256;

/// The labels of some groups of series in a row.
#[derive(Debug, Default)]
pub(super) struct LabelsAhead {
    first: usize,
    labels: Vec<Option<Labels>>,
}

impl LabelsAhead {
    /// The labels of a group; `None` if it is of the head and has left it. The stream gives groups before
    /// `end`.
    pub(super) fn take(
        &mut self,
        joined: &Joined,
        group: usize,
        end: usize,
    ) -> Result<Option<Labels>, EngineError> {
        if !(self.first..self.first + self.labels.len()).contains(&group) {
            let groups = &joined.groups[group..end.min(group + SERIES_AHEAD)];
            let found = groups.iter().map(|group| joined.found[group.start as usize]);
            self.labels = joined.places.labels_of(found)?;
            self.first = group;
        }
        Ok(self.labels[group - self.first].take())
    }
}

impl Places {
    fn labels_of(
        &self,
        series: impl Iterator<Item = Found>,
    ) -> Result<Vec<Option<Labels>>, EngineError> {
        let mut readers: Vec<Option<LabelReader<'_>>> = Vec::new();
        readers.resize_with(self.blocks.len(), || None);
        let mut labels = Vec::with_capacity(series.size_hint().0);
        for found in series {
            labels.push(match self.blocks.get(found.place as usize) {
                Some(block) => {
                    let reader = readers[found.place as usize]
                        .get_or_insert_with(|| block.block().label_reader());
                    Some(reader.labels(found.id as u32)?)
                }
                None => self.labels(found)?,
            });
        }
        Ok(labels)
    }
}
