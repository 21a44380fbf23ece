//! The form of an answer, by what the client accepts.

use axum::http::{HeaderMap, header};

use crate::error::{ApiError, Subject};

/// The forms that an answer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One object with columns and rows.
    Json,
    /// One object for each row, on its own line.
    Lines,
    /// RFC 4180, with a head of names.
    Csv,
    /// Arrow's stream of batches.
    Arrow,
}

const ALL: [Format; 4] = [Format::Json, Format::Lines, Format::Csv, Format::Arrow];

impl Format {
    /// The content type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// The first form of the client's own order that we have; JSON if it takes anything.
    ///
    /// # Errors
    /// None that we have.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, ApiError> {
        let accept = headers.get(header::ACCEPT).map(|value| value.to_str().unwrap_or("*/*"));
        let accept = accept.unwrap_or("*/*");
        let mut wanted: Vec<(f32, &str)> = accept.split(',').map(weighted).collect();
        // Stable: of equal weight, the first one counts.
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted
            .into_iter()
            .filter(|(weight, _)| *weight > 0.0)
            .find_map(|(_, media_type)| Self::of(media_type))
            .ok_or_else(|| {
                ApiError::new(
                    Subject::Request,
                    timberline_model::ErrorKind::Unsupported,
                    format!(
                        "cannot answer as {accept:?}: expected {}",
                        ALL.map(|format| format.content_type().split(';').next().unwrap_or(""))
                            .join(", ")
                    ),
                )
            })
    }

    fn of(media_type: &str) -> Option<Self> {
        match media_type.to_ascii_lowercase().as_str() {
            "application/json" | "application/*" | "*/*" | "" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Self::Lines)
            }
            "text/csv" | "text/*" => Some(Self::Csv),
            "application/vnd.apache.arrow.stream" => Some(Self::Arrow),
            _ => None,
        }
    }
}

/// A media range and its `q`; 1 if it has none.
fn weighted(range: &str) -> (f32, &str) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or("");
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse);
    (weight.and_then(Result::ok).unwrap_or(1.0), media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Format::accepted(&headers).ok()
    }

    #[test]
    fn the_first_form_of_the_most_weight_is_taken() {
        assert_eq!(Format::accepted(&HeaderMap::new()).unwrap(), Format::Json);
        assert_eq!(accepted("text/html, */*;q=0.1"), Some(Format::Json));
        assert_eq!(accepted("text/csv;q=0.5, application/x-ndjson"), Some(Format::Lines));
        assert_eq!(accepted("text/csv"), Some(Format::Csv));
        assert_eq!(accepted("application/vnd.apache.arrow.stream"), Some(Format::Arrow));
        assert_eq!(accepted("image/png"), None);
        assert_eq!(accepted("text/csv;q=0"), None);
    }
}
