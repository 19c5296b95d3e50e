//! Signs and verifies with rotated keys, newest first. It sees octets and digests, never names, formats or policy.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::codec::digest_text;

/// The context string that turns a secret into a BLAKE3 key. Must match `_pure/keygrip.py::BLAKE3_CONTEXT`.
const BLAKE3_CONTEXT: &str = "gingersnap/v1/sign";

/// A prepared key, so that nothing is derived again per request.
#[derive(Clone)]
enum Prepared {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
    Blake3(Box<blake3::Hasher>),
}

/// Feeds `parts` to a copy of a prepared HMAC and returns the digest as text.
fn hmac_text<M: Mac + Clone>(prepared: &M, parts: [&[u8]; 3]) -> Vec<u8> {
    let mut state = prepared.clone();
    for part in parts {
        state.update(part);
    }
    digest_text(&state.finalize().into_bytes())
}

impl Prepared {
    fn new(algorithm: &str, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            "sha1" => Self::Sha1(Hmac::new_from_slice(key).ok()?),
            "sha256" => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            "sha384" => Self::Sha384(Hmac::new_from_slice(key).ok()?),
            "sha512" => Self::Sha512(Hmac::new_from_slice(key).ok()?),
            "blake3" => {
                let derived = blake3::derive_key(BLAKE3_CONTEXT, key);
                Self::Blake3(Box::new(blake3::Hasher::new_keyed(&derived)))
            }
            _ => return None,
        })
    }

    fn digest(&self, parts: [&[u8]; 3]) -> Vec<u8> {
        match self {
            Self::Sha1(key) => hmac_text(key, parts),
            Self::Sha256(key) => hmac_text(key, parts),
            Self::Sha384(key) => hmac_text(key, parts),
            Self::Sha512(key) => hmac_text(key, parts),
            Self::Blake3(key) => {
                let mut state = key.clone();
                for part in parts {
                    state.update(part);
                }
                digest_text(state.finalize().as_bytes())
            }
        }
    }
}

/// Compares two texts in a time that depends only on their lengths, eight octets at a time.
fn same(wanted: &[u8], digest: &[u8]) -> Choice {
    let word = |chunk: &[u8]| chunk.iter().fold(0, |word, &octet| word << 8 | u64::from(octet));
    let (words, rest) = wanted.as_chunks::<8>();
    let (others, other_rest) = digest.as_chunks::<8>();
    let difference = words.iter().zip(others).fold(word(rest) ^ word(other_rest), |difference, (one, other)| {
        difference | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
    });
    wanted.len().ct_eq(&digest.len()) & difference.ct_eq(&0)
}

/// A list of keys, newest first: the first signs, all verify. Source: keygrip `Keygrip`.
pub struct Keygrip {
    keys: Vec<Prepared>,
}

impl Keygrip {
    /// Prepares the keys; `None` for an empty list or an unknown algorithm.
    #[must_use]
    pub fn new(keys: &[Vec<u8>], algorithm: &str) -> Option<Self> {
        let keys: Option<Vec<Prepared>> = keys.iter().map(|key| Prepared::new(algorithm, key)).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| Self { keys })
    }

    /// Signs `parts`, as one message, with the newest key. Source: keygrip `sign`.
    #[must_use]
    pub fn sign(&self, parts: [&[u8]; 3]) -> Vec<u8> {
        // `new` refuses an empty list.
        self.keys.first().map(|key| key.digest(parts)).unwrap_or_default()
    }

    /// Returns the index of the key that made one of `digests` over `parts`. Source: keygrip `index`.
    ///
    /// Each digest is compared in constant time. The loop ends at the key that signed, which is no secret: the
    /// response to an older key's cookie shows it. A forged digest costs one MAC per key, for any number of digests.
    #[must_use]
    pub fn index(&self, parts: [&[u8]; 3], digests: &[&[u8]]) -> Option<usize> {
        self.keys.iter().position(|key| {
            let wanted = key.digest(parts);
            digests.iter().fold(Choice::from(0), |hit, digest| hit | same(&wanted, digest)).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Keygrip;

    #[test]
    fn signs_as_keygrip_signed_a_koa_cookie() {
        let keys = Keygrip::new(&[b"k1".to_vec(), b"k2".to_vec()], "sha1");
        let value = b"eyJuIjoxLCJfZXhwaXJlIjoxNzk1NTIxODk1MDMyLCJfbWF4QWdlIjo4NjQwMDAwMH0=";
        let digest = keys.map(|keys| keys.sign([b"koa.sess", b"=", value]));
        assert_eq!(digest.as_deref(), Some(b"TNZ6pnHlFwHaZHQTeIwt36tpiZE".as_slice()));
    }

    #[test]
    fn has_no_form_without_keys_or_with_a_strange_algorithm() {
        assert!(Keygrip::new(&[], "sha256").is_none());
        assert!(Keygrip::new(&[b"k".to_vec()], "md5").is_none());
    }
}
