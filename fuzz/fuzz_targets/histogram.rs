//! Any bytes as a stored histogram: an error, or a histogram that is whole and comes back bit for bit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_codec::histogram;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let Ok(taken) = histogram::take(&mut rest) else {
        assert_eq!(rest, bytes, "bytes taken by an error");
        return;
    };
    assert_eq!(taken.check(), Ok(()), "a histogram that is not whole");
    let mut again = Vec::new();
    histogram::put(&taken, &mut again);
    let mut rest = again.as_slice();
    assert_eq!(histogram::take(&mut rest), Ok(taken));
    assert!(rest.is_empty());
});
