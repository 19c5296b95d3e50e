//! Standard base64 (RFC 4648 section 4, padded, canonical), for cookie values, and base64url without padding
//! (section 5), for digests and encrypted tokens. It must not know JSON.

use base64_simd::{Base64, Out, STANDARD, URL_SAFE_NO_PAD};

/// Appends the base64 text of `data` to `line`.
pub fn base64_encode(data: &[u8], line: &mut Vec<u8>) {
    append(&STANDARD, data, line);
}

/// Appends the base64url text of `data` to `line`.
pub fn base64url_encode(data: &[u8], line: &mut Vec<u8>) {
    append(&URL_SAFE_NO_PAD, data, line);
}

// Inlined, so that the compiler knows the alphabet and chooses the encoder.
#[allow(clippy::inline_always)]
#[inline(always)]
fn append(alphabet: &Base64, data: &[u8], line: &mut Vec<u8>) {
    let start = line.len();
    line.resize(start + alphabet.encoded_length(data.len()), 0);
    let _ = alphabet.encode(data, Out::from_slice(&mut line[start..]));
}

/// Reads base64 text; `None` for any other: no white space, no URL alphabet, no missing padding, no stray bits.
#[must_use]
pub fn base64_decode(value: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode_to_vec(value).ok()
}

/// Reads base64url text; `None` for any other: no padding, no standard alphabet, no stray bits.
#[must_use]
pub fn base64url_decode(value: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(value).ok()
}

/// Writes a digest as Keygrip does: base64url without padding.
#[must_use]
pub fn digest_text(digest: &[u8]) -> Vec<u8> {
    URL_SAFE_NO_PAD.encode_type(digest)
}

#[cfg(test)]
mod tests {
    use super::{base64_decode, base64_encode, base64url_decode, base64url_encode};

    #[test]
    fn reads_what_it_wrote() {
        for size in 0..100u8 {
            let data: Vec<u8> = (0..size).map(|n| n.wrapping_mul(37)).collect();
            let mut line = b"x=".to_vec();
            base64_encode(&data, &mut line);
            assert_eq!(base64_decode(&line[2..]), Some(data.clone()));
            line.clear();
            base64url_encode(&data, &mut line);
            assert_eq!(base64url_decode(&line), Some(data));
        }
    }

    #[test]
    fn refuses_every_other_dialect() {
        for odd in ["QQ", "QQ=", "QR==", "Q Q=", "QQ==\n", "-_==", "====", "QQ==QQ=="] {
            assert_eq!(base64_decode(odd.as_bytes()), None, "{odd}");
        }
        for odd in ["Q", "QR", "Q Q", "QQ==", "QQ\n", "QQA+", "QQA/", "QUJ"] {
            assert_eq!(base64url_decode(odd.as_bytes()), None, "{odd}");
        }
    }
}
