//! What a sender is told about a write.

use timberline_model::{Labels, RejectReason};

use super::*;

const V1: WriteForm = WriteForm::RemoteWrite(RemoteWriteVersion::V1);
const V2: WriteForm = WriteForm::RemoteWrite(RemoteWriteVersion::V2);

fn written(samples: u64) -> WriteOutcome {
    WriteOutcome { samples_written: samples, ..WriteOutcome::default() }
}

#[test]
fn what_is_written_whole_is_no_problem() {
    let decoded = Decoded::default();
    for form in [V1, V2, WriteForm::Json] {
        let report = decoded.report(form, &written(5));
        assert_eq!((report.samples_written, report.problem), (5, None));
    }
}

#[test]
fn exemplars_not_written_are_a_problem_in_the_version_that_knows_them() {
    let mut decoded = Decoded::default();
    decoded.reject_items(3, (0, 1), || None, RejectReason::ExemplarLabels);
    let outcome =
        WriteOutcome { histograms_written: 2, exemplars_written: 4, ..WriteOutcome::default() };
    let report = decoded.report(V2, &outcome);
    assert_eq!((report.histograms_written, report.exemplars_written), (2, 4));
    let problem = report.problem.unwrap();
    assert_eq!(
        problem,
        "partial write: 0 samples written, 0 rejected; 2 histograms written; 4 exemplars written, \
         1 exemplars rejected; series 3: exemplar labels of more than 128 characters"
    );
    // 1.0 does not know exemplars; a sender told to send them must not be refused for ever.
    assert_eq!(decoded.report(V1, &outcome).problem, None);
}

#[test]
fn rejections_of_decoder_and_database_are_told_on_one_line() {
    let mut decoded = Decoded::default();
    decoded.reject(4, 2, RejectReason::Protocol("odd\nnumber".to_owned()));
    let mut outcome = written(1);
    outcome.reject(1, || Rejection {
        series_index: 0,
        labels: Some(Labels::from_pairs([("__name__", "up")]).unwrap()),
        reason: RejectReason::Duplicate { ts_ms: 7 },
    });
    let problem = decoded.report(V1, &outcome).problem.unwrap();
    assert_eq!(
        problem,
        "partial write: 1 samples written, 3 rejected; series 4: odd number; series up: duplicate \
         sample for timestamp 7 ms with another value"
    );
}

#[test]
fn only_the_first_rejections_are_named() {
    let mut decoded = Decoded::default();
    for index in 0..1_000 {
        decoded.reject(index, 1, RejectReason::Protocol("no".to_owned()));
    }
    let problem = decoded.report(V2, &written(0)).problem.unwrap();
    assert_eq!(problem.matches(": no").count(), limits::REJECTIONS_NAMED_MAX);
    assert!(problem.contains("1000 rejected") && problem.ends_with("are not named"));
}
