//! Any bytes as a CSV file and as lines of JSON: series or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_exchange::text;

fuzz_target!(|bytes: &[u8]| {
    let _ = text::read_csv(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        for line in text.lines() {
            if let Ok((_, columns)) = text::read_json_line(line) {
                assert_eq!(columns.timestamps.len(), columns.values.len());
            }
        }
    }
});
