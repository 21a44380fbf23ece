//! Selecting series of a block by matchers.

use super::*;

#[test]
fn every_match_starts_with_the_literal_prefix() {
    let cases = [
        ("web-.*", "web-"),
        ("web-[0-9]+", "web-"),
        ("web?", "we"),
        ("web*x", "we"),
        ("web{0,2}", "we"),
        ("web+", "web"),
        ("é*x", ""),
        ("a|b", ""),
        ("x(a|b).*", ""),
        ("(?i)web", ""),
        ("^web.*", ""),
        (r"10\.0\..*", "10"),
        ("", ""),
        ("plain", "plain"),
    ];
    for (pattern, prefix) in cases {
        assert_eq!(literal_prefix(pattern), prefix, "{pattern}");
    }
}
