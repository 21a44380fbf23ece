//! Start timestamps: `requests_total@st _ -1m -1m+30sx3`, each the distance of a start from its sample.

use timberline_model::{Labels, parse_duration};

use crate::sequence;

/// Values that one line may stand for.
const ITEMS_MAX: usize = 10_000_000;

/// A line of starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Starts {
    /// The series whose line comes next; without one, all series of the load that have no line.
    pub(crate) labels: Option<Labels>,
    /// For each value of the series the distance in nanoseconds, or none.
    pub(crate) offsets: Vec<Option<i64>>,
}

impl Starts {
    /// Reads a line, if it is one of starts.
    pub(crate) fn parse(line: &str) -> Option<Result<Self, String>> {
        let (head, items) = line.split_once([' ', '\t'])?;
        let labels = head.strip_suffix("@st")?;
        Some(Self::read(labels, items))
    }

    fn read(labels: &str, items: &str) -> Result<Self, String> {
        let labels = if labels.is_empty() { None } else { Some(sequence::series(labels)?) };
        let mut offsets: Vec<Option<i64>> = Vec::new();
        for item in items.split_whitespace() {
            let before = offsets.iter().rev().find_map(|offset| *offset).unwrap_or(0);
            let more = item_offsets(item, before, ITEMS_MAX - offsets.len())
                .map_err(|reason| format!("bad start {item:?}: {reason}"))?;
            offsets.extend(more);
        }
        if offsets.is_empty() {
            return Err("a line of starts without any".to_owned());
        }
        Ok(Self { labels, offsets })
    }
}

/// What one item stands for; `*` is the known start before it.
fn item_offsets(item: &str, before: i64, max: usize) -> Result<Vec<Option<i64>>, String> {
    let count = |text: &str| match text.parse::<usize>() {
        Ok(count) if count < max => Ok(count),
        _ => Err(format!("{text:?} is no count up to {ITEMS_MAX}")),
    };
    match item {
        "_" => return Ok(vec![None]),
        "*" => return Ok(vec![Some(before)]),
        _ => {}
    }
    if let Some(times) = item.strip_prefix("_x") {
        return match count(times)? {
            0 => Err("a gap is repeated at least once".to_owned()),
            times => Ok(vec![None; times]),
        };
    }
    if let Some(times) = item.strip_prefix("*x") {
        return Ok(vec![Some(before); count(times)? + 1]);
    }
    let (first, rest) = signed_duration(item)?;
    if rest.is_empty() {
        return Ok(vec![Some(first)]);
    }
    if let Some(times) = rest.strip_prefix('x') {
        return Ok(vec![Some(first); count(times)? + 1]);
    }
    if !rest.starts_with(['+', '-']) {
        return Err("a duration is followed by xN or a step".to_owned());
    }
    let (step, rest) = signed_duration(rest)?;
    let times = rest.strip_prefix('x').ok_or("a step is followed by xN")?;
    let mut offsets = Vec::new();
    let mut offset = first;
    for _ in 0..=count(times)? {
        offsets.push(Some(offset));
        offset = offset.checked_add(step).ok_or("a start out of range")?;
    }
    Ok(offsets)
}

/// A number and a unit with a sign or without, in nanoseconds, and what is behind it.
fn signed_duration(text: &str) -> Result<(i64, &str), String> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    // `x` repeats, and is in no unit.
    let is_unit = |byte: &u8| byte.is_ascii_alphabetic() && *byte != b'x';
    let unit = unsigned.bytes().skip(digits).take_while(is_unit).count();
    let (duration, rest) = unsigned.split_at(digits + unit);
    let nanos = parse_duration(duration).map_err(|error| error.to_string())?;
    Ok((if negative { -nanos } else { nanos }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn offsets(line: &str) -> Vec<Option<i64>> {
        let starts = Starts::parse(line).unwrap().unwrap();
        starts.offsets.into_iter().map(|offset| offset.map(|nanos| nanos / SECOND)).collect()
    }

    #[test]
    fn starts_are_repeated_and_stepped() {
        assert_eq!(offsets("m@st _ -1m"), [None, Some(-60)]);
        assert_eq!(offsets("m@st -1mx2 _x2"), [Some(-60), Some(-60), Some(-60), None, None]);
        assert_eq!(offsets("m@st -1m+30sx2"), [Some(-60), Some(-30), Some(0)]);
        assert_eq!(offsets("@st -30s-1mx1 * *x1"), [-30, -90, -90, -90, -90].map(Some));
        assert_eq!(offsets("m@st 0"), [Some(0)]);
    }

    #[test]
    fn lines_of_values_are_no_starts() {
        assert_eq!(Starts::parse("m{a=\"b\"} 1 2"), None);
        assert!(Starts::parse("m@st 5").unwrap().is_err());
        assert!(Starts::parse("m@st _x0").unwrap().is_err());
        assert!(Starts::parse("m@st -1m+30s").unwrap().is_err());
        assert!(Starts::parse("m@st x").unwrap().is_err());
    }
}
