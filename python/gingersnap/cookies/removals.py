"""Combine Set-Cookie lines that remove other cookies with those of the session's cookie: clients apply them in different orders."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from .. import _core
from ..types import Scope

_PORT: Final = re.compile(rb":[0-9]*$")


def with_removals(lines: list[bytes], removals: Sequence[bytes], scope: Scope, *, ending: bool = False) -> list[bytes]:
    """Put removals of other cookies before ``lines``, those of the session's cookie. ``ending``: ``lines`` are removals too.

    A cookie is removed only if the request had it and the response does not set it: some clients apply removals first
    (http.cookiejar), others the last line first (HttpURLConnection).
    """
    if not removals:
        return lines
    sent = Counter(_names(scope))
    gone = [line for line in removals if sent[_name(line)]]
    if ending and gone and not all(sent[_name(line)] for line in lines):
        # A client that applies only the last removal of a response (curl 7.88) has to apply one of these: the request had no
        # session cookie, or not all of its parts.
        return gone
    # Removals do not contradict each other.
    host = b"" if ending else _host(scope)
    return [*(line for line in gone if not _is_among(line, lines, b"" if sent[_name(line)] > 1 else host)), *lines]


def is_remnant(name: bytes, limit: int, scope: Scope, why: str) -> bool:
    """Return whether a request has the remains of a removed cookie: an emptied value, or a value without its signature."""
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

    A client by RFC 6265 holds a cookie of the host and one of the domain with the same name as one cookie, a browser (RFC 6265bis
    section 5.7) as two. If the request had two, the client holds them as two, and ``host`` is empty.
    """
    identity = _identity(line, host)
    return any(_identity(each, host) == identity for each in lines)


def _identity(line: bytes, host: bytes) -> frozenset[bytes]:
    """Return the identity of a cookie in a client: name, domain, path and partition."""
    pair, *attributes = (part.strip() for part in line.split(b";"))
    known = {b"name=" + pair.partition(b"=")[0]}
    domain = host
    for attribute in attributes:
        key, _, value = attribute.partition(b"=")
        if key.lower() == b"domain":
            # Clients ignore a dot before a domain (RFC 6265 section 5.2.3).
            domain = value.lower().removeprefix(b".")
        elif key.lower() in (b"path", b"partitioned"):
            known.add(key.lower() + b"=" + value)
    return frozenset({*known, b"domain=" + domain})
