"""Encrypt and decrypt session text, as ``rust/seal.rs`` and the ``SealedCookie`` of ``rust/py_seal.rs`` do."""

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING, Any

from .cookie import Cookie

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

# Must match rust/seal.rs.
VERSION = b"v1"
SUITE = b"A1"
PURPOSE = b"gingersnap/v1/seal/"
NONCE_OCTETS = 12


def _derive(secret: bytes, info: bytes) -> "tuple[bytes, AESGCMSIV]":
    """Derive a key (RFC 5869); return its fingerprint and its cipher (RFC 8452)."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError as error:
        raise ImportError(
            "encrypt=True on the pure Python core needs the package cryptography: pip install 'gingersnap[pure]'"
        ) from error
    key = HKDF(SHA256(), length=32, salt=None, info=info).derive(secret)
    return _text(hashlib.sha256(b"kid" + key).digest()[:4]), AESGCMSIV(key)


def _text(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _octets(text: bytes) -> bytes | None:
    """Return the octets of base64url in its canonical form; ``None`` for any other form."""
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if _text(data) == text else None


class SealedCookie(Cookie):
    """One cookie with an encrypted value, and its attributes."""

    def __init__(self, name: str, keys: list[bytes], head: bytes, tail: bytes, **limits: Any) -> None:
        super().__init__(name, head, tail, **limits)
        if not keys:
            raise ValueError("SealedCookie needs at least one key")
        self._keys = [_derive(key, PURPOSE + self._name) for key in keys]

    def _value(self, text: bytes) -> bytes:
        kid, cipher = self._keys[0]
        nonce = os.urandom(NONCE_OCTETS)
        sealed = nonce + cipher.encrypt(nonce, text, self._bound(kid))
        return b".".join((VERSION, kid, _text(sealed)))

    def _bound(self, kid: bytes) -> bytes:
        # No part can hold a NUL, so no two lists of parts give the same octets.
        return b"\0".join((VERSION, SUITE, kid, self._name))

    def _verify(self, value: bytes, _digests: list[bytes]) -> tuple[bytes, int] | None:
        """Decrypt a token with the key that it names. No signed, plain or older form is tried."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = value.partition(b".")
        named, dot, encoded = rest.partition(b".")
        sealed = _octets(encoded) if version == VERSION and dot else None
        if sealed is None or len(sealed) < NONCE_OCTETS:
            return None
        for index, (kid, cipher) in enumerate(self._keys):
            if kid == named:
                try:
                    return cipher.decrypt(sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:], self._bound(kid)), index
                except InvalidTag:
                    return None
        return None
