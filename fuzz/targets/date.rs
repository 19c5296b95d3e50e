#![no_main]

use gingersnap_fuzz::checks::date;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (i64, u8)| {
    let (at_ms, shift) = input;
    date::holds(at_ms);
    // Most of 64 bits lie beyond the year 9999: without some of them, fewer do.
    date::holds(at_ms >> (shift % 40));
});
