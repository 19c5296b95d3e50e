//! Base64, against an encoder that takes six bits at a time.

use _native::codec::{base64_decode, base64_encode, digest_text};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes without padding, the plain way.
fn model(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in octets.chunks(3) {
        let word = (0..3).fold(0, |word, at| word << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        text.extend((0..=chunk.len()).map(|at| ALPHABET[word >> (18 - 6 * at) & 63]));
    }
    text
}

/// Holds for every row of octets, taken as data and as text.
pub fn holds(octets: &[u8]) {
    let mut line = b"name=".to_vec();
    base64_encode(octets, &mut line);
    let text = line.strip_prefix(b"name=").unwrap_or_default();
    let bare = model(octets);
    let padding = &b"=="[..(3 - octets.len() % 3) % 3];
    assert_eq!(text, [&bare[..], padding].concat());
    assert_eq!(base64_decode(text).as_deref(), Some(octets));
    let url = |octet: &u8| match octet {
        b'+' => b'-',
        b'/' => b'_',
        _ => *octet,
    };
    assert_eq!(digest_text(octets), bare.iter().map(url).collect::<Vec<u8>>());

    // One spelling for each row of octets: what can be read is what would be written.
    if let Some(data) = base64_decode(octets) {
        let mut again = Vec::new();
        base64_encode(&data, &mut again);
        assert_eq!(again, octets, "{}", octets.escape_ascii());
    }
}
