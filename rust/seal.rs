//! Encrypts and decrypts session text with rotated keys, newest first: `v1.<kid>.<nonce, ciphertext and tag>`, AES-256-GCM-SIV
//! (RFC 8452). It sees octets and keys, never headers, JSON or policy.

use std::fmt;

use aes_gcm_siv::aead::{Aead, AeadInOut, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::codec;

// All of these must match `_pure/seal.py`.
/// The version of the token format.
const VERSION: &str = "v1";
/// AES-256-GCM-SIV under a key of HKDF-SHA256. Authenticated with each token but not written in it: no token chooses its cipher.
const SUITE: &str = "A1";
/// The purpose of the derived key; the cookie's name follows, so that tokens cannot be swapped between cookies with one secret.
const PURPOSE: &str = "gingersnap/v1/seal/";
const NONCE_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;

/// Why no token was made.
#[derive(Debug)]
pub enum Fault {
    /// The operating system gave no random octets; no other source may be used.
    Random(getrandom::Error),
    /// The text is too long for the cipher.
    Size,
}

impl fmt::Display for Fault {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(error) => write!(form, "the operating system gives no random octets: {error}"),
            Self::Size => form.write_str("the text is longer than AES-GCM-SIV takes"),
        }
    }
}

/// A prepared key, with the start of its tokens and their additional authenticated data.
struct Prepared {
    cipher: Aes256GcmSiv,
    /// `v1.<kid>.`
    start: Vec<u8>,
    /// Version, suite, kid and cookie name. No part can hold a NUL, so no two lists of parts give the same octets.
    bound: Vec<u8>,
}

impl Prepared {
    fn new(secret: &[u8], name: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, secret).expand_multi_info(&[PURPOSE.as_bytes(), name], &mut *key).ok()?;
        let print = Sha256::new().chain_update("kid").chain_update(*key).finalize();
        // 32 bits distinguish the keys of one list and reveal nothing about a key.
        let kid = codec::digest_text(print.get(..4)?);
        Some(Self {
            cipher: Aes256GcmSiv::new_from_slice(&*key).ok()?,
            start: [VERSION.as_bytes(), b".", &kid, b"."].concat(),
            bound: [VERSION.as_bytes(), SUITE.as_bytes(), &kid, name].join(&0),
        })
    }

    /// Decrypts the part after the kid: nonce, ciphertext and tag.
    fn open(&self, encoded: &[u8]) -> Option<Vec<u8>> {
        let sealed = codec::base64url_decode(encoded)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_OCTETS>()?;
        // The text is written to new memory, and only if the tag is right: a forged token reveals nothing.
        self.cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &self.bound }).ok()
    }
}

/// A list of keys for one cookie, newest first: the first encrypts, all decrypt.
pub struct Sealer {
    keys: Vec<Prepared>,
}

impl Sealer {
    /// Derives the keys for the cookie `name`; `None` for an empty list.
    #[must_use]
    pub fn new(secrets: &[Vec<u8>], name: &[u8]) -> Option<Self> {
        let keys: Option<Vec<Prepared>> = secrets.iter().map(|secret| Prepared::new(secret, name)).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| Self { keys })
    }

    /// Appends the token of `text` to `line`, under the newest key and a new nonce.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random octets, or the text is too long.
    pub fn seal(&self, text: &[u8], line: &mut Vec<u8>) -> Result<(), Fault> {
        self.seal_with(getrandom::fill, text, line)
    }

    fn seal_with(
        &self,
        random: impl FnOnce(&mut [u8]) -> Result<(), getrandom::Error>,
        text: &[u8],
        line: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        // `new` refuses an empty list.
        let key = self.keys.first().ok_or(Fault::Size)?;
        let mut nonce = [0; NONCE_OCTETS];
        random(&mut nonce).map_err(Fault::Random)?;
        let mut sealed = Vec::with_capacity(NONCE_OCTETS + text.len() + TAG_OCTETS);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(text);
        let body = &mut sealed[NONCE_OCTETS..];
        let tag = key.cipher.encrypt_inout_detached(&Nonce::from(nonce), &key.bound, body.into());
        sealed.extend_from_slice(&tag.map_err(|_| Fault::Size)?);
        line.extend_from_slice(&key.start);
        codec::base64url_encode(&sealed, line);
        Ok(())
    }

    /// Decrypts a token; returns its text and the index of the key that it names; `None` for any other value.
    ///
    /// The kid selects the key, so that a forged token costs one decryption at most, for any number of keys.
    #[must_use]
    pub fn open(&self, token: &[u8]) -> Option<(Vec<u8>, usize)> {
        let starts = |key: &Prepared| token.starts_with(&key.start);
        let index = self.keys.iter().position(starts)?;
        let key = &self.keys[index];
        Some((key.open(&token[key.start.len()..])?, index))
    }
}

#[cfg(test)]
mod tests {
    use super::{Aead, Aes256GcmSiv, Fault, KeyInit, Nonce, Payload, Sealer};

    const TEXT: &[u8] = br#"{"user":7,"_expire":12,"_maxAge":3}"#;

    fn sealer(secrets: &[&[u8]], name: &str) -> Sealer {
        let secrets: Vec<Vec<u8>> = secrets.iter().map(|secret| secret.to_vec()).collect();
        Sealer::new(&secrets, name.as_bytes()).unwrap_or_else(|| panic!("no keys"))
    }

    fn token(sealer: &Sealer) -> Vec<u8> {
        let mut line = Vec::new();
        assert!(sealer.seal(TEXT, &mut line).is_ok());
        line
    }

    fn octets(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }

    #[test]
    fn the_cipher_is_that_of_rfc_8452() {
        let rows = include_str!("../tests/vectors/aes_gcm_siv.json").lines().filter(|line| line.starts_with('{'));
        let mut count = 0;
        for row in rows {
            let fields: Vec<Vec<u8>> = row.split('"').skip(3).step_by(4).map(octets).collect();
            let [key, nonce, aad, text, sealed] = fields.as_slice() else { panic!("a row of another form") };
            let (Ok(cipher), Ok(nonce)) = (Aes256GcmSiv::new_from_slice(key), Nonce::try_from(nonce.as_slice())) else {
                panic!("a key or nonce of another size")
            };
            assert_eq!(cipher.encrypt(&nonce, Payload { msg: text, aad }).as_ref(), Ok(sealed));
            assert_eq!(cipher.decrypt(&nonce, Payload { msg: sealed, aad }).as_ref(), Ok(text));
            count += 1;
        }
        assert!(count >= 24, "{count}");
    }

    #[test]
    fn derives_and_binds_as_the_format_says() {
        // Made with Python's hmac and the package cryptography, independently of both backends.
        let sealer = sealer(&[b"0123456789abcdef0123456789abcdef"], "koa.sess");
        let mut line = Vec::new();
        let counting = |nonce: &mut [u8]| {
            nonce.iter_mut().zip(0..).for_each(|(octet, at)| *octet = at);
            Ok(())
        };
        assert!(sealer.seal_with(counting, b"{\"n\":1,\"_session\":true}", &mut line).is_ok());
        assert_eq!(
            String::from_utf8_lossy(&line),
            "v1.jDKauA.AAECAwQFBgcICQoLd7midjDg6Blk0myGxQ2WRenB8A-3_uaUDiiyQGJANQCVRgXJwgRc"
        );
    }

    #[test]
    fn opens_with_the_key_that_the_token_names() {
        let (old, new) = (sealer(&[b"old"], "s"), sealer(&[b"new", b"old"], "s"));
        assert_eq!(new.open(&token(&new)), Some((TEXT.to_vec(), 0)));
        assert_eq!(new.open(&token(&old)), Some((TEXT.to_vec(), 1)));
        assert_eq!(old.open(&token(&new)), None);
        assert_eq!(sealer(&[b"old"], "t").open(&token(&old)), None);
        assert_ne!(token(&old), token(&old));
    }

    #[test]
    fn opens_nothing_that_was_changed_in_any_octet() {
        let sealer = sealer(&[b"key"], "s");
        let token = token(&sealer);
        for at in 0..token.len() {
            for octet in [b'A', b'.', token[at] ^ 1, token[at] ^ 0x80] {
                let mut forged = token.clone();
                forged[at] = octet;
                assert!(forged == token || sealer.open(&forged).is_none(), "{at}");
            }
            assert!(sealer.open(&token[..at]).is_none());
            assert!(sealer.open(&token[at + 1..]).is_none());
        }
    }

    #[test]
    fn stops_without_random_octets() {
        let mut line = b"s=".to_vec();
        let none = sealer(&[b"key"], "s").seal_with(|_| Err(getrandom::Error::UNSUPPORTED), TEXT, &mut line);
        assert!(matches!(none, Err(Fault::Random(_))));
        assert_eq!(line, b"s=");
    }

    #[test]
    fn has_no_form_without_keys() {
        assert!(Sealer::new(&[], b"s").is_none());
    }
}
