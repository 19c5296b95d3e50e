"""The native core. ``gingersnap._pure`` is its specification."""

from typing import Any

from .types import Headers, Loaded, Miss

def dumps(data: Any) -> bytes:
    """Return canonical JSON text: no white space, members in their order, strings and numbers as ``JSON.stringify``
    writes them, but whole floats keep ``.0``.

    Limits: depth 100, 10,000 values, integers of 21 digits.

    Raises: UnserializableError, with the path, for a value that JSON cannot hold or that exceeds a limit.
    """

def loads(text: bytes) -> dict[str, Any] | None:
    """Read a JSON object of at most 64 KiB within the limits of ``dumps``.

    ``None`` for other values, equal names, bad UTF-8 and numbers beyond the limits.
    """

def encode(data: dict[str, Any]) -> str:
    """Return the cookie value of a session's data: standard base64 of its JSON. Source: koa-session ``util.encode``.

    Raises: UnserializableError.
    """

def decode(value: bytes) -> dict[str, Any] | None:
    """Return the data in a cookie value; ``None`` if it is not canonical base64 of a JSON object.

    Source: koa-session ``util.decode``.
    """

def add_envelope(body: bytes, expire_ms: int | None, max_age_ms: int | None, created_ms: int | None, owner: str | None) -> bytes:
    """Return a session's text with its envelope as the last members. Source: koa-session ``ContextSession.save``.

    ``expire_ms`` ``None``: the store knows when it ends. ``max_age_ms`` ``None``: the session ends with the browser.

    Raises: UnserializableError where the owner is no text that JSON can hold.
    """

def split_envelope(text: bytes, into: dict[str, Any], now_ms: int) -> Loaded | Miss:
    """Split the envelope from a session's text and fill ``into``, which must be empty, with the data.

    Return ``corrupt`` if the text is no session.

    The index of the key in the result is 0: no key is involved.
    """

def crc32(data: bytes) -> int:
    """Return the CRC-32 of octets (IEEE 802.3), koa-session's fingerprint of a session. Source: koa-session ``util.hash``."""

def find(header: bytes, name: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the values of ``name`` and of ``name.sig`` in a Cookie header: not empty, at most four of each, in their order.

    Source: cookies ``Cookies.get``; RFC 6265bis section 5.6 for white space.
    """

def http_date(at_ms: int) -> bytes:
    """Return an HTTP date (RFC 9110 section 5.6.7) for milliseconds since 1970, limited to the years 1970 to 9999."""

def with_session_headers(
    headers: Headers, lines: list[bytes], name: bytes, overwrite: bool, cache_headers: bool
) -> list[tuple[bytes, bytes]]:
    """Return a copy of a response's headers with the Set-Cookie ``lines`` of the cookie ``name`` and of its signature.

    No name is set twice: if the response sets one of the two already, its lines are removed; without ``overwrite`` they stay
    and ours are left out. With ``cache_headers``, ``Vary`` gets ``Cookie`` (RFC 9110 section 12.5.5), and a response with
    lines ``Cache-Control: no-store`` unless it has its own.
    """

class Keygrip:
    """Prepared keys, newest first: the first signs, all verify. Source: keygrip.

    ``algorithm``: ``sha1``, ``sha256``, ``sha384``, ``sha512`` or ``blake3``.

    Raises: ValueError for an empty list or another algorithm.
    """

    def __init__(self, keys: list[bytes], algorithm: str = "sha1") -> None: ...
    def sign(self, data: bytes) -> str:
        """Sign with the newest key; base64url without padding."""

    def index(self, data: bytes, digest: bytes) -> int | None:
        """Return the index of the key that made the digest; ``None`` if no key did. Comparisons take constant time."""

class SignedCookie:
    """One cookie, its signature and its attributes.

    ``head`` and ``tail`` are the attributes before and after Expires, as octets, each starting with ``; ``.
    ``keygrip`` ``None``: not signed. ``max_octets`` bounds a line: name, value and attributes (RFC 6265 section 6.1);
    ``header_limit`` bounds the octets of a Cookie header that are examined. ``first_only``: only the first cookie of the name
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
        """Return the one value that verifies, and the index of its key; ``None`` if the request has no cookie of the name.

        ``unsigned``: there is no signature. ``tampered``: no value verifies. ``duplicate``: two different values do.
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
        """Encode and sign; return the finished Set-Cookie lines of the cookie and its signature.

        ``expire_ms`` ``None``: the session ends with the browser. ``has_expires``: the lines say ``expires``, and with ``now_ms``
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
        """Return the lines of an encoded value; ``b""`` with 0 removes the cookie. Source: cookies ``Cookies.set``."""

class SealedCookie:
    """One encrypted cookie and its attributes: ``v1.<kid>.<base64url of nonce, ciphertext and tag>``, AES-256-GCM-SIV (RFC 8452).

    ``keys``, newest first: the first encrypts; the key that a token names decrypts it. Each key is derived for ``name`` (RFC 5869),
    and each token is bound to it. There is no signature cookie. The other parameters are those of ``SignedCookie``.

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
        """Return the text of the one value that decrypts, and the index of its key; ``None`` if there is no such cookie.

        ``tampered``: no value decrypts. ``duplicate``: two different values do.
        """

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Decrypt, decode and fill ``into``, as ``SignedCookie.load``."""

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
        """Encode and encrypt; return the one finished Set-Cookie line, never twice the same. As ``SignedCookie.dump``.

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
        """Return the line of a value as it is, not encrypted; ``b""`` with 0 removes the cookie."""
