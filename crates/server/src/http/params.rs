//! The parameters of a request: its query string, and the form in its body.

use axum::{
    extract::Request,
    http::{Method, header},
};

use super::{body::read_form, state::App};
use crate::{error::ApiError, net::Client};

const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values in the order given, those of the body first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Params {
    client: Client,
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    /// A body that is too large or no form, or text that is not UTF-8.
    pub(super) async fn read(app: &App, request: Request) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let mut params = Self { client: Client::of(&head.extensions), pairs: Vec::new() };
        if head.method == Method::POST {
            let body = read_form(app, body).await?;
            let content_type = head.headers.get(header::CONTENT_TYPE);
            check_form(content_type.and_then(|value| value.to_str().ok()), body.is_empty())?;
            params.push_all(&body)?;
        }
        params.push_all(head.uri.query().unwrap_or("").as_bytes())?;
        Ok(params)
    }

    /// Parameters that stand in these texts, the first ones first.
    ///
    /// # Errors
    /// Text that is not UTF-8.
    #[cfg(feature = "sql")]
    pub(super) fn of(client: Client, texts: &[&[u8]]) -> Result<Self, ApiError> {
        let mut params = Self { client, pairs: Vec::new() };
        texts.iter().try_for_each(|text| params.push_all(text))?;
        Ok(params)
    }

    fn push_all(&mut self, text: &[u8]) -> Result<(), ApiError> {
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            self.pairs.push((name, value));
        }
        Ok(())
    }

    /// Who asks.
    pub(super) const fn client(&self) -> Client {
        self.client
    }

    /// The first value of a name, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let given = |(n, value): &&(String, String)| n == name && !value.is_empty();
        self.pairs.iter().find(given).map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// When it is not there, or empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::invalid(format!("missing parameter {name:?}")))
    }
}

/// Clients that post nothing at all, or a form without saying so, are let pass.
fn check_form(content_type: Option<&str>, empty: bool) -> Result<(), ApiError> {
    let media_type = content_type.unwrap_or(FORM).split(';').next().unwrap_or("").trim();
    if empty || media_type.eq_ignore_ascii_case(FORM) {
        return Ok(());
    }
    Err(ApiError::new(
        crate::error::Subject::Request,
        timberline_model::ErrorKind::Unsupported,
        format!("unsupported content type {media_type:?}: expected {FORM}"),
    ))
}

/// Undoes percent-encoding; `+` is a blank. A `%` that encodes nothing stands for itself.
fn decode(text: &[u8]) -> Result<String, ApiError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid("a parameter is not valid UTF-8"))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        let mut params =
            Params { client: Client::of(&axum::http::Extensions::new()), pairs: Vec::new() };
        params.push_all(text.as_bytes()).unwrap();
        params
    }

    #[test]
    fn values_are_decoded_and_may_repeat() {
        let params = params("a=x+y%2B%22&&match[]=1&match%5B%5D=2&b==%zz%4&c");
        assert_eq!(params.get("a"), Some("x y+\""));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.get("b"), Some("=%zz%4"));
        assert_eq!(params.get("c"), None);
        assert!(params.required("d").unwrap_err().message().contains("\"d\""));
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        assert_eq!(decode(b"%ff").unwrap_err().status(), 400);
    }

    #[test]
    fn only_forms_are_read_from_bodies() {
        assert!(
            check_form(Some("application/x-www-form-urlencoded; charset=utf-8"), false).is_ok()
        );
        assert!(check_form(None, false).is_ok());
        assert!(check_form(Some("application/json"), true).is_ok());
        assert_eq!(check_form(Some("application/json"), false).unwrap_err().status(), 415);
    }
}
