"""What a store of sessions is: the calls that the middleware makes, what each promises, and the answers it gives."""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from .. import _core

MOST_LATE_MS: Final = 60_000
"""How much of a lifetime a rolling load may leave unrenewed, at most."""


def late_ms(ttl_ms: int) -> int:
    """Return how much of a lifetime may go before a rolling load writes: a tenth, a minute at most. Milliseconds."""
    return min(ttl_ms // 10, MOST_LATE_MS)


@dataclass(frozen=True, slots=True)
class Record:
    """A live record: its octets, the version that ``replace`` and ``move`` ask for, and how long it has, in milliseconds.

    A version is compared and handed back, never looked into, and never ``None``. ``ttl_ms`` ``None``: the store cannot tell.
    """

    value: bytes = field(repr=False)
    version: Any = field(repr=False)
    ttl_ms: int | None


@dataclass(frozen=True, slots=True)
class Saved:
    """It is written, and this is its version now."""

    version: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody wrote it since: this is what is there now. Nothing was written."""

    value: bytes = field(repr=False)
    version: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such record, or it has expired. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The new key has a record of its own. Nothing was written."""


Replaced: TypeAlias = Saved | Conflict | Gone
Moved: TypeAlias = Saved | Conflict | Gone | Taken


@dataclass(frozen=True, slots=True)
class Owned:
    """One session of an owner: its key in the store, its octets, and how long it has, in milliseconds."""

    key: str
    value: bytes = field(repr=False)
    ttl_ms: int

    @property
    def data(self) -> dict[str, Any]:
        """What the session holds, as JSON tells it; empty where it cannot be read."""
        data = _core.loads_record(self.value) or {}
        return {name: member for name, member in data.items() if name not in _core.RESERVED}


class Store(Protocol):
    """Where sessions live, as octets under keys. Every call is safe to repeat.

    Keys are printable ASCII of 1 to 300 characters without blanks. One may start with a hash tag in braces, ``{Yp0x}``, as in
    the keys of Redis Cluster; a session keeps its tag when it moves, so that a store that shards has both keys in one place.
    Values are octets, as a rule JSON text. ``ttl_ms`` is at least 1: a record lives that many milliseconds from the call on,
    and is as good as absent from then on, at once.
    Only ``create`` makes a record; that alone makes a logout final. A call that fails raises; no call answers "absent" for
    "could not look". A call that is cancelled does not give its connection back to a pool with a reply outstanding.

    Four more attributes may say more of a store. ``place``: its host and port, for the log; never a user or a password.
    ``purge_every``: how often, in seconds, the middleware is to ask it to
    ``purge``; left out, or ``None``, where the server removes expired records itself or somebody else purges. ``atomic = False``:
    its ``replace`` and ``move`` can race with those of other processes. ``prompt = True``: no call ever waits for anything, so
    none needs a time limit.
    """

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record; ``None`` where there is none.

        ``roll``: start its lifetime again, as long as it was last given to ``create``, ``replace`` or ``move``, in the
        same round trip. It may be left as it is while no more than ``late_ms`` of it has gone. Data and version stay.
        """

    async def create(self, key: str, value: bytes, ttl_ms: int) -> bool:
        """Make a record; ``False`` where a live one has the key, which is then as it was."""

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Replaced:
        """Write over that version of a live record, and over no other; start its lifetime again."""

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any) -> Moved:
        """Write that version of a record under another key. A reader sees it under the old one or the new, never both."""

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend a live record so that it ends no earlier than ``ttl_ms`` from now: never write data, never create, never shorten.

        ``False`` where there is no live record.
        """

    async def destroy(self, key: str) -> bool:
        """Remove a record; ``False`` where there was no live one."""

    async def purge(self, limit: int) -> int:
        """Remove expired records, ``limit`` at most; tell how many. 0 where the store's server does that itself."""

    async def ping(self) -> None:
        """Ask whether the store answers and is fit for use; raises where it does not."""

    async def aclose(self) -> None:
        """Close what the store itself opened. A store may be used again afterwards, and closed twice."""


def name_of(store: object) -> str:
    """Return what the log calls a store: its class, and where it is."""
    # A layout of Node's has a class of its own that no user names.
    name, place = type(store).__name__.removeprefix("Node"), getattr(store, "place", None)
    return f"{name} ({place})" if isinstance(place, str) and place else name


class _AskTheStore(type(Protocol)):  # type: ignore[misc]  # (mypy does not know the class of Protocol)
    """Have isinstance() ask the store itself, not its class: it may depend on the layout whether records have owners."""

    def __instancecheck__(cls, instance: object) -> bool:
        calls = (getattr(instance, name, None) for name in ("sessions_of", "destroy_all"))
        return super().__instancecheck__(instance) and all(map(callable, calls))


@runtime_checkable
class OwnerIndex(Protocol, metaclass=_AskTheStore):
    """A store that knows the owner of each session.

    Its ``create`` and ``move`` take ``owner``, keyword-only: a non-empty ``str``, or ``None`` for no owner, the default.
    ``replace`` leaves the owner as it is.
    """

    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner, in no particular order."""

    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but the one under the key ``keep``; return how many.

        A session that another request is moving meanwhile does not slip through.
        """


@runtime_checkable
class KeyIndex(Protocol):
    """A store that can tell what it holds, for code that moves it elsewhere.

    Three more attributes may say more of it. ``mixed = True``: ``keys`` may list what is no session at all. ``overlaps`` and
    ``lists``, to be awaited with another store: whether a record of one may be the other's under another key; whether ``keys``
    lists the other's too.
    """

    async def count(self) -> int | None:
        """Return about how many records there are, expired ones among them; ``None`` where only listing them would tell."""

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List about ``limit`` keys, and the cursor to go on with; ``None``: from the beginning, and at the end.

        Every record that is there from the first call to the last is listed, once or more; one that is made or moved meanwhile
        may be left out. Expired ones may be among them.
        """
