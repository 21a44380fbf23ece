//! Labels as messages of a name and a value.

use timberline_model::{Labels, LabelsBuilder, LabelsError};

use crate::{
    ProtocolError,
    protobuf::{Field, put_bytes},
};

/// Name and value of a field that is a label.
pub(crate) fn read_label<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), LabelsError> {
    let (mut name, mut value): (&[u8], &[u8]) = (b"", b"");
    let mut label = field.message().map_err(|error| malformed(&error))?;
    while let Some(part) = label.next().map_err(|error| malformed(&error))? {
        match part.number {
            1 => name = part.bytes().map_err(|error| malformed(&error))?,
            2 => value = part.bytes().map_err(|error| malformed(&error))?,
            _ => {}
        }
    }
    Ok((utf8("label name", name)?, utf8("label value", value)?))
}

/// A protobuf error within labels.
pub(super) fn malformed(error: &ProtocolError) -> LabelsError {
    match error {
        ProtocolError::Protobuf { reason, .. } => LabelsError::Malformed { reason },
        _ => LabelsError::Malformed { reason: "not a label message" },
    }
}

/// Text, or the error that names what is no text.
pub(super) fn utf8<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, LabelsError> {
    str::from_utf8(bytes).map_err(|_| {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned();
        LabelsError::NotUtf8 { what, text }
    })
}

/// The error of labels without a metric name; what is wrong with the labels besides comes first.
pub(super) fn missing_name(builder: &mut LabelsBuilder) -> LabelsError {
    match builder.build() {
        Ok(labels) => LabelsError::MissingMetricName { labels: labels.to_string() },
        Err(error) => error,
    }
}

/// Appends labels, each as a field of the given number.
pub(crate) fn put_labels(out: &mut Vec<u8>, number: u32, labels: &Labels) {
    let mut label = Vec::new();
    for (name, value) in labels.iter() {
        label.clear();
        put_bytes(&mut label, 1, name.as_bytes());
        put_bytes(&mut label, 2, value.as_bytes());
        put_bytes(out, number, &label);
    }
}
