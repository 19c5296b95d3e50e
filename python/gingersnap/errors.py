"""Every exception that Gingersnap raises. Bad cookies raise none of them: they become a new session."""

from typing import Final


def shown(key: object) -> str:
    """Return a key's text for a log: a lone surrogate, which UTF-8 cannot hold, becomes its escape."""
    return str(key).encode("utf-8", "backslashreplace").decode("utf-8")


class SessionError(Exception):
    """The base class of all errors of Gingersnap."""


class ConfigError(SessionError, ValueError):
    """An option, or an attribute of ``session.cookie``, is wrong.

    Raised where the option is given, at construction, or at the first request if the problem depends on the server. The message
    names the option, the problem and the cure, never the value.
    """

    def __init__(self, option: str, problem: str, cure: str) -> None:
        super().__init__(option, problem, cure)
        self.option = option
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.option}: {self.problem}; {self.cure}"


# How to store values that JSON cannot hold, by the name of their type.
_TEXTS: Final = ("Decimal", "UUID", "ObjectId", "URL", "IPv4Address", "IPv6Address", "Path", "PosixPath", "WindowsPath")
_STORED_AS: Final[dict[str, str]] = {
    **dict.fromkeys(("datetime", "date", "time", "DateTime", "Timestamp"), ".isoformat()"),
    "timedelta": ".total_seconds()",
    **dict.fromkeys((*_TEXTS, "PurePosixPath"), "str(...)"),
    **dict.fromkeys(("set", "frozenset", "deque", "range", "generator", "dict_keys", "dict_values"), "list(...)"),
    **dict.fromkeys(("mappingproxy", "QueryParams", "FormData"), "dict(...)"),
    **dict.fromkeys(("bytes", "bytearray", "memoryview"), ".hex() or base64 text"),
    **dict.fromkeys(("int64", "int32", "float32", "bool_"), ".item()"),
    "ndarray": ".tolist()",
    "coroutine": "what `await` gives",
    **dict.fromkeys(
        (
            f"a key of type {kind}, not str"
            for kind in ("int", "float", "bool", "NoneType", "UUID", "bytes", "tuple", "date", "datetime")
        ),
        "str(...)",
    ),
}

# The text for each call of a store, for error messages.
_PHRASES: Final[dict[str, str]] = {
    "load": "load a session",
    "create": "create a session",
    "replace": "save a session",
    "move": "give a session its new id",
    "touch": "renew a session",
    "destroy": "end a session",
}


def kind_of(error: BaseException) -> str:
    """Return the text of a store's exception for a log: only its class, since the message may quote a password, a key or data."""
    return str(error) if isinstance(error, StoreUnfit) else type(error).__name__


def phrase(call: str) -> str:
    """Return what a call of a store does, as the end of a sentence."""
    return _PHRASES.get(call, call)


class ReservedKeyError(SessionError, KeyError):
    """A session holds a key that is reserved.

    ``_expire``, ``_maxAge``, ``_session``, ``_created``, ``_owner``; under a preset those that
    its system uses itself, such as ``isNew`` or ``_requireSave`` under ``"koa"``.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the key {self.key!r} is reserved for the session itself; choose another name"


class UnserializableError(SessionError, TypeError):
    """A session holds a value that JSON cannot. ``path`` says where (``cart.items[2]``), ``problem`` why; it shows no value."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        where, cure = self.path or "the session", _STORED_AS.get(self.problem)
        told = f"{self.problem}; store {cure}" if cure else self.problem
        return f"{where}: {told}; a session holds dict, list, str, int, float, bool and None"


class SessionTooLarge(UnserializableError):  # noqa: N818 (the noun of the design)
    """A session's JSON text would exceed 64 KiB, the limit for reading and writing."""

    def __str__(self) -> str:
        return f"{self.path or 'the session'}: {self.problem}; keep ids in the session and the data itself elsewhere"


class UnstorableError(UnserializableError):
    """A session holds a value that its store cannot, though JSON can: a NUL in a ``jsonb`` column, or more than a packet holds.

    Stores raise it from ``create``, ``replace`` and ``move``: the data is at fault, not the store. ``path`` names the key
    if it is known. The message never holds the value.
    """

    def __str__(self) -> str:
        return f"{self.path or 'the session'}: {self.problem}; it was not saved: leave that out, or keep sessions in another store"


class CookieTooLarge(SessionError, ValueError):  # noqa: N818 (the noun of the design)
    """A cookie would exceed ``max_cookie_bytes``, and nothing was sent. ``size`` and ``limit`` are octets of a Set-Cookie line;
    ``largest`` names the heaviest keys with the octets of their JSON text.
    """

    def __init__(self, size: int, limit: int, largest: list[tuple[str, int]]) -> None:
        super().__init__(size, limit, largest)
        self.size = size
        self.limit = limit
        self.largest = largest

    def __str__(self) -> str:
        heavy = ", ".join(f"{shown(key)} ({octets} bytes)" for key, octets in self.largest)
        return (
            f"the session cookie would take {self.size} of {self.limit} bytes; the largest keys are {heavy}; "
            "keep ids in the session and the data itself elsewhere"
        )


class SessionUnavailable(SessionError):  # noqa: N818 (the noun of the design)
    """The store did not answer or failed. ``call`` names the call that failed; the cause is the store's exception.

    Raised only when the application touches a session that could not be loaded, and by a commit that failed.
    The middleware answers with 503 and ``Retry-After``; frameworks can read ``status_code`` and ``headers``.
    """

    status_code = 503

    def __init__(self, call: str, retry_after: int = 1, store: str = "the session store") -> None:
        super().__init__(call, retry_after, store)
        self.call = call
        self.store = store
        """The store's class and host, for the log: ``RedisStore (redis.internal:6379)``."""
        self.retry_after = retry_after
        """When to try again, in whole seconds."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a response to this error."""
        return {"Retry-After": str(self.retry_after)}

    @property
    def detail(self) -> str:
        """The text for a response to this error; it holds no secrets."""
        return "The session store does not answer; try again."

    def __str__(self) -> str:
        cause = f": {kind_of(self.__cause__)}" if self.__cause__ is not None else ""
        return f"{self.store} could not {phrase(self.call)}{cause}; try again in {self.retry_after} s"


class StoreUnfit(SessionError, RuntimeError):  # noqa: N818 (the noun of the design)
    """A store answers, but cannot hold sessions as it is: a replica, a user without rights, a table of another program.

    Raised by stores, mostly by ``ping``; the message names the reason and the cure, and never a password, a key or data.
    """


class SessionConflict(SessionUnavailable):
    """Other requests wrote the session before each try of this one; under ``on_conflict="raise"``, before the first."""

    @property
    def detail(self) -> str:
        """The text for a response to this error; it holds no secrets."""
        return "Too many requests wrote this session at once; try again."

    def __str__(self) -> str:
        return "other requests kept writing this session, so this one's changes were not saved; try again"


class SessionSealed(SessionError, RuntimeError):  # noqa: N818 (the noun of the design)
    """``strict=True``: a session changed when no cookie could reach the client any more. ``keys`` names the lost changes."""

    def __init__(self, keys: str) -> None:
        super().__init__(keys)
        self.keys = keys

    def __str__(self) -> str:
        return f"the session changed after its response had started, and the change is lost: {self.keys}"


class NotLoadedError(SessionError, RuntimeError):
    """A session under ``defer=True`` was used before ``await session.load()``."""

    def __str__(self) -> str:
        return "defer=True puts off loading this session: await session.load() before using it"


class DegradedError(SessionError, RuntimeError):
    """The application wrote to a session that replaces one that could not be loaded (``on_store_error="anonymous"``)."""

    def __str__(self) -> str:
        return "the session store does not answer, so this empty session is read-only: ask session.degraded before writing"
