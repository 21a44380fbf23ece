//! What is known beside samples: exemplars and metadata. Every function appends one JSON value.

use timberline_model::{FamilyMetadata, SeriesExemplars};

use super::{
    data::{push_labels, push_list},
    number::{push_time, push_value},
    text::push_string,
};
use crate::TimeForm;

/// Exemplars by their series: `[{"seriesLabels":{..},"exemplars":[{"labels":{..},"value":"..","timestamp":..}]}]`.
pub fn exemplars<'s>(
    out: &mut Vec<u8>,
    series: impl IntoIterator<Item = &'s SeriesExemplars>,
    form: TimeForm,
) {
    push_list(out, series, |out, series| {
        out.extend_from_slice(b"{\"seriesLabels\":");
        push_labels(out, &series.labels);
        out.extend_from_slice(b",\"exemplars\":");
        push_list(out, &series.exemplars, |out, exemplar| {
            out.extend_from_slice(b"{\"labels\":");
            push_labels(out, &exemplar.labels);
            out.extend_from_slice(b",\"value\":");
            push_value(out, exemplar.value);
            out.extend_from_slice(b",\"timestamp\":");
            push_time(out, exemplar.ts, form);
            out.push(b'}');
        });
        out.push(b'}');
    });
}

/// Metadata by families: `{"family":[{"type":"..","unit":"..","help":".."}]}`. Entries of one family come
/// one after the other.
pub fn metadata(out: &mut Vec<u8>, entries: &[FamilyMetadata]) {
    out.push(b'{');
    for (index, family) in entries.chunk_by(|a, b| a.family == b.family).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, &family[0].family);
        out.push(b':');
        push_list(out, family, |out, entry| {
            let fields = [
                ("{\"type\":", entry.metadata.kind.name()),
                (",\"unit\":", entry.metadata.unit.as_str()),
                (",\"help\":", entry.metadata.help.as_str()),
            ];
            for (name, value) in fields {
                out.extend_from_slice(name.as_bytes());
                push_string(out, value);
            }
            out.push(b'}');
        });
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use timberline_model::{Exemplar, Labels, Metadata, MetricKind};

    use super::*;

    #[test]
    fn exemplars_are_written_as_prometheus_writes_them() {
        let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
        let series = SeriesExemplars {
            labels: labels(&[("__name__", "rpc"), ("job", "a")]),
            exemplars: vec![
                Exemplar { labels: labels(&[("trace_id", "x")]), value: 0.5, ts: 1_500_000_000 },
                Exemplar { labels: Labels::empty(), value: f64::INFINITY, ts: 2_000_000_000 },
            ],
        };
        let mut out = Vec::new();
        exemplars(&mut out, [&series], TimeForm::Seconds);
        let expected = r#"[{"seriesLabels":{"__name__":"rpc","job":"a"},"exemplars":[{"labels":{"trace_id":"x"},"value":"0.5","timestamp":1.500},{"labels":{},"value":"+Inf","timestamp":2}]}]"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn metadata_is_grouped_by_family() {
        let entry = |family: &str, kind, help: &str| FamilyMetadata {
            family: family.into(),
            metadata: Metadata { kind, unit: String::new(), help: help.into() },
        };
        let entries = [
            entry("a", MetricKind::Counter, "One \"quoted\"."),
            entry("a", MetricKind::Gauge, ""),
            entry("b", MetricKind::Unknown, ""),
        ];
        let mut out = Vec::new();
        metadata(&mut out, &entries);
        let expected = r#"{"a":[{"type":"counter","unit":"","help":"One \"quoted\"."},{"type":"gauge","unit":"","help":""}],"b":[{"type":"unknown","unit":"","help":""}]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        metadata(&mut out, &[]);
        assert_eq!(out, b"{}");
    }
}
