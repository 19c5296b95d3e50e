//! Signing and verifying: what was signed is found, and nothing else is.

use _native::keygrip::Keygrip;

/// The algorithms of `Keygrip::new`.
pub const ALGORITHMS: [&str; 5] = ["sha1", "sha256", "sha384", "sha512", "blake3"];

fn keygrip(keys: &[Vec<u8>], algorithm: &str) -> Keygrip {
    match Keygrip::new(keys, algorithm) {
        Some(keygrip) => keygrip,
        None => panic!("{} keys make no Keygrip with {algorithm}", keys.len()),
    }
}

/// Holds for all keys and parts; `twist` says where a digest is bent, and which key is the old one.
pub fn holds(keys: &[Vec<u8>], algorithm: &str, parts: [&[u8]; 3], twist: usize) {
    if keys.is_empty() {
        assert!(Keygrip::new(keys, algorithm).is_none());
        return;
    }
    let grip = keygrip(keys, algorithm);
    let digest = grip.sign(parts);
    assert_eq!(grip.index(parts, &[&digest]), Some(0));
    assert_eq!(grip.sign([&parts.concat(), b"", b""]), digest, "the parts are one message");

    // Two keys may be one: HMAC fills short keys up with zeros.
    let old = twist % keys.len();
    let older = keygrip(&keys[old..=old], algorithm).sign(parts);
    assert!(grip.index(parts, &[&older]).is_some_and(|at| at <= old));

    let mut bent = digest.clone();
    let at = twist % bent.len();
    bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
    let short = &digest[..digest.len() - 1];
    let long = [&digest[..], b"A"].concat();
    assert_eq!(grip.index(parts, &[]), None);
    assert_eq!(grip.index(parts, &[&bent, short, &long, b""]), None, "a digest that no key made");
    assert_eq!(grip.index(parts, &[&bent, short, &digest, &long]), Some(0), "among forged ones");
    assert_eq!(grip.index([&parts.concat(), b"!", b""], &[&digest]), None, "of another message");
}
