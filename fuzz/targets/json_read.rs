#![no_main]

use gingersnap_fuzz::checks::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| json::holds(text));
