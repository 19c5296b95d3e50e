"""cookie-session's layout: base64 JSON without a date, and a Keygrip signature beside it. Source: cookie-session ``encode``."""

import base64
from typing import Any

from .. import _core
from ..options import SessionOptions
from ..types import Envelope, Headers, Loaded, Miss
from .cookie import Cookie
from .data import take
from .koa import KoaFormat


class CookieSessionFormat(KoaFormat):
    """Read and write one signed cookie that says nothing of its end: whoever has it can show it for ever."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options)
        self.load = self._load

    def _load(self, headers: Headers, into: dict[str, Any], _now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into``."""
        found = self.read(headers)
        if found is None or isinstance(found, str):
            return found
        body = take(_core.decode(found[0]), into, self._options.habits)
        return "corrupt" if body is None else (body, found[1], True, None, None, None, None, None)

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, dated: bool) -> list[bytes] | int:
        """Write a session's Set-Cookie lines; the size alone where a line passes ``max_cookie_bytes``."""
        return self._bounded(cookie, base64.b64encode(body), envelope[0] if dated else None)
