//! What to answer to a write request.

use std::fmt::Write as _;

use timberline_model::{LabelsBuilder, Rejection, SeriesKey, WriteOutcome, limits};

use crate::{Decoded, WriteForm, prom_remote::RemoteWriteVersion};

/// The answer to a write request that could be read: exact counts, and what was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteReport {
    /// For [`HEADER_SAMPLES_WRITTEN`](crate::prom_remote::HEADER_SAMPLES_WRITTEN).
    pub samples_written: u64,
    /// For [`HEADER_HISTOGRAMS_WRITTEN`](crate::prom_remote::HEADER_HISTOGRAMS_WRITTEN).
    pub histograms_written: u64,
    /// For [`HEADER_EXEMPLARS_WRITTEN`](crate::prom_remote::HEADER_EXEMPLARS_WRITTEN).
    pub exemplars_written: u64,
    /// What was not written and why, for the body of an answer that says "do not send this again".
    /// `None` when all that the sender must know of is written.
    pub problem: Option<String>,
}

impl Decoded<'_> {
    /// The answer, when the batch was written with this outcome.
    ///
    /// Samples and native histograms that are not written are always a problem. Exemplars are one in
    /// remote write 2.0, which knows them; 1.0 does not, though Prometheus sends them when told to.
    #[must_use]
    pub fn report(&self, form: WriteForm, outcome: &WriteOutcome) -> WriteReport {
        let samples = self.samples_rejected + outcome.samples_rejected;
        let others = self.items_rejected
            + self.exemplars_rejected
            + outcome.exemplars_rejected
            + outcome.rejections.len() as u64;
        let v1 = form == WriteForm::RemoteWrite(RemoteWriteVersion::V1);
        let sound = samples == 0 && (v1 || others == 0);
        WriteReport {
            samples_written: outcome.samples_written,
            histograms_written: outcome.histograms_written,
            exemplars_written: outcome.exemplars_written,
            problem: (!sound).then(|| self.problem(outcome)),
        }
    }

    fn problem(&self, outcome: &WriteOutcome) -> String {
        let rejected = self.samples_rejected + outcome.samples_rejected;
        let written = outcome.samples_written;
        let mut text = format!("partial write: {written} samples written, {rejected} rejected");
        let (histograms, exemplars) = (outcome.histograms_written, outcome.exemplars_written);
        let exemplars_rejected = self.exemplars_rejected + outcome.exemplars_rejected;
        if histograms > 0 {
            let _ = write!(text, "; {histograms} histograms written");
        }
        if exemplars + exemplars_rejected > 0 {
            let _ = write!(
                text,
                "; {exemplars} exemplars written, {exemplars_rejected} exemplars rejected"
            );
        }
        let later = outcome.rejections.iter().map(|rejection| self.named(rejection));
        let all = self.rejections.iter().cloned().chain(later);
        let mut count = 0;
        for rejection in all.take(limits::REJECTIONS_NAMED_MAX) {
            count += 1;
            let _ = write!(text, "; {}", Named(&rejection));
        }
        if count >= limits::REJECTIONS_NAMED_MAX {
            text.push_str("; further rejections are not named");
        }
        text
    }
}

impl Decoded<'_> {
    /// A rejection by the database, with the series' labels where it gave none: it counts the series of
    /// the batch.
    fn named(&self, rejection: &Rejection) -> Rejection {
        let series = self.batch.series().get(rejection.series_index);
        let labels = rejection.labels.clone().or_else(|| match &series?.key {
            SeriesKey::Raw { bytes, decode } => {
                let mut builder = LabelsBuilder::default();
                decode(bytes, &mut builder).ok()?;
                builder.build().ok()
            }
            SeriesKey::Labels(labels) => Some(labels.clone()),
            SeriesKey::Ref(_) => None,
        });
        Rejection { labels, ..rejection.clone() }
    }
}

/// A rejection on one line, however its reason was worded.
struct Named<'a>(&'a Rejection);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        for part in text.split_inclusive(['\n', '\r']) {
            f.write_str(part.trim_end_matches(['\n', '\r']))?;
            if part.ends_with(['\n', '\r']) {
                f.write_str(" ")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
