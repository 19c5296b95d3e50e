#![no_main]

use gingersnap_fuzz::checks::keygrip::{ALGORITHMS, holds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, Vec<Vec<u8>>, [Vec<u8>; 3])| {
    let (algorithm, twist, mut keys, parts) = input;
    keys.truncate(8);
    let algorithm = ALGORITHMS[usize::from(algorithm) % ALGORITHMS.len()];
    holds(&keys, algorithm, parts.each_ref().map(Vec::as_slice), usize::from(twist));
});
