//! Queries and selectors as people type them.

use timberline_model::{MatchOp, Matcher};
use timberline_promql::{
    Expr, ExprKind, Features, ParseError, REGEX_COUNT_MAX, ast::RangeExtension, parse_matchers,
    parse_with,
};

use crate::error::ApiError;

/// Parses a query.
///
/// A text that is no query, and becomes one when braces are put around it, is taken for a list of
/// matchers: `curl 'http://host/api/v1/query?query={job="x"}'` sends it without its braces, as curl
/// expands them. Returns the text that was parsed, so that positions are right.
///
/// # Errors
/// A text that is no query either way, or uses what is not switched on: what is wrong with it as it stands.
pub(super) fn parse_query(text: &str, features: Features) -> Result<(Expr, String), ApiError> {
    let refused = match parse_with(text, &features) {
        Ok(expr) => return Ok((expr, text.to_owned())),
        Err(refused) => refused,
    };
    let braced = format!("{{{text}}}");
    match parse_with(&braced, &features) {
        Ok(expr) if !text.trim().is_empty() => Ok((expr, braced)),
        _ => Err(invalid_query("query", &refused)),
    }
}

/// Parses all `match[]` selectors of a request. Together they may have as many regular expressions as a
/// query: each is kept compiled until the request is answered.
///
/// # Errors
/// A text that is no selector, or too many regular expressions.
pub(super) fn parse_matches(texts: &[String]) -> Result<Vec<Vec<Matcher>>, ApiError> {
    let mut selectors = Vec::new();
    let mut regexes = 0;
    for text in texts {
        let matchers = parse_match("match[]", text)?;
        let is_regex =
            |matcher: &&Matcher| matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex);
        regexes += matchers.iter().filter(is_regex).count();
        if regexes > REGEX_COUNT_MAX {
            return Err(ApiError::invalid(format!(
                "the selectors of match[] have more than {REGEX_COUNT_MAX} regular expressions"
            )));
        }
        selectors.push(matchers);
    }
    Ok(selectors)
}

/// Parses the selector that a parameter has, with or without its braces.
///
/// # Errors
/// A text that is no selector.
pub(super) fn parse_match(parameter: &str, text: &str) -> Result<Vec<Matcher>, ApiError> {
    match parse_matchers(text) {
        Ok(matchers) => Ok(matchers),
        Err(refused) => {
            parse_matchers(&format!("{{{text}}}")).map_err(|_| invalid_query(parameter, &refused))
        }
    }
}

/// The matchers of an expression that is a plain selector and nothing else: no range, no `offset`,
/// no `@`.
pub(super) fn plain_selector(expr: &Expr) -> Option<&[Matcher]> {
    let ExprKind::Selector(selector) = &expr.kind else { return None };
    let plain = selector.extension == RangeExtension::None
        && selector.modifiers.offset.is_none()
        && selector.modifiers.at.is_none();
    plain.then_some(selector.matchers.as_slice())
}

fn invalid_query(parameter: &str, error: &ParseError) -> ApiError {
    ApiError::invalid(format!("invalid parameter {parameter:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        parse_query(text, Features::default())
            .map_or_else(|error| error.message().to_owned(), |(expr, _)| expr.to_string())
    }

    #[test]
    fn a_matcher_list_that_lost_its_braces_is_a_selector() {
        for (given, meant) in [
            (r#"__name__="cpu_usage""#, r#"{__name__="cpu_usage"}"#),
            (r#"__name__="cpu",host=~"a|b""#, r#"{__name__="cpu",host=~"a|b"}"#),
            (r#"a="1",b!="2""#, r#"{a="1",b!="2"}"#),
        ] {
            assert_eq!(canonical(given), canonical(meant), "{given}");
            assert!(!canonical(given).contains("parse error"), "{given}: {}", canonical(given));
        }
    }

    #[test]
    fn what_is_a_query_already_is_left_alone() {
        assert_eq!(canonical("up == 1"), "up == 1");
        assert_eq!(canonical("sum(up)"), "sum(up)");
    }

    #[test]
    fn what_is_neither_is_refused_as_it_stands() {
        for text in ["", "sum(", "{}", "a=\"x", "up{job=}"] {
            let error = parse_query(text, Features::default()).unwrap_err();
            assert_eq!(error.status(), 400, "{text}");
            assert!(error.message().starts_with("invalid parameter \"query\": "), "{text}");
            assert!(error.message().contains(": parse error: "), "{}", error.message());
        }
        assert!(parse_match("match[]", "sum(up)").unwrap_err().message().contains("match[]"));
    }

    #[test]
    fn selectors_have_no_more_regular_expressions_together_than_a_query() {
        let texts = vec!["a{b=~\"c.\",d!~\"e.\"}".to_owned(); REGEX_COUNT_MAX / 2 + 1];
        assert!(parse_matches(&texts[1..]).is_ok());
        let refused = parse_matches(&texts).unwrap_err();
        assert!(refused.message().contains("regular expressions"), "{}", refused.message());
    }

    #[test]
    fn only_selectors_without_modifiers_are_plain() {
        let plain = |text: &str| {
            plain_selector(&parse_query(text, Features::default()).unwrap().0).is_some()
        };
        assert!(plain("up") && plain(r#"{job="x"}"#));
        for text in ["up offset 1m", "up @ 5", "up[5m]", "-up", "sum(up)", "1"] {
            assert!(!plain(text), "{text}");
        }
    }
}
