"""The encrypted layout: one token with the session and its dates inside, and no signature beside it."""

from .. import _core
from .attributes import Attributes
from .format import Cookie, CookieFormat


class EncryptedFormat(CookieFormat):
    """Read and write one sealed cookie, ``name``."""

    def _make(self, attributes: Attributes) -> Cookie:
        return _core.SealedCookie(self._options.key, [*self._options.keys], attributes.head(), attributes.tail(), **self._limits)
