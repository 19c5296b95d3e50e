#![no_main]

use gingersnap_fuzz::checks::cookie;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8], &[u8])| {
    let (limit, name, header) = input;
    cookie::holds(header, name, usize::from(limit));
    // A name that comes off the header is met far more often than one of its own.
    let length = usize::from(limit).min(header.len()) % 8;
    cookie::holds(header, &header[..length], usize::from(limit));
});
