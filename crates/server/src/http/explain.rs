//! What each part of a query did, as the parameter `explain` asks for it.

use serde_json::{Value, json};
use timberline::promql::eval::PlanNode;
use timberline_protocol::{TimeForm, prom_api::push_time};

/// Adds the member `explain` to the object that was appended last: the data of a query's answer.
pub(super) fn add_plan(out: &mut Vec<u8>, plan: &PlanNode, form: TimeForm) {
    debug_assert_eq!(out.last(), Some(&b'}'), "a plan is added to an object");
    out.pop();
    out.extend_from_slice(b",\"explain\":");
    out.extend_from_slice(node(plan, form).to_string().as_bytes());
    out.push(b'}');
}

fn node(plan: &PlanNode, form: TimeForm) -> Value {
    let mut shown = json!({
        "expression": plan.expression,
        "operation": plan.operation,
        "steps": plan.steps,
        "series": plan.series,
        "seconds": plan.elapsed.as_secs_f64(),
    });
    if let Some(scan) = &plan.scan {
        shown["scan"] = json!({
            "start": time(scan.range.start, form),
            "end": time(scan.range.end, form),
            "streams": scan.streams,
            "takesFigures": scan.takes_figures,
            "samples": scan.read.samples,
            "pagesDecoded": scan.read.pages.decoded,
            "pagesSkipped": scan.read.pages.skipped,
        });
    }
    if !plan.children.is_empty() {
        shown["children"] = plan.children.iter().map(|child| node(child, form)).collect();
    }
    shown
}

/// A time as the rest of the answer has it.
fn time(ts: i64, form: TimeForm) -> Value {
    let mut text = Vec::new();
    push_time(&mut text, ts, form);
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}
