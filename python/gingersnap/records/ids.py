"""Session ids: how they are made, which are believed, and the key that stands for each in a store."""

import base64
import hashlib
import inspect
import re
import secrets
import uuid
from typing import Final

from ..config.options import SessionOptions
from ..types import Scope

RANDOM_OCTETS: Final = 32
"""What an id is made of: 256 bits, 43 characters of base64url."""
_TAG: Final = 4
"""How many of an id's characters are its hash tag: they tell where it is kept, and 234 bits remain unknown."""
# RFC 6265 section 4.1.1, cookie-octet. 256 characters are more than any generator of ids makes.
_ANY: Final = r"[!#-+\--:<-\[\]-~]{1,256}"


class Ids:
    """The ids of one middleware's sessions."""

    def __init__(self, options: SessionOptions) -> None:
        self._genid = options.genid
        self._dialect = dialect = options.dialect
        self._prefix = "" if dialect.prefixes_key else options.prefix
        self._key_prefix = options.prefix if dialect.prefixes_key else ""
        # Another system that shares the store may make ids of another shape.
        made_here = self._genid is None and dialect.hashed
        self._tagged = made_here
        # An id that is in no cookie may stand in a header.
        any_id = dialect.id_shape if dialect.id_shape and options.external_key is None else _ANY
        self._shape = re.compile(rf"{re.escape(self._prefix)}[A-Za-z0-9_-]{{43}}" if made_here else any_id, re.ASCII)
        self._longest = 1024 if any_id is dialect.id_shape else 256

    def is_id(self, value: str) -> bool:
        """Return whether a value may be an id: nothing else reaches a store."""
        return self._shape.fullmatch(value) is not None

    def fault(self, value: str) -> str:
        """Return why a value that was signed cannot be an id."""
        return f"of its length, over {self._longest} characters" if len(value) > self._longest else "of a character in it"

    async def new(self, scope: Scope, old: str | None = None) -> str:
        """Make an id; one that takes the place of ``old`` keeps its hash tag.

        Raises: TypeError where the application's ``genid`` gives something that cannot be an id.
        """
        if self._genid is not None:
            made = self._genid(scope)
            if inspect.isawaitable(made):
                made = await made
            if not isinstance(made, str) or not self.is_id(made):
                raise TypeError(
                    f"genid: its {type(made).__name__} is no id; return 1 to {self._longest} characters that a cookie can hold"
                )
            return made
        if not self._dialect.hashed:
            octets = self._dialect.id_octets
            return self._prefix + (str(uuid.uuid4()) if octets is None else secrets.token_urlsafe(octets))
        tag = "" if old is None else old[len(self._prefix) :][:_TAG]
        return self._prefix + tag + secrets.token_urlsafe(RANDOM_OCTETS)[len(tag) :]

    def derived(self, digest: bytes) -> str:
        """Make the id that 32 octets stand for, of the shape that ``new`` gives where there is no ``genid``."""
        if self._dialect.hashed:
            return self._prefix + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        octets = self._dialect.id_octets
        if octets is None:
            return self._prefix + str(uuid.UUID(bytes=digest[:16], version=4))
        return self._prefix + base64.urlsafe_b64encode(digest[:octets]).rstrip(b"=").decode("ascii")

    def key(self, id: str) -> str:
        """Return the key of an id in the store: its hash, so that a reader of the store knows no id; behind its hash tag.

        Other systems have the id itself there.
        """
        return self._tag(id) + fingerprint(id) if self._dialect.hashed else self._key_prefix + id

    def grace_key(self, id: str) -> str:
        """Return the key that notes for a while that a session has left this id; behind the same hash tag, and no key of an id."""
        return self._tag(id) + fingerprint(f"replaced\0{id}")

    def _tag(self, id: str) -> str:
        return f"{{{id[len(self._prefix) :][:_TAG]}}}" if self._tagged else ""


def fingerprint(id: str) -> str:
    """Return what events and logs may say of an id: its SHA-256, in hex."""
    return hashlib.sha256(id.encode("utf-8")).hexdigest()
