"""Sign and verify with rotated keys, as ``rust/keygrip.rs`` does."""

import base64
import hmac
from collections.abc import Callable
from functools import partial

from ..errors import ConfigError

# Must match rust/keygrip.rs.
BLAKE3_CONTEXT = "gingersnap/v1/sign"
ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")


def _signer(key: bytes, algorithm: str) -> Callable[[bytes], bytes]:
    if algorithm == "blake3":
        try:
            from blake3 import blake3
        except ImportError:
            cure = "pip install 'gingersnap[pure]', or choose algorithm='sha256'"
            raise ConfigError("algorithm", "blake3 needs the package blake3, which is not installed", cure) from None
        derived = blake3(key, derive_key_context=BLAKE3_CONTEXT).digest()
        return lambda data: blake3(data, key=derived).digest()
    if algorithm not in ALGORITHMS:
        raise ValueError("Keygrip needs at least one key and a known algorithm")
    return partial(hmac.digest, key, digest=algorithm)


def _text(digest: bytes) -> bytes:
    return base64.urlsafe_b64encode(digest).rstrip(b"=")


class Keygrip:
    """Keys, newest first: the first signs, all verify."""

    def __init__(self, keys: list[bytes], algorithm: str = "sha1") -> None:
        if not keys:
            raise ValueError("Keygrip needs at least one key and a known algorithm")
        self._signers = [_signer(key, algorithm) for key in keys]

    def sign(self, data: bytes) -> str:
        """Sign with the newest key."""
        return _text(self._signers[0](data)).decode("ascii")

    def index(self, data: bytes, digest: bytes) -> int | None:
        """Return the index of the key that made the digest; ``None`` if no key did."""
        return self.find(data, [digest])

    def find(self, data: bytes, digests: list[bytes]) -> int | None:
        """Return the index of the key that made one of the digests; each is compared in constant time."""
        for index, signer in enumerate(self._signers):
            wanted = _text(signer(data))
            if any([hmac.compare_digest(wanted, digest) for digest in digests]):  # noqa: C419 (no early exit)
                return index
        return None

    def __repr__(self) -> str:
        return "Keygrip(<hidden>)"
