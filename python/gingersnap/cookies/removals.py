"""Set-Cookie lines that remove other cookies, beside those of the session's own: clients differ in how they carry them out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from .. import _core
from ..types import Scope

_PORT: Final = re.compile(rb":[0-9]*$")


def with_removals(lines: list[bytes], removals: Sequence[bytes], scope: Scope, *, ending: bool = False) -> list[bytes]:
    """Put lines that remove other cookies before those of the session's own; ``ending``: these remove it too.

    Only what came is removed, and nothing that the same response sets: some clients carry out removals first
    (http.cookiejar), others the last line first (HttpURLConnection).
    """
    if not removals:
        return lines
    sent = Counter(_names(scope))
    gone = [line for line in removals if sent[_name(line)]]
    if ending and gone and not all(sent[_name(line)] for line in lines):
        # A client that carries out only the last removal of a response (curl 7.88) is to carry out one that counts: its own cookie
        # did not come, or not all of it.
        return gone
    # Lines that all remove contradict no other.
    host = b"" if ending else _host(scope)
    return [*(line for line in gone if not _is_among(line, lines, b"" if sent[_name(line)] > 1 else host)), *lines]


def is_remnant(name: bytes, limit: int, scope: Scope, why: str) -> bool:
    """Return whether a client has shown what was left of a removed cookie: an emptied value, or one without its signature."""
    if why != "tampered":
        return why == "unsigned"
    header = b"; ".join([value for field, value in scope["headers"] if field == b"cookie"])
    values, _ = _core.find(header[:limit], name)
    # Starlette removes a cookie by this value.
    return bool(values) and all(value == b"null" for value in values)


def _names(scope: Scope) -> Iterator[bytes]:
    for name, value in scope["headers"]:
        if name == b"cookie":
            yield from (pair.partition(b"=")[0].strip(b" \t") for pair in value.split(b";"))


def _name(line: bytes) -> bytes:
    return line.partition(b"=")[0]


def _host(scope: Scope) -> bytes:
    return next((_PORT.sub(b"", value).lower() for name, value in scope["headers"] if name == b"host"), b"")


def _is_among(line: bytes, lines: list[bytes], host: bytes) -> bool:
    """Return whether a response with these lines sets the cookie that another line removes.

    To a client by RFC 6265 a cookie of the host alone and one of the domain of the same name are one, to a browser (RFC 6265bis
    section 5.7) two. Where two came, the client tells them apart, and ``host`` is empty.
    """
    identity = _identity(line, host)
    return any(_identity(each, host) == identity for each in lines)


def _identity(line: bytes, host: bytes) -> frozenset[bytes]:
    """Return what a client knows a cookie by: name, domain, path and partition."""
    pair, *attributes = (part.strip() for part in line.split(b";"))
    known = {b"name=" + pair.partition(b"=")[0]}
    domain = host
    for attribute in attributes:
        key, _, value = attribute.partition(b"=")
        if key.lower() == b"domain":
            # A dot before a domain is none to a client (RFC 6265 section 5.2.3).
            domain = value.lower().removeprefix(b".")
        elif key.lower() in (b"path", b"partitioned"):
            known.add(key.lower() + b"=" + value)
    return frozenset({*known, b"domain=" + domain})
