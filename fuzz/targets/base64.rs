#![no_main]

use gingersnap_fuzz::checks::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| codec::holds(octets));
