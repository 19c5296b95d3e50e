"""Add a session's lines to a response's headers, as ``rust/py_headers.rs`` does."""

from ..types import Headers


def with_session_headers(
    headers: Headers, lines: list[bytes], name: bytes, overwrite: bool, cache_headers: bool
) -> list[tuple[bytes, bytes]]:
    """Return a copy of ``headers`` with the Set-Cookie lines, ``Vary`` and ``Cache-Control``; no cookie is set twice."""
    copy = [(key, value) for key, value in headers]
    ours = (name + b"=", name + b".sig=")
    theirs = [pair for pair in copy if pair[0].lower() == b"set-cookie" and pair[1].startswith(ours)] if lines else []
    sent = lines if overwrite or not theirs else []
    if overwrite:
        copy = [pair for pair in copy if pair not in theirs]
    copy += [(b"set-cookie", line) for line in sent]
    if cache_headers:
        _vary(copy)
        if sent and not any(key.lower() == b"cache-control" for key, _ in copy):
            copy.append((b"cache-control", b"no-store"))
    return copy


def _vary(headers: list[tuple[bytes, bytes]]) -> None:
    places = [at for at, (key, _) in enumerate(headers) if key.lower() == b"vary"]
    names = [name.strip().lower() for at in places for name in headers[at][1].split(b",")]
    if b"*" in names or b"cookie" in names:
        return
    if not places:
        headers.append((b"vary", b"Cookie"))
        return
    key, value = headers[places[-1]]
    headers[places[-1]] = (key, value + b", Cookie")
