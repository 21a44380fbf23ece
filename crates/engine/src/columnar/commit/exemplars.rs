//! Which exemplars of a batch are taken.
//!
//! This is decided before they are logged, and what is logged is kept: so that a replay, which knows
//! less of what came before, does not decide otherwise. Two commits at one time may both take what
//! only one of them should have; reads then sort, and leave repeats out.

use timberline_model::{
    Exemplar, NANOS_PER_MILLI, RejectReason, Rejection, SeriesRef, TimeRange, WriteBatch,
    WriteOutcome, limits,
};

use super::pending::out_of_range;
use crate::columnar::head::{ExemplarFate, Head};

/// The exemplars that are to be written. Those that are known count as written; the rest is rejected.
pub(super) fn take_exemplars(
    batch: &WriteBatch<'_>,
    resolved: &[Result<SeriesRef, RejectReason>],
    accepted: TimeRange,
    head: &Head,
    outcome: &mut WriteOutcome,
) -> Vec<(SeriesRef, Exemplar)> {
    let mut bytes = head.exemplar_bytes();
    let mut taken = Vec::new();
    let mut rest = batch.exemplars();
    for (series_index, (series, resolved)) in batch.series().iter().zip(resolved).enumerate() {
        let (of_series, others) = rest.split_at(series.exemplar_count as usize);
        rest = others;
        let before = taken.len();
        // Within one write, their order means nothing.
        let mut sorted: Vec<&Exemplar> = of_series.iter().collect();
        sorted.sort_by_key(|exemplar| exemplar.ts);
        for exemplar in sorted {
            let in_batch: &[(SeriesRef, Exemplar)] = &taken[before..];
            let fate = match resolved {
                Err(reason) => Err(reason.clone()),
                Ok(series) => {
                    fate_of(exemplar, *series, in_batch, accepted, head).and_then(|new| {
                        if new { room(bytes).map(|()| Some(*series)) } else { Ok(None) }
                    })
                }
            };
            match fate {
                Ok(Some(series)) => {
                    bytes += exemplar.labels.as_bytes().len() as u64 + size_of::<Exemplar>() as u64;
                    taken.push((series, exemplar.clone()));
                    outcome.exemplars_written += 1;
                }
                Ok(None) => outcome.exemplars_written += 1,
                Err(reason) => {
                    let rejection = || Rejection { series_index, labels: None, reason };
                    outcome.reject_exemplars(1, rejection);
                }
            }
        }
    }
    taken
}

/// Whether an exemplar is new; `in_batch` are those of its series that this write has already.
fn fate_of(
    exemplar: &Exemplar,
    series: SeriesRef,
    in_batch: &[(SeriesRef, Exemplar)],
    accepted: TimeRange,
    head: &Head,
) -> Result<bool, RejectReason> {
    if !accepted.contains(exemplar.ts) {
        return Err(out_of_range(exemplar.ts, accepted));
    }
    if !exemplar.labels_fit() {
        return Err(RejectReason::ExemplarLabels);
    }
    let same_time = in_batch.iter().rev().take_while(|(_, other)| other.ts == exemplar.ts);
    if same_time.into_iter().any(|(_, other)| other == exemplar) {
        return Ok(false);
    }
    let ts_ms = exemplar.ts.div_euclid(NANOS_PER_MILLI);
    match head.exemplar_fate(series, exemplar, in_batch.len()) {
        ExemplarFate::New => Ok(true),
        ExemplarFate::Known => Ok(false),
        ExemplarFate::OutOfOrder => Err(RejectReason::ExemplarOutOfOrder { ts_ms }),
        ExemplarFate::TooMany => {
            let max = limits::EXEMPLARS_PER_SERIES_MAX as u64;
            Err(RejectReason::ExemplarLimit { max, of: "of one series" })
        }
    }
}

fn room(bytes: u64) -> Result<(), RejectReason> {
    let max = limits::EXEMPLAR_BYTES_MAX;
    if bytes < max {
        Ok(())
    } else {
        Err(RejectReason::ExemplarLimit { max, of: "bytes of all series" })
    }
}
