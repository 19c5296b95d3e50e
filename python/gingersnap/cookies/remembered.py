"""The attributes of a session's cookie that the application has set: they hold for its later writes, and for its removal.

They stand in the member ``_owner``, which is an object then: ``{"owner": ..., "cookie": {...}}``. Our own layout alone has it.
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
    """Return the cookie's attributes: as the options have them, but for those that were remembered and can be written."""
    said = member.get("cookie") if isinstance(member, dict) else None
    if not isinstance(said, dict):
        return usual
    fit: dict[str, Any] = {}
    for name, check in SESSION_COOKIE_CHECKS.items():
        if name in said:
            try:
                fit[name] = check(name, said[name])
            except ConfigError:
                # The key's holder has written it: the session is good, its cookie is as usual.
                continue
    return replace(usual, **fit)


def member_of(owner: str | None, attributes: Attributes, usual: Attributes) -> object:
    """Return the member ``_owner``: the owner alone where the cookie is as the options have it."""
    names = [field.name for field in fields(Attributes)]
    said = {name: getattr(attributes, name) for name in names if getattr(attributes, name) != getattr(usual, name)}
    if not said:
        return owner
    return {"cookie": said} if owner is None else {"owner": owner, "cookie": said}


def with_member(body: bytes, member: object) -> bytes:
    """Add the member to a session's text where it is an object."""
    if not isinstance(member, dict):
        return body
    return body[:-1] + (b"" if body == b"{}" else b",") + _core.dumps({"_owner": member})[1:]
