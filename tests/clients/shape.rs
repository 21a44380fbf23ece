//! Shapes of JSON, written as JSON.
//!
//! `"string"`, `"number"` and `"boolean"` stand for any value of the type, `"=text"` for this text,
//! `"any"` for anything. A list of one shape stands for a list of one or more such values, of several for
//! exactly those; an empty list or object for itself. An object has the members that are named and no
//! others; `"*"` stands for any number of members.

use serde_json::Value;

/// Checks a value.
///
/// # Errors
/// Where it is not of the shape.
pub(crate) fn check(value: &Value, shape: &Value, place: &str) -> Result<(), String> {
    let wrong = || Err(format!("{place}: {value} is not {shape}"));
    match (shape, value) {
        (Value::String(name), value) => {
            let fits = match (name.as_str(), value) {
                ("any", _) => true,
                ("string", value) => value.is_string(),
                ("number", value) => value.is_number(),
                ("boolean", value) => value.is_boolean(),
                (name, Value::String(text)) => name.strip_prefix('=') == Some(text),
                _ => false,
            };
            if fits { Ok(()) } else { wrong() }
        }
        (Value::Array(shapes), Value::Array(values)) => match shapes.as_slice() {
            [each] if !values.is_empty() => values
                .iter()
                .enumerate()
                .try_for_each(|(at, value)| check(value, each, &format!("{place}[{at}]"))),
            shapes if shapes.len() == values.len() && shapes.len() != 1 => {
                shapes.iter().zip(values).try_for_each(|(shape, value)| check(value, shape, place))
            }
            _ => wrong(),
        },
        (Value::Object(shapes), Value::Object(members)) => {
            let others = shapes.get("*");
            for (key, value) in members {
                match shapes.get(key).or(others) {
                    Some(shape) => check(value, shape, &format!("{place}.{key}"))?,
                    None => return Err(format!("{place}.{key} is not expected")),
                }
            }
            let missing = shapes.keys().find(|key| *key != "*" && !members.contains_key(*key));
            missing.map_or(Ok(()), |key| Err(format!("{place}.{key} is missing")))
        }
        _ => wrong(),
    }
}

#[test]
fn shapes_tell_values_apart() {
    let fits = |value: Value, shape: Value| check(&value, &shape, "$").is_ok();
    use serde_json::json;
    assert!(fits(
        json!({"a": [1, "x"], "b": "ok"}),
        json!({"a": ["number", "string"], "b": "=ok"})
    ));
    assert!(fits(json!([{"x": "y"}, {}]), json!([{"*": "string"}])));
    assert!(fits(json!([]), json!([])) && !fits(json!([]), json!(["string"])));
    assert!(!fits(json!({"a": 1, "b": 2}), json!({"a": "number"})));
    assert!(!fits(json!({}), json!({"a": "number"})));
    assert!(!fits(json!(["1"]), json!(["number"])));
}
