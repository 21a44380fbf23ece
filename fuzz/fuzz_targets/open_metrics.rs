//! Any bytes as a line of OpenMetrics and of Prometheus' text: read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_model::LabelsBuilder;
use timberline_protocol::open_metrics::{Dialect, Line, parse_line};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut labels = LabelsBuilder::default();
    for line in text.split('\n') {
        for dialect in [Dialect::OpenMetrics, Dialect::Prometheus] {
            if let Ok(Line::Sample(_)) = parse_line(line, dialect, &mut labels) {
                let _ = labels.build();
            }
        }
    }
});
