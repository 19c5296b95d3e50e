"""Judge signing keys: none that is empty, short or printed in a README goes into service."""

import base64
import warnings
from collections.abc import Sequence

from .errors import ConfigError

SHORTEST = 16
"""The fewest octets of a key; with fewer it is found by trying."""
RECOMMENDED = 32

_CURE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"

# Keys that stand in the documentation of session libraries, this one's included: everybody has them.
PUBLISHED = frozenset(
    {
        "new secret of 32 bytes or more...",
        "the one before it........",
        "some secret hurr",
        "im a newer secret",
        "i'm a newer secret",
        "i like turtle",
        "keyboard cat",
        "keyboard cat keyboard cat keyboard cat",
        "super-secret",
        "super secret key",
        "supersecretkey",
        "your-secret-key",
        "your-secret-key-here",
        "your secret key here",
        "your_secret_key_here",
        "my-secret-key",
        "my_secret_key",
        "mysecretkey",
        "secret-key-here",
        "put-your-secret-key-here",
        "change-me-to-a-random-string",
        "changemechangeme",
        "changemechangemechangemechangeme",
        "this-is-a-secret-key",
        "this is a secret",
        "this is secret key",
        "thisisasecretkey",
        "thisisnotasecret",
        "not-a-secret-key",
        "insecure-secret-key",
        "development-secret-key",
        "django-insecure",
        "secretsecretsecret",
        "secretsecretsecretsecretsecretsecret",
        "passwordpassword",
        "passwordpasswordpasswordpassword",
        "0123456789abcdef",
        "0123456789abcdef0123456789abcdef",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abcdefghijklmnopqrstuvwxyz",
        "abcdefghijklmnopqrstuvwxyz123456",
        "12345678901234567890123456789012",
    }
)


def prepare_keys(keys: object, *, raw: bool, allow_weak: bool) -> tuple[bytes, ...]:
    """Turn keys, newest first, into octets. ``raw``: as they stand; else ``b64:`` and ``hex:`` prefixes are decoded.

    Raises: ConfigError for a key that is empty, of the wrong type, published, or (unless ``allow_weak``) under 16 bytes.
    """
    if isinstance(keys, str | bytes) or not isinstance(keys, Sequence):
        raise ConfigError("keys", f"it cannot be {type(keys).__name__}", "give a list of keys, newest first")
    prepared = tuple(_octets(key, raw=raw) for key in keys)
    if any(key.decode("utf-8", "replace").strip().lower() in PUBLISHED for key in prepared):
        raise ConfigError("keys", "one of them stands in public documentation", _CURE)
    shortest = min(map(len, prepared), default=RECOMMENDED)
    if shortest == 0:
        raise ConfigError("keys", "one of them is empty", _CURE)
    if shortest < SHORTEST and not allow_weak:
        raise ConfigError(
            "keys",
            f"one of them has {shortest} bytes, and {SHORTEST} are the least",
            f"{_CURE}; for the keys that an old application already has, pass allow_weak_keys=True",
        )
    if shortest < RECOMMENDED:
        warnings.warn(f"keys: one of them has {shortest} bytes; {RECOMMENDED} random ones are safe", stacklevel=5)
    return prepared


def _octets(key: object, *, raw: bool) -> bytes:
    if isinstance(key, bytes):
        return key
    if not isinstance(key, str):
        raise ConfigError("keys", f"one of them is {type(key).__name__}", "give str or bytes")
    prefix, _, text = key.partition(":")
    if not raw and prefix in ("b64", "hex"):
        return _decoded(prefix, text)
    # Asked before, not caught after: the exception of encode() would carry the key.
    if any("\ud800" <= character <= "\udfff" for character in key):
        raise ConfigError("keys", "one of them has half of a surrogate pair", "give bytes, or text that UTF-8 can hold")
    return key.encode("utf-8")


def _decoded(prefix: str, text: str) -> bytes:
    try:
        if prefix == "hex":
            return bytes.fromhex(text)
        standard = text.replace("-", "+").replace("_", "/")
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise ConfigError("keys", f"one of them is no valid {prefix}: text", f"write it anew, or without {prefix}:") from None
