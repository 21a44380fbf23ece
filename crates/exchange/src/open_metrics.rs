//! OpenMetrics text: every sample has a time, and the last line is `# EOF`.
//!
//! What `_created` says of counters, histograms and summaries becomes the start timestamp of their
//! samples, and the other way round. Native histograms have no form in OpenMetrics 1.0.

use std::collections::{BTreeMap, HashMap};

use timberline::{
    Database, Exemplar, FamilyMetadata, LabelQuery, Labels, LabelsBuilder, Matcher, SeriesColumns,
    SeriesSource, TimeRange,
};
use timberline_model::{METRIC_NAME, Metadata, MetricKind, is_stale};
use timberline_protocol::open_metrics::{
    Dialect, Line, parse_line, parse_seconds, push_exemplar, push_help, push_sample_start,
    push_seconds, push_series, push_type, push_unit,
};

use crate::{
    ExchangeError, ExportReport, Progress, Selection,
    files::{InputFile, OutputFile},
    intake::Intake,
};

/// Samples of a family that wait for what `_created` says of them.
const WAITING_MAX: usize = 500_000;
/// Suffixes of the names of a family's samples.
const SUFFIXES: [&str; 8] =
    ["_total", "_created", "_bucket", "_count", "_sum", "_info", "_gcount", "_gsum"];

/// The family whose lines are being read.
#[derive(Default)]
struct Family {
    name: String,
    metadata: Option<Metadata>,
    series: HashMap<Labels, SeriesColumns>,
    count: usize,
    /// Samples that waited in vain, by labels as in `created`; and how many of them `_created` spoke of
    /// when they were gone.
    gone: HashMap<Labels, u64>,
    late: u64,
    /// By labels without the name and the bucket, and by time if it had one: since when it counts.
    created: HashMap<(Labels, Option<i64>), i64>,
}

/// Reads a file.
pub(crate) fn import(mut file: InputFile, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
    let (mut text, mut builder) = (String::new(), LabelsBuilder::default());
    let mut family = Family::default();
    let mut ended = false;
    while file.next_line(&mut text)? {
        if ended {
            return Err(file.malformed("there is more after # EOF"));
        }
        let line = parse_line(&text, Dialect::OpenMetrics, &mut builder);
        match line.map_err(|error| file.malformed(error))? {
            Line::Nothing => return Err(file.malformed("an empty line")),
            Line::End => ended = true,
            Line::Type(name, kind) => family.enter(&name, intake)?.kind = kind,
            Line::Unit(name, unit) => unit.clone_into(&mut family.enter(&name, intake)?.unit),
            Line::Help(name, help) => family.enter(&name, intake)?.help = help.into_owned(),
            Line::Sample(sample) => {
                let labels = builder.build().map_err(|error| file.malformed(error))?;
                let name = labels.metric_name().unwrap_or_default();
                if !family.owns(name) {
                    family.end(intake)?;
                    name.clone_into(&mut family.name);
                }
                if family.counts_since(name) {
                    let start = parse_seconds(sample.value_text);
                    let start = start.ok_or_else(|| file.malformed("_created is no time"))?;
                    let metric = key(&labels);
                    family.late += family.gone.remove(&metric).unwrap_or(0);
                    family.created.insert((metric, sample.ts), start);
                    continue;
                }
                let Some(ts) = sample.ts else {
                    return Err(file.malformed("a sample without a timestamp"));
                };
                if let Some(text) = sample.exemplar {
                    let ts = if text.has_ts { text.exemplar.ts } else { ts };
                    intake.push_exemplar(&labels, Exemplar { ts, ..text.exemplar })?;
                }
                if family.count >= WAITING_MAX {
                    family.hand_on_early(intake)?;
                }
                family.count += 1;
                family.series.entry(labels).or_default().push(ts, 0, sample.value);
            }
        }
        if file.line().is_multiple_of(4_096) {
            intake.advance_to(file.position());
        }
    }
    if !ended {
        return Err(file.malformed("the text ends without # EOF: it may have been cut off"));
    }
    family.end(intake)
}

/// The labels that all parts of a metric have in common.
fn key(labels: &Labels) -> Labels {
    labels.filter(|name| !matches!(name, METRIC_NAME | "le" | "quantile"))
}

impl Family {
    /// The metadata of a family, whose lines follow.
    fn enter(
        &mut self,
        name: &str,
        intake: &mut Intake<'_>,
    ) -> Result<&mut Metadata, ExchangeError> {
        if self.name != name {
            self.end(intake)?;
            name.clone_into(&mut self.name);
        }
        Ok(self.metadata.get_or_insert_default())
    }

    /// Whether a sample of this name belongs to the family.
    fn owns(&self, name: &str) -> bool {
        let suffix = name.strip_prefix(self.name.as_str());
        suffix.is_some_and(|suffix| suffix.is_empty() || SUFFIXES.contains(&suffix))
    }

    /// Whether the value of a sample of this name is when the family's metric began.
    fn counts_since(&self, name: &str) -> bool {
        let kind = self.metadata.as_ref().map_or(MetricKind::Unknown, |metadata| metadata.kind);
        is_counting(kind) && name.strip_prefix(self.name.as_str()) == Some("_created")
    }

    /// Hands the samples on before the family ends, since there are so many.
    fn hand_on_early(&mut self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        for (labels, columns) in &self.series {
            let key = key(labels);
            let is_known = |ts: &i64| self.created.contains_key(&(key.clone(), Some(*ts)));
            if !self.created.contains_key(&(key.clone(), None))
                && !columns.timestamps.iter().any(is_known)
            {
                *self.gone.entry(key).or_default() += columns.timestamps.len() as u64;
            }
        }
        self.hand_on(intake)
    }

    /// Hands the samples on.
    fn hand_on(&mut self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        self.count = 0;
        for (labels, columns) in &mut self.series {
            if !self.created.is_empty() {
                let key = key(labels);
                let always = self.created.get(&(key.clone(), None)).copied().unwrap_or(0);
                let start = |ts: &i64| {
                    let own = self.created.get(&(key.clone(), Some(*ts)));
                    own.copied().unwrap_or(always)
                };
                columns.starts = columns.timestamps.iter().map(start).collect();
            }
            if !columns.is_empty() {
                intake.push(labels, columns)?;
            }
            columns.clear();
        }
        self.created.retain(|(_, ts), _| ts.is_none());
        Ok(())
    }

    fn end(&mut self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        self.hand_on(intake)?;
        let family = std::mem::take(&mut self.name);
        if self.late > 0 {
            intake.note(format!(
                "{} samples of {family} have no start timestamp: _created came more than \
                 {WAITING_MAX} samples of the family after them",
                self.late
            ));
        }
        if let Some(metadata) = self.metadata.take() {
            intake.push_metadata(FamilyMetadata { family, metadata })?;
        }
        *self = Self::default();
        Ok(())
    }
}

/// Whether metrics of a kind count since some time.
const fn is_counting(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Counter | MetricKind::Histogram | MetricKind::Summary)
}

/// What an export leaves out.
#[derive(Default)]
struct LeftOut {
    histograms: u64,
    stale: u64,
    starts: u64,
    unnamed: u64,
    exemplars: u64,
}

/// Writes what is selected, family after family.
pub(crate) fn export(
    database: &Database,
    selection: &Selection,
    out: &mut OutputFile,
    shown: &mut dyn FnMut(Progress),
) -> Result<ExportReport, ExchangeError> {
    let (mut report, mut left) = (ExportReport::default(), LeftOut::default());
    let mut text = Vec::new();
    let families = families(database, selection)?;
    let total = families.len() as u64;
    for (done, (family, (metadata, names))) in (0..).zip(families) {
        let kind = metadata.as_ref().map_or(MetricKind::Unknown, |metadata| metadata.kind);
        if let Some(metadata) = metadata {
            push_metadata(&mut text, &family, &metadata);
        }
        for name in names {
            let named = selection.with(&Matcher::equal(METRIC_NAME, name));
            let mut exemplars = named.exemplars(database)?;
            named.for_each(database, TimeRange::ALL, |labels, columns| {
                let mut own = exemplars.remove(labels).unwrap_or_default();
                let created = is_counting(kind).then_some(family.as_str());
                report.exemplars += own.len() as u64;
                push_samples(&mut text, labels, columns, &mut own, created, &mut left);
                report.exemplars -= own.len() as u64;
                left.exemplars += own.len() as u64;
                out.put(&text)?;
                text.clear();
                report.series += 1;
                report.samples += columns.timestamps.len() as u64;
                shown(Progress { done, total, samples: report.samples });
                Ok(())
            })?;
        }
    }
    let unnamed = selection.with(&Matcher::equal(METRIC_NAME, ""));
    unnamed.for_each(database, TimeRange::ALL, |_, _| {
        left.unnamed += 1;
        Ok(())
    })?;
    out.put(b"# EOF\n")?;
    report.samples -= left.stale;
    for (count, what) in [
        (left.histograms, "native histograms, which OpenMetrics 1.0 has no form for"),
        (left.stale, "stale markers, which it has no form for"),
        (left.starts, "start timestamps of metrics that are not known to count"),
        (left.unnamed, "series without a metric name"),
        (left.exemplars, "exemplars that found no sample to stand beside"),
    ] {
        if count > 0 {
            report.notes.push(format!("left out: {count} {what}"));
        }
    }
    Ok(report)
}

type Families = BTreeMap<String, (Option<Metadata>, Vec<String>)>;

/// The names of all metrics by family.
fn families(database: &Database, selection: &Selection) -> Result<Families, ExchangeError> {
    let selectors = selection.selectors.clone();
    let query = LabelQuery { selectors, range: selection.range, ..LabelQuery::default() };
    let known: HashMap<String, Metadata> = database
        .metadata(None, 0)
        .into_iter()
        .map(|entry| (entry.family, entry.metadata))
        .collect();
    let mut families = Families::new();
    for name in database.label_values(METRIC_NAME, &query)? {
        let (family, metadata) = family_of(&name, &known);
        let entry = families.entry(family).or_default();
        entry.0 = entry.0.take().or(metadata);
        entry.1.push(name);
    }
    Ok(families)
}

/// The family of a metric and what is known of it, as OpenMetrics names families: a counter's has no
/// `_total`.
fn family_of(name: &str, known: &HashMap<String, Metadata>) -> (String, Option<Metadata>) {
    let stem = |suffixes: &[&str]| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    if let Some(metadata) = known.get(name) {
        return match (metadata.kind, name.strip_suffix("_total")) {
            (MetricKind::Counter, Some(family)) => (family.to_owned(), Some(metadata.clone())),
            // Without the suffix it is no counter to OpenMetrics.
            (MetricKind::Counter, None) => {
                let kind = MetricKind::Unknown;
                (name.to_owned(), Some(Metadata { kind, ..metadata.clone() }))
            }
            _ => (name.to_owned(), Some(metadata.clone())),
        };
    }
    let suffixes = |kind| match kind {
        MetricKind::Counter => &["_total"][..],
        MetricKind::Histogram => &["_bucket", "_count", "_sum"],
        MetricKind::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricKind::Summary => &["_count", "_sum"],
        MetricKind::Info => &["_info"],
        _ => &[],
    };
    let family = stem(&SUFFIXES).and_then(|family| Some((family, known.get(family)?)));
    match family.filter(|(_, metadata)| stem(suffixes(metadata.kind)).is_some()) {
        Some((family, metadata)) => (family.to_owned(), Some(metadata.clone())),
        None => (name.to_owned(), None),
    }
}

fn push_metadata(out: &mut Vec<u8>, family: &str, metadata: &Metadata) {
    push_type(out, family, metadata.kind);
    if !metadata.unit.is_empty() {
        push_unit(out, family, &metadata.unit);
    }
    if !metadata.help.is_empty() {
        push_help(out, family, &metadata.help);
    }
}

/// Appends a series' lines; takes the exemplars out that find a sample.
fn push_samples(
    out: &mut Vec<u8>,
    labels: &Labels,
    columns: &SeriesColumns,
    exemplars: &mut Vec<Exemplar>,
    created: Option<&str>,
    left: &mut LeftOut,
) {
    left.histograms += columns.histograms.len() as u64;
    let name = labels.metric_name().unwrap_or_default();
    // Of the parts of a histogram or summary, one says it for all.
    let created = created.filter(|_| name.ends_with("_total") || name.ends_with("_count"));
    let created = created.map(|family| format!("{family}_created"));
    let metric = key(labels);
    exemplars.sort_by_key(|exemplar| exemplar.ts);
    exemplars.reverse();
    for (index, (ts, value)) in columns.timestamps.iter().zip(&columns.values).enumerate() {
        if is_stale(*value) {
            left.stale += 1;
            continue;
        }
        push_series(out, labels, None);
        push_sample_start(out, *value, *ts);
        if exemplars.last().is_some_and(|exemplar| exemplar.ts <= *ts)
            && let Some(exemplar) = exemplars.pop()
        {
            push_exemplar(out, &exemplar);
        }
        out.push(b'\n');
        let Some(start) = columns.starts.get(index).filter(|start| **start != 0) else { continue };
        match &created {
            Some(created) => {
                push_series(out, &metric, Some(created));
                out.push(b' ');
                push_seconds(out, *start);
                out.push(b' ');
                push_seconds(out, *ts);
                out.push(b'\n');
            }
            None if name.ends_with("_sum") || name.ends_with("_bucket") => {}
            None => left.starts += 1,
        }
    }
}

impl Selection {
    /// What is also selected by another matcher.
    fn with(&self, matcher: &Matcher) -> Self {
        let mut selectors = self.selectors.clone();
        if selectors.is_empty() {
            selectors.push(Vec::new());
        }
        selectors.iter_mut().for_each(|matchers| matchers.push(matcher.clone()));
        Self { selectors, range: self.range }
    }

    fn exemplars(
        &self,
        database: &Database,
    ) -> Result<HashMap<Labels, Vec<Exemplar>>, ExchangeError> {
        let selectors = self.selectors.clone();
        let query = LabelQuery { selectors, range: self.range, ..LabelQuery::default() };
        let all = database.exemplars(&query)?;
        Ok(all.into_iter().map(|series| (series.labels, series.exemplars)).collect())
    }
}
