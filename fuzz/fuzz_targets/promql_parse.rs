//! Any text is parsed or refused, and what is parsed prints to what parses and prints the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_promql::{parse, parse_matchers, parse_series};

fuzz_target!(|text: &str| {
    if let Ok(expr) = parse(text) {
        let print = expr.to_string();
        // Canonical text may be longer than what was written, and so exceed the limit on its own.
        if print.len() <= timberline_promql::EXPRESSION_BYTES_MAX {
            let again = parse(&print).expect("canonical text parses");
            assert_eq!(again.to_string(), print);
            assert_eq!(again.value_type(), expr.value_type());
        }
    }
    let _ = parse_matchers(text);
    let _ = parse_series(text);
});
