//! As much of the Prometheus text format as exporters use: names, labels, values.

use anyhow::{Context, Result, bail};

/// One line with a value.
#[derive(Debug, PartialEq)]
pub(crate) struct TextSample<'a> {
    /// Metric name and labels as they stand in the line: equal text is an equal series.
    pub(crate) series: &'a str,
    /// The value.
    pub(crate) value: f64,
}

impl TextSample<'_> {
    /// The labels, the metric name among them, in the order of the text.
    pub(crate) fn labels(&self) -> Result<Vec<(String, String)>> {
        let (name, rest) = match self.series.split_once('{') {
            Some((name, rest)) => (name, rest),
            None => (self.series, "}"),
        };
        let mut labels = vec![("__name__".to_owned(), name.trim().to_owned())];
        let mut rest = rest.trim_start();
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once('=').with_context(|| self.series.to_owned())?;
            let quoted = after.trim_start().strip_prefix('"');
            let (value, after) = unquoted(quoted.with_context(|| self.series.to_owned())?)
                .with_context(|| self.series.to_owned())?;
            labels.push((label.trim().to_owned(), value));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Ok(labels)
    }
}

/// The samples of a scrape, in order.
pub(crate) fn samples(body: &str) -> impl Iterator<Item = Result<TextSample<'_>>> {
    let lines = body.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample)
}

fn sample(line: &str) -> Result<TextSample<'_>> {
    let end = series_end(line).with_context(|| line.to_owned())?;
    let (series, rest) = line.split_at(end);
    let value = rest.split_whitespace().next().with_context(|| line.to_owned())?;
    let value = value.parse().with_context(|| line.to_owned())?;
    Ok(TextSample { series: series.trim_end(), value })
}

/// Where the value begins: behind the brace that is not in quotes, or behind the name.
fn series_end(line: &str) -> Result<usize> {
    if !line.contains('{') {
        return line.find(char::is_whitespace).context("no value");
    }
    let (mut in_quotes, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_quotes => escaped = true,
            b'"' => in_quotes = !in_quotes,
            b'}' if !in_quotes => return Ok(at + 1),
            _ => {}
        }
    }
    bail!("no closing brace")
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let body =
            "# HELP up is\nup 1\ncpu{mode=\"a b\", path=\"}\\\"\\\\\\n\",} +Inf 123\n\nx{} NaN\n";
        let found: Vec<_> = samples(body).map(Result::unwrap).collect();
        let labels = |at: usize| found[at].labels().unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(labels(0), [pair("__name__", "up")]);
        let expected = [pair("__name__", "cpu"), pair("mode", "a b"), pair("path", "}\"\\\n")];
        assert_eq!(labels(1), expected);
        assert_eq!(labels(2), [pair("__name__", "x")]);
        assert_eq!((found[0].value, found[1].value), (1.0, f64::INFINITY));
        assert!(found[2].value.is_nan());
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        for wrong in ["up", "up x", "up{a=\"b\" 1", "up{a=\"b} 1"] {
            assert!(samples(wrong).next().unwrap().is_err(), "{wrong}");
        }
    }
}
