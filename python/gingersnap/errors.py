"""Every exception that Gingersnap raises. Bad cookies raise none of them: they become a new session."""


class SessionError(Exception):
    """The root of them all."""


class ConfigError(SessionError, ValueError):
    """An option, or an attribute of ``session.cookie``, is wrong.

    Raised where it is given, so at construction; the message names the option, the value's shape and the cure.
    """

    def __init__(self, option: str, problem: str, cure: str) -> None:
        super().__init__(option, problem, cure)
        self.option = option
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.option}: {self.problem}; {self.cure}"


class ReservedKeyError(SessionError, KeyError):
    """A session holds a key that is the session's own.

    ``_expire``, ``_maxAge``, ``_session``, ``_created``, ``_owner``; under ``preset="koa"`` every key that starts with ``_``
    and those that koa-session's Session has itself.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the key {self.key!r} is reserved for the session itself; choose another name"


class UnserializableError(SessionError, TypeError):
    """A session holds what JSON cannot. ``path`` says where (``cart.items[2]``), ``problem`` what: never the value."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        where = self.path or "the session"
        return f"{where}: {self.problem}; a session holds dict, list, str, int, float, bool and None"


class SessionTooLarge(UnserializableError):  # noqa: N818 (the noun of the design)
    """A session's JSON text would pass 64 KiB, the most that is ever read back."""


class CookieTooLarge(SessionError, ValueError):  # noqa: N818 (the noun of the design)
    """A cookie would pass ``max_cookie_bytes``, and nothing was sent. ``size`` and ``limit`` are octets of name and value;
    ``largest`` names the heaviest keys with the octets of their JSON text.
    """

    def __init__(self, size: int, limit: int, largest: list[tuple[str, int]]) -> None:
        super().__init__(size, limit, largest)
        self.size = size
        self.limit = limit
        self.largest = largest

    def __str__(self) -> str:
        heavy = ", ".join(f"{key} ({octets} bytes)" for key, octets in self.largest)
        return (
            f"the session cookie would take {self.size} of {self.limit} bytes; the largest keys are {heavy}; "
            "keep ids in the session and the data itself elsewhere"
        )
