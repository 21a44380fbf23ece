//! `parse_ident(text)`: the parts of a name with points.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, ListBuilder, StringBuilder},
    datatypes::{DataType, Field},
};
use datafusion::{
    common::exec_datafusion_err,
    error::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ParseIdent {
    signature: Signature,
}

impl ParseIdent {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for ParseIdent {
    fn name(&self) -> &'static str {
        "parse_ident"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = ColumnarValue::values_to_arrays(&args.args)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for text in texts.iter().take(1).flat_map(|texts| texts.as_string::<i32>().iter()) {
            match text {
                Some(text) => {
                    let parts = parts(text).ok_or_else(|| {
                        exec_datafusion_err!("string is not a valid identifier: {text:?}")
                    })?;
                    parts.iter().for_each(|part| lists.values().append_value(part));
                    lists.append(true);
                }
                None => lists.append(false),
            }
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if one && lists.len() == 1 {
            let value = datafusion::common::ScalarValue::try_from_array(&lists, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(lists))
    }
}

/// The parts between points; those without quotes in small letters.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut part = String::new();
                let mut inside = quoted;
                loop {
                    let end = inside.find('"')?;
                    part.push_str(&inside[..end]);
                    inside = &inside[end + 1..];
                    // Two quotes are one.
                    match inside.strip_prefix('"') {
                        Some(further) => {
                            part.push('"');
                            inside = further;
                        }
                        None => break,
                    }
                }
                (part, inside)
            }
            None => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                if rest.starts_with(|c: char| c.is_ascii_digit() || c == '$') {
                    return None;
                }
                (rest[..end].to_lowercase(), &rest[end..])
            }
        };
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match after.trim_start().strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None => return after.trim().is_empty().then_some(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let of = |text: &str| parts(text).unwrap();
        assert_eq!(of("public.Games"), ["public", "games"]);
        assert_eq!(of(" \"A.b\".\"c\"\"d\" "), ["A.b", "c\"d"]);
        assert_eq!(of("cpu_usage"), ["cpu_usage"]);
        for wrong in ["", ".a", "a.", "a b", "\"a", "1a", "a..b", "\"\""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
