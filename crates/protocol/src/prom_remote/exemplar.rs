//! Exemplars. Fields in both versions: `value = 2`, `timestamp = 3` (milliseconds); labels are messages
//! in version 1.0 and references in 2.0, field 1 in either.

use timberline_model::{Exemplar, Labels, LabelsBuilder, NANOS_PER_MILLI, RejectReason, limits};

use super::{
    contents::{Contents, Refused, Room},
    labels::{read_label, utf8},
    sample::{nanos, out_of_range},
    symbols::Symbols,
};
use crate::{
    ProtocolError,
    protobuf::{Field, Reader, put_double, put_int64},
};

/// Bytes that labels within the limit of characters can have. What is longer is not even collected: a
/// reference of a byte may stand for very much text.
const LABELS_BYTES_MAX: usize = 4 * limits::EXEMPLAR_LABELS_CHARS_MAX;

/// Where an exemplar's labels come from.
#[derive(Clone, Copy)]
pub(super) enum LabelForm<'s, 'b> {
    /// Messages of name and value.
    Messages,
    /// References into a request's table.
    References(&'s Symbols<'b>),
}

/// Reads an exemplar behind others, or refuses it.
#[cold]
pub(super) fn push(
    contents: &mut Contents,
    refused: &mut Refused,
    message: Reader<'_>,
    form: LabelForm<'_, '_>,
    room: &mut Room,
) -> Result<(), ProtocolError> {
    room.exemplars.take(1)?;
    match read(message, form)? {
        Ok(exemplar) => contents.exemplars.push(exemplar),
        Err(reason) => refused.push(reason),
    }
    Ok(())
}

fn read(
    mut message: Reader<'_>,
    form: LabelForm<'_, '_>,
) -> Result<Result<Exemplar, RejectReason>, ProtocolError> {
    let mut labels = Collected::default();
    let (mut value, mut ts_ms) = (0.0, 0);
    while let Some(field) = message.next()? {
        match field.number {
            1 => labels.push(&field, form)?,
            2 => value = field.double()?,
            3 => ts_ms = field.varint()? as i64,
            _ => {}
        }
    }
    let Some(ts) = nanos(ts_ms) else {
        return Ok(Err(out_of_range("exemplar's timestamp", ts_ms)));
    };
    Ok(labels.build().map(|labels| Exemplar { labels, value, ts }))
}

/// Labels under way, as far as they may be kept.
#[derive(Default)]
struct Collected {
    builder: LabelsBuilder,
    bytes: usize,
    /// The name whose value is still to come.
    name: Option<String>,
    refused: Option<RejectReason>,
}

impl Collected {
    fn push(&mut self, field: &Field<'_>, form: LabelForm<'_, '_>) -> Result<(), ProtocolError> {
        match form {
            LabelForm::Messages => {
                field.bytes()?;
                match read_label(field) {
                    Ok((name, value)) => self.push_label(name, value),
                    Err(error) => self.refuse(error.into()),
                }
                Ok(())
            }
            LabelForm::References(symbols) => {
                field.for_each_varint(|reference| match symbols.text(reference) {
                    Ok(text) => self.push_text(text),
                    Err(reason) => self.refuse(reason),
                })
            }
        }
    }

    /// A name, or the value of the name before it.
    fn push_text(&mut self, text: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        if text.len() > LABELS_BYTES_MAX {
            return self.refuse(RejectReason::ExemplarLabels);
        }
        match (utf8("exemplar's label", text), self.name.take()) {
            (Ok(name), None) => self.name = Some(name.to_owned()),
            (Ok(value), Some(name)) => self.push_label(&name, value),
            (Err(error), _) => self.refuse(error.into()),
        }
    }

    fn push_label(&mut self, name: &str, value: &str) {
        self.bytes += name.len() + value.len();
        if self.bytes > LABELS_BYTES_MAX {
            self.refuse(RejectReason::ExemplarLabels);
        } else if self.refused.is_none() {
            self.builder.push(name, value);
        }
    }

    fn refuse(&mut self, reason: RejectReason) {
        self.refused.get_or_insert(reason);
    }

    fn build(mut self) -> Result<Labels, RejectReason> {
        if self.name.is_some() {
            let words = "an exemplar's labels_refs has an odd number of references";
            self.refuse(RejectReason::Protocol(words.to_owned()));
        }
        match self.refused {
            Some(reason) => Err(reason),
            None => Ok(self.builder.build()?),
        }
    }
}

/// Appends the fields of an exemplar of version 1.0.
pub(super) fn put_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    super::labels::put_labels(out, 1, &exemplar.labels);
    put_double(out, 2, exemplar.value);
    put_int64(out, 3, exemplar.ts.div_euclid(NANOS_PER_MILLI));
}
