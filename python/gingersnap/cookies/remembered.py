"""Remember the cookie attributes that the application has set for a session: its later writes and its removal use them.

The member ``_owner`` holds them. It is an object then: ``{"owner": ..., "cookie": {...}}``. Only our own layout has it.
"""

from dataclasses import fields, replace
from typing import Any

from .. import _core
from ..errors import ConfigError
from .attributes import SESSION_COOKIE_CHECKS, Attributes


def owner_of(member: object) -> str | None:
    """Return the session's owner, from its member ``_owner``."""
    owner = member.get("owner") if isinstance(member, dict) else member
    return owner if isinstance(owner, str) else None


def attributes_of(member: object, usual: Attributes) -> Attributes:
    """Return the cookie's attributes: ``usual``, but with each remembered attribute that passes its check."""
    said = member.get("cookie") if isinstance(member, dict) else None
    if not isinstance(said, dict):
        return usual
    fit: dict[str, Any] = {}
    for name, check in SESSION_COOKIE_CHECKS.items():
        if name in said:
            try:
                fit[name] = check(name, said[name])
            except ConfigError:
                # Only a holder of the key can have written it: the session is valid, the attribute keeps its usual value.
                continue
    return replace(usual, **fit)


def member_of(owner: str | None, attributes: Attributes, usual: Attributes) -> object:
    """Return the member ``_owner``: only the owner if the cookie's attributes are the usual ones."""
    names = [field.name for field in fields(Attributes)]
    said = {name: getattr(attributes, name) for name in names if getattr(attributes, name) != getattr(usual, name)}
    if not said:
        return owner
    return {"cookie": said} if owner is None else {"owner": owner, "cookie": said}


def with_member(body: bytes, member: object) -> bytes:
    """Add the member to a session's JSON text if it is an object."""
    if not isinstance(member, dict):
        return body
    return body[:-1] + (b"" if body == b"{}" else b",") + _core.dumps({"_owner": member})[1:]
