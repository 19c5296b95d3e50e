"""The key of a session in its scope, which knows whether it was asked for.

C code that reads a session (orjson, msgspec, ``dict.items``) calls none of its methods, so no trace of that is left in the session.
To get at it, the code had to ask the scope for it, and a dict that is asked for a key compares the key that it holds. Copies of a
scope (``dict(scope)``, ``{**scope}``, ``scope.copy()``) hold the same key, so what is asked of them counts as well.
"""


class ScopeKey(str):
    """The key of a session that nothing has asked for yet. The first comparison with another string makes it an ``AskedKey``."""

    __slots__ = ()

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        self.__class__ = AskedKey  # type: ignore[assignment]
        return self == other


class AskedKey(str):
    """The key of a session that was asked for: compared as any string is."""

    __slots__ = ()
