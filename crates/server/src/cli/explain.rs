//! The plan of a query as a tree of text.

use serde_json::Value;
use timberline_model::NANOS_PER_SECOND;

use super::{
    local_time::format_time,
    table::{count, counted},
};

/// How deep a plan is shown; the parser allows expressions no deeper.
const DEPTH_MAX: usize = 512;

/// Renders a plan; `None` if it has another form than this version knows.
pub(super) fn tree(plan: &Value) -> Option<String> {
    let mut text = String::new();
    node(plan, "", "", &mut text, 0)?;
    Some(text)
}

fn node(plan: &Value, head: &str, indent: &str, text: &mut String, depth: usize) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    let operation = plan["operation"].as_str()?;
    let seconds = plan["seconds"].as_f64()?;
    text.push_str(&format!(
        "{head}{operation} {}\n{indent}    {} at {}, {:.3} ms\n",
        plan["expression"].as_str()?,
        counted(plan["series"].as_u64()?, "series"),
        counted(plan["steps"].as_u64()?, "steps"),
        seconds * 1_000.0,
    ));
    if let Some(scan) = plan.get("scan") {
        text.push_str(&format!(
            "{indent}    {} from {} to {}, {}; pages: {} decoded, {} skipped{}\n",
            counted(scan["samples"].as_u64()?, "samples"),
            time(&scan["start"])?,
            time(&scan["end"])?,
            counted(scan["streams"].as_u64()?, "streams"),
            count(scan["pagesDecoded"].as_u64()?),
            count(scan["pagesSkipped"].as_u64()?),
            if scan["takesFigures"].as_bool()? { " where their figures do" } else { "" },
        ));
    }
    for child in plan.get("children").and_then(Value::as_array).into_iter().flatten() {
        let (head, deeper) = (format!("{indent}  - "), format!("{indent}    "));
        node(child, &head, &deeper, text, depth + 1)?;
    }
    Some(())
}

/// Unix seconds of the answer as a time for people.
fn time(seconds: &Value) -> Option<String> {
    let millis = (seconds.as_f64()? * 1_000.0).round() as i64;
    Some(format_time(millis.saturating_mul(NANOS_PER_SECOND / 1_000)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_is_a_tree_with_what_was_read() {
        let plan = json!({"expression": "sum(rate(a[5m]))", "operation": "query", "steps": 1,
            "series": 1, "seconds": 0.0015, "children": [
            {"expression": "a[5m]", "operation": "scan", "steps": 1, "series": 2, "seconds": 0.001,
             "scan": {"start": 0.001, "end": 300, "streams": 2, "takesFigures": true,
                      "samples": 1200, "pagesDecoded": 1, "pagesSkipped": 2}}]});
        assert_eq!(
            tree(&plan).unwrap(),
            "query sum(rate(a[5m]))\n\
             \u{20}   1 series at 1 step, 1.500 ms\n\
             \u{20} - scan a[5m]\n\
             \u{20}       2 series at 1 step, 1.000 ms\n\
             \u{20}       1,200 samples from 1970-01-01T00:00:00.001Z to 1970-01-01T00:05:00Z, \
             2 streams; pages: 1 decoded, 2 skipped where their figures do\n"
        );
        assert_eq!(tree(&json!({"operation": "query"})), None);
    }
}
