//! Which version of remote write a request speaks, by its headers.

use crate::NegotiationError;

const MEDIA_TYPE: &str = "application/x-protobuf";
const EXPECTED: &str = "application/x-protobuf (snappy) or application/json";

/// A version of remote write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteWriteVersion {
    /// 1.0: `prometheus.WriteRequest`.
    V1,
    /// 2.0: `io.prometheus.write.v2.Request`.
    V2,
}

/// The version of a remote write request by its `Content-Type` and `Content-Encoding`.
///
/// The parameter `proto` decides; without it the version is 1.0. A header that is missing or empty is
/// taken for `application/x-protobuf` and `snappy`, as early 1.0 senders left them out.
///
/// # Errors
/// Another content type, another message, or another encoding than `snappy`.
pub fn negotiate(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
) -> Result<RemoteWriteVersion, NegotiationError> {
    let version = version(content_type.unwrap_or("").trim())?;
    let encoding = content_encoding.unwrap_or("").trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        let expected = "snappy with application/x-protobuf";
        return Err(NegotiationError::ContentEncoding { given: encoding.to_owned(), expected });
    }
    Ok(version)
}

fn version(content_type: &str) -> Result<RemoteWriteVersion, NegotiationError> {
    let unknown =
        || NegotiationError::ContentType { given: content_type.to_owned(), expected: EXPECTED };
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or("");
    if !media_type.eq_ignore_ascii_case(MEDIA_TYPE) {
        let missing = content_type.is_empty();
        return if missing { Ok(RemoteWriteVersion::V1) } else { Err(unknown()) };
    }
    let mut version = RemoteWriteVersion::V1;
    for parameter in parts.filter(|part| !part.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or_else(unknown)?;
        if !name.trim().eq_ignore_ascii_case("proto") {
            continue;
        }
        version = match value.trim().trim_matches('"') {
            "prometheus.WriteRequest" => RemoteWriteVersion::V1,
            "io.prometheus.write.v2.Request" => RemoteWriteVersion::V2,
            given => return Err(NegotiationError::Message { given: given.to_owned() }),
        };
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WriteForm, negotiate_write};

    #[test]
    fn the_content_type_chooses_the_message() {
        for (content_type, version) in [
            ("application/x-protobuf", RemoteWriteVersion::V1),
            ("Application/X-Protobuf ; proto=prometheus.WriteRequest", RemoteWriteVersion::V1),
            ("application/x-protobuf; charset=utf-8", RemoteWriteVersion::V1),
            ("application/x-protobuf;", RemoteWriteVersion::V1),
            ("", RemoteWriteVersion::V1),
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", RemoteWriteVersion::V2),
            (
                "application/x-protobuf; PROTO=\"io.prometheus.write.v2.Request\"",
                RemoteWriteVersion::V2,
            ),
        ] {
            assert_eq!(
                negotiate(Some(content_type), Some("snappy")),
                Ok(version),
                "{content_type}"
            );
        }
        assert_eq!(negotiate(None, None), Ok(RemoteWriteVersion::V1));
    }

    #[test]
    fn unknown_types_messages_and_encodings_are_refused() {
        for content_type in ["image/png", "application/json", "application/x-protobuf;proto"] {
            let refused = negotiate(Some(content_type), Some("snappy"));
            assert!(matches!(refused, Err(NegotiationError::ContentType { .. })), "{content_type}");
        }
        let refused = negotiate(Some("application/x-protobuf;proto=other.Request"), Some("snappy"));
        assert_eq!(refused, Err(NegotiationError::Message { given: "other.Request".into() }));
        for encoding in ["gzip", "deflate", "identity", "snappy, gzip"] {
            let refused = negotiate(Some("application/x-protobuf"), Some(encoding));
            assert!(matches!(refused, Err(NegotiationError::ContentEncoding { .. })), "{encoding}");
        }
    }

    #[test]
    fn json_comes_without_an_encoding() {
        assert_eq!(negotiate_write(Some("application/json"), None), Ok(WriteForm::Json));
        assert_eq!(
            negotiate_write(Some("application/json; charset=utf-8"), Some("identity")),
            Ok(WriteForm::Json)
        );
        let refused = negotiate_write(Some("application/json"), Some("snappy"));
        assert!(matches!(refused, Err(NegotiationError::ContentEncoding { .. })));
        assert_eq!(
            negotiate_write(Some("application/x-protobuf"), Some("snappy")),
            Ok(WriteForm::RemoteWrite(RemoteWriteVersion::V1))
        );
    }
}
