"""Check signing keys: refuse empty, short and published ones."""

import base64
import warnings
from collections.abc import Sequence

from ..errors import ConfigError
from ..stores.cures import UNSET

SHORTEST = 16
"""The least number of octets of a key; a shorter one can be guessed."""
RECOMMENDED = 32

_CURE = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"

# The beginnings of placeholder keys, letters only.
_PLACEHOLDERS = (
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "yoursecret",
    "yourkey",
    "insertyour",
    "putyour",
    "todochange",
)

# Keys from the documentation of session libraries, this one included: they are public.
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


class Secrets(tuple[bytes, ...]):
    """Keys with a ``repr`` that hides them, for the locals in a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} keys>"


def prepare_keys(keys: object, *, raw: bool, allow_weak: bool) -> tuple[bytes, ...]:
    """Convert keys, newest first, to octets. ``raw``: as given; else ``b64:`` and ``hex:`` prefixes are decoded.

    Raises: ConfigError for a key that is empty, of the wrong type, published, of one repeated byte, or (unless ``allow_weak``)
    under 16 bytes.
    """
    if isinstance(keys, str | bytes) or not isinstance(keys, Sequence):
        raise ConfigError("keys", f"it cannot be {type(keys).__name__}", _list_cure(keys))
    prepared: list[bytes | tuple[str, str]] = [_octets(key, raw=raw) for key in keys]
    refusals = [item for item in prepared if isinstance(item, tuple)]
    secrets = Secrets(item for item in prepared if isinstance(item, bytes))
    # No key stays in a local of this frame when it raises.
    del keys, prepared
    for problem, cure in (*refusals, *_judge(secrets, allow_weak=allow_weak)):
        raise ConfigError("keys", problem, cure)
    shortest = min(map(len, secrets), default=RECOMMENDED)
    if shortest < RECOMMENDED:
        warnings.warn(f"keys: one of them has {shortest} bytes; {RECOMMENDED} random ones are safe", stacklevel=5)
    return secrets


def _judge(keys: Secrets, *, allow_weak: bool) -> list[tuple[str, str]]:
    """Return the problems of the keys, each with its cure."""
    shortest = min(map(len, keys), default=RECOMMENDED)
    if any(_is_published(key.decode("utf-8", "replace").strip().lower()) for key in keys):
        return [("one of them stands in public documentation", _CURE)]
    if shortest == 0:
        return [("one of them is empty", f"{_CURE}; {UNSET}")]
    if shortest < SHORTEST and not allow_weak:
        cure = f"{_CURE}; for the keys that an old application already has, pass allow_weak_keys=True"
        return [(f"one of them has {shortest} bytes, and {SHORTEST} are the least", cure)]
    if any(len(set(key)) == 1 for key in keys) and not allow_weak:
        return [("one of them is a single byte repeated", _CURE)]
    return []


def _is_published(key: str) -> bool:
    letters = "".join(character for character in key if character.isalpha())
    return key in PUBLISHED or letters.startswith(_PLACEHOLDERS)


def _list_cure(keys: object) -> str:
    cure = "give a list of keys, newest first"
    return f"{cure}: {UNSET}" if keys is None else cure


def _octets(key: object, *, raw: bool) -> bytes | tuple[str, str]:
    """Return a key's octets, or its problem and the cure: an error raised here would show the key in the traceback."""
    if isinstance(key, bytes):
        return key
    if not isinstance(key, str):
        cure = f"give str or bytes: {UNSET}" if key is None else "give str or bytes"
        return f"one of them is {type(key).__name__}", cure
    prefix, _, text = key.partition(":")
    if not raw and prefix in ("b64", "hex"):
        return _decoded(prefix, text)
    if any("\ud800" <= character <= "\udfff" for character in key):
        return "one of them has half of a surrogate pair", "give bytes, or text that UTF-8 can hold"
    return key.encode("utf-8")


def _decoded(prefix: str, text: str) -> bytes | tuple[str, str]:
    try:
        if prefix == "hex":
            return bytes.fromhex(text)
        standard = text.replace("-", "+").replace("_", "/")
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        return f"one of them is no valid {prefix}: text", f"correct it, or write it without {prefix}:"
