"""The encrypted format: one token that holds the session and its dates, without a separate signature."""

from .. import _core
from .attributes import Attributes
from .format import Cookie, CookieFormat


class EncryptedFormat(CookieFormat):
    """Read and write one sealed cookie, ``name``."""

    def _make(self, attributes: Attributes) -> Cookie:
        return _core.SealedCookie(self._options.key, [*self._options.keys], attributes.head(), attributes.tail(), **self._limits)
