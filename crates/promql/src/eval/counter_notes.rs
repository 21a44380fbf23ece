//! Infos about metrics that a query takes for counters and that do not say so.

use timberline_model::Labels;

use super::{
    notes::{Gravity, Notes},
    window::WindowFunction,
};
use crate::{Feature, Features, ast::Span};

/// Notes metrics that are used as counters and not named as such.
#[derive(Default)]
pub(super) struct CounterNotes {
    last: String,
    pub(super) notes: Notes,
}

impl CounterNotes {
    /// Looks at a series that a function has made numbers of.
    pub(super) fn see(
        &mut self,
        function: &WindowFunction,
        labels: &Labels,
        place: Span,
        features: Features,
    ) {
        if !function.expects_counter() {
            return;
        }
        let Some(name) = labels.metric_name() else { return };
        if features.has(Feature::TypeAndUnitLabels) {
            let kind = labels.get("__type__").unwrap_or("");
            if !matches!(kind, "counter" | "histogram") {
                let message = format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \
                     \"histogram\", got {kind:?}: {name:?}"
                );
                self.notes.add(Gravity::Info, message, place);
            }
            return;
        }
        let suffixes = ["_total", "_sum", "_count", "_bucket"];
        if name == self.last || suffixes.iter().any(|suffix| name.ends_with(suffix)) {
            return;
        }
        name.clone_into(&mut self.last);
        let message = format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
        );
        self.notes.add(Gravity::Info, message, place);
    }
}
