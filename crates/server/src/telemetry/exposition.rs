//! Writes the Prometheus text format, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::instruments::{BOUNDS, Counter, Durations, Gauge};

/// A page of metrics under construction.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    /// The content type of the page.
    pub(crate) const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// The page.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Begins a family of series: `kind` is `counter`, `gauge` or `histogram`.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One series' value.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (position, (label, text)) in labels.iter().enumerate() {
            self.text.push(if position == 0 { '{' } else { ',' });
            let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
            let _ = write!(self.text, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A family of one counter.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A family of one gauge.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    pub(super) fn counted(&mut self, name: &str, help: &str, counter: &Counter) {
        self.counter(name, help, counter.get());
    }

    pub(super) fn present(&mut self, name: &str, help: &str, gauge: &Gauge) {
        self.gauge(name, help, gauge.get());
    }

    /// One histogram of a family that was begun.
    pub(super) fn durations(&mut self, name: &str, labels: &[(&str, &str)], durations: &Durations) {
        let mut count = 0;
        for (bucket, added) in durations.buckets().into_iter().enumerate() {
            count += added;
            let bound = BOUNDS.get(bucket).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            self.sample(&format!("{name}_bucket"), &labels, count);
        }
        self.sample(&format!("{name}_sum"), labels, durations.seconds_total());
        self.sample(&format!("{name}_count"), labels, count);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = Exposition::default();
        page.sample("m", &[("a", "x\"y\\z\n"), ("b", "")], 1.5);
        assert_eq!(page.into_text(), "m{a=\"x\\\"y\\\\z\\n\",b=\"\"} 1.5\n");
    }

    #[test]
    fn histogram_buckets_are_cumulative_and_bounds_inclusive() {
        let durations = Durations::default();
        durations.observe(Duration::from_millis(1));
        durations.observe(Duration::from_secs(3_600));
        let mut page = Exposition::default();
        page.durations("d", &[], &durations);
        let text = page.into_text();
        for line in [
            "d_bucket{le=\"0.0005\"} 0\n",
            "d_bucket{le=\"0.001\"} 1\n",
            "d_bucket{le=\"60\"} 1\n",
            "d_bucket{le=\"+Inf\"} 2\n",
            "d_sum 3600.001\n",
            "d_count 2\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
