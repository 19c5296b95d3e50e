"""The native core. ``gingersnap._pure`` is its specification."""

from typing import Any

from .types import Headers, Loaded, Miss

def dumps(data: Any) -> bytes:
    """Write canonical JSON text: no white space, members in their order, strings and numbers as ``JSON.stringify``
    writes them, but whole floats keep ``.0``.

    Limits: depth 100, 10,000 values, integers of 21 digits.

    Raises: UnserializableError, with the path, for what JSON cannot hold and for what passes a limit.
    """

def loads(text: bytes) -> dict[str, Any] | None:
    """Read a JSON object of at most 64 KiB within the limits of ``dumps``.

    ``None`` for anything else: other values, equal names, bad UTF-8, numbers without end.
    """

def encode(data: dict[str, Any]) -> str:
    """Write a session's data as a cookie value: standard base64 of its JSON. Source: koa-session ``util.encode``.

    Raises: UnserializableError.
    """

def decode(value: bytes) -> dict[str, Any] | None:
    """Read a cookie value; ``None`` where it is not canonical base64 of a JSON object. Source: koa-session ``util.decode``."""

def enclose(body: bytes, expire_ms: int | None, max_age_ms: int | None, created_ms: int | None, owner: str | None) -> bytes:
    """Put a session's envelope behind its data, as its last members. Source: koa-session ``ContextSession.save``.

    ``expire_ms`` ``None``: the store knows when it ends. ``max_age_ms`` ``None``: it ends with the browser.

    Raises: UnserializableError where the owner is no text that JSON can hold.
    """

def disclose(text: bytes, into: dict[str, Any], now_ms: int) -> Loaded | Miss:
    """Take the envelope off a session's text and fill ``into``, which must be empty, with its data; ``corrupt`` where it is none.

    The index of the key is 0: no key was asked.
    """

def crc32(data: bytes) -> int:
    """Sum octets with CRC-32 (IEEE 802.3), koa-session's fingerprint of a session. Source: koa-session ``util.hash``."""

def find(header: bytes, name: bytes) -> tuple[list[bytes], list[bytes]]:
    """Find the values of ``name`` and of ``name.sig`` in a Cookie header: not empty, at most four of each, in their order.

    Source: cookies ``Cookies.get``; RFC 6265bis section 5.6 for white space.
    """

def http_date(at_ms: int) -> bytes:
    """Write an HTTP date (RFC 9110 section 5.6.7) for milliseconds since 1970, cut to the years 1970 to 9999."""

def amend(headers: Headers, lines: list[bytes], name: bytes, overwrite: bool, cache_headers: bool) -> list[tuple[bytes, bytes]]:
    """Copy a response's headers and add the Set-Cookie ``lines`` of the cookie ``name`` and of its signature.

    No name is set twice: where the response sets one of the two already, its lines go, or, without ``overwrite``, stay
    and ours are left out. With ``cache_headers``, ``Vary`` gets ``Cookie`` (RFC 9110 section 12.5.5), and a response with
    lines ``Cache-Control: no-store`` unless it has its own.
    """

class Keygrip:
    """Keys in their prepared state, newest first: the first signs, all verify. Source: keygrip.

    ``algorithm``: ``sha1``, ``sha256``, ``sha384``, ``sha512`` or ``blake3``.

    Raises: ValueError for an empty list or another algorithm.
    """

    def __init__(self, keys: list[bytes], algorithm: str = "sha1") -> None: ...
    def sign(self, data: bytes) -> str:
        """Sign with the newest key; base64url without padding."""

    def index(self, data: bytes, digest: bytes) -> int | None:
        """Find the key that made the digest; ``None`` where none did. Each comparison takes constant time."""

class SignedCookie:
    """One cookie, its signature and its attributes.

    ``head`` and ``tail`` are the attributes before the date and behind it, as octets, each starting with ``; ``.
    ``keygrip`` ``None``: not signed. ``max_octets`` bounds a line: name, value and attributes (RFC 6265 section 6.1);
    ``header_limit`` bounds what is examined of a Cookie header. ``first_only``: of several cookies of the name only the first
    counts, as in koa.
    """

    def __init__(
        self,
        name: str,
        keygrip: Keygrip | None,
        head: bytes,
        tail: bytes,
        *,
        max_octets: int = 4096,
        header_limit: int = 16_384,
        first_only: bool = False,
    ) -> None: ...
    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Find the one value that verifies, and the index of its key; ``None`` where no cookie of the name came.

        ``unsigned``: no signature came. ``tampered``: none verified. ``duplicate``: two different ones did.
        """

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into`` with the data, without its envelope; ``into`` must be empty, and stays
        empty where a ``Miss`` or ``None`` is returned. ``corrupt``: what was signed is no session. A session with dates that
        are plain integers and that lives at ``now_ms``, milliseconds since 1970, is ``fresh``.
        """

    def dump(
        self,
        data: dict[str, Any],
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Encode and sign: the finished Set-Cookie lines of the cookie and its signature.

        ``expire_ms`` ``None``: it ends with the browser. ``has_expires``: the lines say ``expires``, and with ``now_ms``
        ``max-age`` beside it, for clients with a wrong clock. An ``int`` is the size in octets of a line that would
        pass ``max_octets``.

        Raises: UnserializableError.
        """

    def seal(
        self,
        body: bytes,
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Do as ``dump`` does, with data that ``dumps`` has written."""

    def lines(self, value: bytes, expires_ms: int | None, now_ms: int | None = None) -> list[bytes]:
        """Write the lines of any value that is one; ``b""`` with 0 removes the cookie. Source: cookies ``Cookies.set``."""

class SealedCookie:
    """One encrypted cookie and its attributes: ``v1.<kid>.<base64url of nonce, ciphertext and tag>``, AES-256-GCM-SIV (RFC 8452).

    ``keys``, newest first: the first seals, the one that a token names opens it. Each key is derived for ``name`` (RFC 5869),
    and each token is bound to it. There is no signature beside it. The rest is as in ``SignedCookie``.

    Raises: ValueError for an empty list. ImportError where the pure core lacks the package cryptography.
    """

    def __init__(
        self,
        name: str,
        keys: list[bytes],
        head: bytes,
        tail: bytes,
        *,
        max_octets: int = 4096,
        header_limit: int = 16_384,
        first_only: bool = False,
    ) -> None: ...
    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Find the one value that opens: its text, and the index of its key; ``None`` where no cookie of the name came.

        ``tampered``: none opened, whatever it was. ``duplicate``: two different ones did.
        """

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Open, decode and fill ``into``, as ``SignedCookie.load``."""

    def dump(
        self,
        data: dict[str, Any],
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Encode and seal: the one finished Set-Cookie line, as ``SignedCookie.dump``; never twice the same.

        Raises: UnserializableError. OSError where the operating system gives no random octets.
        """

    def seal(
        self,
        body: bytes,
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Do as ``dump`` does, with data that ``dumps`` has written."""

    def lines(self, value: bytes, expires_ms: int | None, now_ms: int | None = None) -> list[bytes]:
        """Write the line of a value as it stands, not sealed; ``b""`` with 0 removes the cookie."""
