"""What a session delegates to. ``session`` is a ``Session`` throughout, which this module must not import."""

from typing import Any, Literal, Protocol

from ..cookies.attributes import SessionCookie
from ..types import Message, Reason, Scope


class State(Protocol):
    """What a session says of itself: ``lifecycle.state.SessionState``."""

    scope: Scope
    another: bool
    cleared: bool
    existed: bool
    response: Message | None
    seen: dict[str, bytes]
    set_cookie: SessionCookie | None
    is_new: bool

    @property
    def max_age(self) -> float | Literal["session"]: ...

    @property
    def expire_ms(self) -> int | None: ...

    @property
    def created_ms(self) -> int | None: ...

    @property
    def owner(self) -> str | None: ...

    @property
    def cookie(self) -> SessionCookie: ...

    def detach(self) -> None: ...


class Context(Protocol):
    """What a session asks of its request's context; each mode has one."""

    @property
    def state(self) -> State: ...

    @property
    def id(self) -> str | None: ...

    @property
    def key(self) -> str | None: ...

    @property
    def gone(self) -> bool: ...

    @property
    def degraded(self) -> bool: ...

    def has_changed(self, session: Any) -> bool: ...

    def mark(self, reason: Reason) -> None: ...

    def set_max_age(self, value: Any) -> None: ...

    def increment(self, session: Any, key: str, by: int | float) -> int | float: ...

    def login(self, owner: str) -> None: ...

    def destroy(self) -> None: ...

    def replace(self) -> None: ...

    def leave(self) -> None: ...

    def unavailable_error(self, *, ending: bool = False) -> Exception: ...

    async def load(self, session: Any) -> None: ...

    async def reload(self, session: Any) -> None: ...

    async def commit_now(self, session: Any) -> None: ...


class Opener(Protocol):
    """What opened a session: the part of the middleware for its mode."""

    @property
    def scope_key(self) -> str: ...

    def conduct(self, session: Any) -> Context: ...

    def report_failed(self, session: Any, keys: str) -> None: ...
