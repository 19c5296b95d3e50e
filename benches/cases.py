"""The input of every bench: one payload, the headers of one request, and what an attacker sends instead."""

import json
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent

PAYLOAD_TEXT: Final = (HERE / "payload.json").read_bytes().strip()
"""The session as JSON without white space; ``peers/koa.mjs`` reads the same file."""
PAYLOAD: Final[dict[str, Any]] = json.loads(PAYLOAD_TEXT)

if not (
    147 <= len(PAYLOAD_TEXT) <= 153 and len(PAYLOAD) == 6 and json.dumps(PAYLOAD, separators=(",", ":")).encode() == PAYLOAD_TEXT
):
    raise ValueError(f"payload.json: six keys in 150 bytes are agreed, it has {len(PAYLOAD)} in {len(PAYLOAD_TEXT)}")

KEY: Final = b"a-bench-key-of-43-octets-as-token_urlsafe32"
NAME: Final = "koa.sess"
MAX_AGE_MS: Final = 86_400_000
EXPIRE_MS: Final = 1_893_456_000_000
NOW_MS: Final = EXPIRE_MS - 1_000
"""2030: the core takes no clock, and a date that stands still makes its lines comparable."""

HEAD: Final = b"; path=/"
TAIL: Final = b"; samesite=lax; httponly"

# What other code on a site keeps in cookies: analytics, a language, a consent.
OTHERS: Final = b"_ga=GA1.2.1403926185.1699871022; lang=en-GB; consent=a1b0c1"

Header = tuple[bytes, bytes]


def cookies_of(lines: list[bytes]) -> bytes:
    """Answer Set-Cookie lines as a browser does, behind the site's other cookies."""
    return b"; ".join([OTHERS, *(line.partition(b";")[0] for line in lines)])


def headers_of(cookie: bytes | None) -> list[Header]:
    """Give the eight headers of a browser's request, as an ASGI server hands them over; seven without cookies."""
    headers = [
        (b"host", b"shop.example"),
        (b"connection", b"keep-alive"),
        (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        (b"accept-language", b"en-GB,en;q=0.7,sv;q=0.3"),
        (b"accept-encoding", b"gzip, deflate, br, zstd"),
        (b"referer", b"https://shop.example/cart"),
    ]
    return headers if cookie is None else [*headers, (b"cookie", cookie)]


def hostile(lines: list[bytes]) -> dict[str, tuple[bytes, str | None]]:
    """Make hostile Cookie headers from good lines, each with what ``load`` is to say: ``"good"``, a miss, or ``None``."""
    pair, signature = (line.partition(b";")[0] for line in lines)
    name = NAME.encode()
    crowd = b"; ".join(b"c%d=%s" % (index, b"x" * 24) for index in range(98))
    repeated = b"; ".join(name + b"=e30%d" % index for index in range(999))
    forged = signature[:-1] + (b"A" if signature[-1:] != b"A" else b"Q")
    return {
        "100 cookies, ours last": (b"; ".join([crowd, pair, signature]), "good"),
        "16 KiB of junk": (bytes(33 + index * 7 % 89 for index in range(16_384)), None),
        "forged signature": (pair + b"; " + forged, "tampered"),
        "1000 duplicates": (b"; ".join([repeated, pair, signature]), "unsigned"),
    }
