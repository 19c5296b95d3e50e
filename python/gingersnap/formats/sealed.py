"""The encrypted layout: one token with the session and its dates inside, and no signature beside it."""

from typing import Any

from .. import _core
from .cookie import Cookie, CookieFormat


class SealedFormat(CookieFormat):
    """Read and write one sealed cookie, ``name``."""

    def _make(self, head: bytes, tail: bytes, **limits: Any) -> Cookie:
        return _core.SealedCookie(self._options.key, [*self._options.keys], head, tail, **limits)
