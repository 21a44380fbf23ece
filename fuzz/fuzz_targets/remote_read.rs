//! Any bytes as a decompressed remote read request: what is read is within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_protocol::prom_read::{ReadLimits, decode_request};

fuzz_target!(|bytes: &[u8]| {
    let limits = ReadLimits { queries_max: 8, matchers_max: 16, regexes_max: 4 };
    if let Ok(request) = decode_request(bytes, &limits) {
        assert!(request.queries.len() <= limits.queries_max);
        let matchers: usize = request.queries.iter().map(|query| query.matchers.len()).sum();
        assert!(matchers <= limits.matchers_max);
        let _ = request.response_type();
    }
});
