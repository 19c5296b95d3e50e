"""Our own layout: koa-session's, with more metadata, and both Max-Age and Expires in the cookie."""

from typing import Final

from .dialect import Dialect

DIALECT: Final = Dialect(
    system="Gingersnap",
    plain_json=False,
    accepts_any_name=False,
    guards_caches=True,
    dotted_domain=False,
    hashed=True,
    has_metadata=True,
    grace_ms=10_000,
    # Must match _core.RESERVED.
    reserved=frozenset({"_expire", "_maxAge", "_session", "_created", "_owner"}),
)
