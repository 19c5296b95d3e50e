#![no_main]

use gingersnap_fuzz::held::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| codec::holds(octets));
