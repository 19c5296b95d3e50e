"""Conduct one request's session: take its marks, and say at the commit what becomes of it. It sees no ASGI message."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from .. import _core
from ..cookies.attributes import Attributes, SessionCookie
from ..cookies.headers import is_public
from ..cookies.remembered import attributes_of, member_of, owner_of
from ..errors import SessionTooLarge, UnserializableError, shown
from ..session.session import Session
from ..stores.store import late_ms
from ..types import Loaded, Message, Reason, Scope
from ..validators import age_ms
from . import rules
from .increments import incremented

if TYPE_CHECKING:
    from ..client_side.middleware import Setup

EMPTY: Final = b"{}"

# What a later mark may not undo.
_RANK: Final[Mapping[Reason | None, int]] = {None: 0, "rolling": 1, "force": 2, "regenerate": 3, "destroy": 4}
RENEWALS: Final[frozenset[Reason | None]] = frozenset({"rolling", "renew", "rotated"})
"""Why a session is sent that nothing was changed in."""
_EVENTS: Final[Mapping[Reason, str]] = {
    "destroy": "destroyed",
    "regenerate": "regenerated",
    "rolling": "renewed",
    "renew": "renewed",
}


def _octets(key: str, value: object) -> int:
    try:
        return len(_core.dumps({key: value})) - len(EMPTY)
    except SessionTooLarge:
        return _core.MAX_TEXT


def is_same(session: Session, body: bytes) -> bool:
    """Compare a session's text with another; what cannot be written is not the same."""
    try:
        return _core.dumps(session) == body
    except UnserializableError:
        return False


class Context:
    """What is known of one request's session beside its data. Source: koa-session ``ContextSession``."""

    # Class attributes are defaults: a request sets what differs.
    failed = False
    """Whether a commit raised, so that what it would have written is no late change."""
    committed = False
    """Whether a commit has written or ended the session."""
    another = False
    """Whether a middleware within this one has put a session of its own into the scope."""
    response: Message | None = None
    """The start of the response that the commit is for."""
    ends = False
    """Whether the application asked for the end of the session that came, and no commit has carried that out."""
    _mark: Reason | None = None
    _life: int | Literal["session"] | None = None
    _created_ms: int | None = None
    _owner: str | None = None
    _cookie: SessionCookie | None = None

    def __init__(self, setup: "Setup", scope: Scope, loaded: Loaded | None) -> None:
        self._setup = setup
        self._options = setup.options
        self._scope = scope
        # As it came or as last written; then the same as far as it still holds: a session that was ended has nothing of it.
        self._base = self._loaded = loaded
        self._came = loaded is not None
        self.is_new = loaded is None
        # The text that the next one is compared with.
        self.body = EMPTY if loaded is None else loaded[0]
        # What is sent, once the session was touched, if nothing else is.
        self.stale: list[bytes] = []

    # What a session asks and tells.

    def mark(self, reason: Reason) -> None:
        """Note what the application wants at the commit; the weightier wish wins."""
        if _RANK[reason] > _RANK[self._mark]:
            self._mark = reason

    def increment(self, session: dict[str, Any], key: str, by: int | float) -> int | float:
        """Return what an increment makes of a key. Raises: TypeError, UnserializableError."""
        return incremented(session, key, by)

    def destroy(self) -> None:
        """Note the end; whatever is put into the session from here on belongs to a new one."""
        self._mark, self.ends = "destroy", True
        self._loaded = self._life = self._owner = self._created_ms = None

    def login(self, owner: str) -> None:
        """Note a new owner: the session begins anew.

        Raises: TypeError where the layout has no place for one.
        """
        if not self._options.dialect.has_metadata:
            preset = self._options.preset
            raise TypeError(f"login: preset={preset!r} keeps no owner; put the user into the session and call regenerate()")
        self._login(owner)

    def _login(self, owner: str) -> None:
        self._owner = owner
        self._created_ms = self._setup.now_ms()
        self._mark = "regenerate"

    def leave(self) -> None:
        """Note that the session is left as it is: nothing of this request is kept. Source: express-session ``unset: 'keep'``."""
        raise NotImplementedError

    id: str | None = None
    """The id in the store, where there is one."""
    degraded = False
    """Whether the session stands in for one that the store could not give."""

    @property
    def gone(self) -> bool:
        """Whether the session was found to have ended."""
        return False

    @property
    def key(self) -> str | None:
        """The key in the store."""
        return None

    def refused(self, *, ending: bool = False) -> Exception:
        """Give the error that whoever touches a session that could not be fetched gets."""
        raise NotImplementedError

    def replace(self) -> None:
        """Note that all of the data was put there on purpose, so that nothing is to be merged into it."""

    async def load(self, session: Session) -> None:
        """Fetch the session where that was put off."""

    async def commit_now(self, session: Session) -> None:
        """Commit on the application's own word."""
        raise NotImplementedError

    async def reload(self, session: Session) -> None:
        """Take back whatever was not committed."""
        self.forget()
        session.replace(_core.loads(self.body) or {})

    def forget(self) -> None:
        """Take back whatever was asked for since the last commit."""
        self._loaded = self._base
        self._mark = self._life = self._owner = self._created_ms = self._cookie = None
        self.ends = False

    def part(self) -> None:
        """Let go of the request's scope, which holds the session that holds this; keep a copy without the session.

        A write that outlives its request, hooks and events still have to know the connection.
        """
        self._scope = {**self._scope}
        self._scope.pop(self._options.scope_key, None)

    @property
    def life_ms(self) -> int | None:
        """How long the session lives from each renewal; ``None``: with the browser. Its own word goes before the option."""
        if self._life is not None:
            return None if self._life == "session" else self._life
        # koa: the lifetime that a session was written with outlives a change of the option. Ours: one that the application set.
        if self._loaded is not None and (self._options.dialect.accepts_any_name or self.has_own_life):
            max_age, lasts = self._loaded[4], self._loaded[5]
            if lasts is True:
                return None
            if type(max_age) is int and max_age > 0:
                return min(max_age, self._setup.longest_ms)
        return self._options.max_age_ms

    @property
    def has_own_life(self) -> bool:
        """Whether the application set the session's lifetime, in this request or an earlier one; the presets do not note it."""
        if self._options.dialect.accepts_any_name:
            return False
        return self._life is not None or (self._loaded is not None and rules.has_own_life(self._loaded[4], self._loaded[5]))

    @property
    def max_age(self) -> float | Literal["session"]:
        """``life_ms`` as applications know it."""
        life_ms = self.life_ms
        return "session" if life_ms is None else life_ms / 1000

    @max_age.setter
    def max_age(self, value: Any) -> None:
        self._live_for("session" if value == "session" else age_ms("max_age", value, self._setup.longest_age))

    def _live_for(self, life: int | Literal["session"]) -> None:
        self._life = life

    @property
    def created_ms(self) -> int | None:
        """When the session began; ``None`` where that is not kept, neither here nor by whoever wrote it."""
        came = self._loaded
        if self._options.absolute_ms is None:
            return came[6] if came is not None and type(came[6]) is int else None
        if self._created_ms is None:
            begun = None if came is None else rules.birth(expire=came[3], max_age=came[4], created=came[6])
            self._created_ms = self._setup.now_ms() if begun is None else begun
        return self._created_ms

    @property
    def expire_ms(self) -> int | None:
        """When the session ends, as last written; ``None``: with the browser, or not yet written."""
        if self._loaded is not None and type(self._loaded[3]) is int:
            return self._loaded[3]
        return None

    @property
    def owner(self) -> str | None:
        """Whose session it is."""
        return owner_of(self._loaded[7]) if self._owner is None and self._loaded is not None else self._owner

    @property
    def cookie(self) -> SessionCookie:
        """The session's own cookie options."""
        if self._cookie is None:
            self._cookie = SessionCookie(self._options.key, self._attributes())
        return self._cookie

    def _usual(self) -> Attributes:
        return Attributes.of(self._options, secure=self._setup.is_secure(self._scope))

    def _attributes(self) -> Attributes:
        """Give the attributes as the options and an earlier response have them."""
        # A session that was ended is removed where it was, and what is put in its place stands there.
        return self._usual() if self._base is None else attributes_of(self._base[7], self._usual())

    def _own_attributes(self) -> Attributes | None:
        """Give the attributes that the application set, now or for an earlier response; ``None`` where it set none."""
        own = None if self._cookie is None else self._cookie.changed()
        if own is None and self._base is not None and isinstance(self._base[7], dict):
            own = self._attributes()
        return own

    def _member(self) -> object:
        """Give the member ``_owner`` that is to be written."""
        own = None if self._options.dialect.accepts_any_name else self._own_attributes()
        return self.owner if own is None else member_of(self.owner, own, self._usual())

    def _left_behind(self) -> list[bytes]:
        """Write what removes the cookie where it came from, once the application has set another place for it."""
        own = None if self._cookie is None or not self._came or self._options.dialect.accepts_any_name else self._cookie.changed()
        if own is None:
            return []
        format = self._setup.format
        return format.removal(format.cookie(own.secure, self._attributes()))

    def _is_cookie_changed(self) -> bool:
        """Return whether the cookie's attributes alone are a change of the session. Source: koa-generic-session ``hash``."""
        return self._cookie is not None and self._options.dialect.cookie_is_data and self._cookie.differs

    def has_changed(self, session: Session) -> bool:
        """Compare the session's text with the one that was loaded or last committed."""
        return session.accessed and not is_same(session, self.body)

    # On the way out.

    def _text(self, session: Session) -> bytes:
        return _core.dumps(session)

    def _rolls(self, touched: bool) -> bool:
        """Return whether a rolling session is renewed by this response.

        A response that never used the session may be older than the cookie that the client has by now: it renews only a session
        whose last renewal is a while ago, so that it does not overwrite a newer cookie, or bring back one that a logout removed.
        """
        if touched or not self._options.rolling:
            return self._options.rolling
        if self._options.lazy_rolling or self._options.dialect.accepts_any_name:
            return not self._options.lazy_rolling
        life_ms, expire_ms = self.life_ms, self.expire_ms
        if life_ms is None or expire_ms is None:
            return life_ms is not expire_ms
        later_ms = rules.next_expire(self._setup.now_ms(), life_ms, self.created_ms, self._options.absolute_ms) - expire_ms
        return not 0 <= later_ms < late_ms(life_ms)

    def _is_public(self) -> bool:
        """Return whether shared caches may keep the response: then no client's renewal goes with it."""
        if self.response is None or self._options.dialect.accepts_any_name or not is_public(self.response):
            return False
        self._setup.warn_of_public()
        return True

    def _reason(self, body: bytes, *, touched: bool) -> Reason | None:
        changed, mark, live = body != self.body or self._is_cookie_changed(), self._mark, self._loaded is not None
        if mark == "destroy":
            # Ended, then filled: a new session in place of the old one.
            return "destroy" if body == EMPTY else "regenerate"
        if changed and body == EMPTY and self._owner is None and not self._options.keep_empty:
            return "destroy"
        if body == EMPTY and not live and not changed and mark in (None, "rolling"):
            return "changed" if self._options.allow_empty and not self.committed else None
        expire_ms = self.expire_ms
        reason = rules.save_reason(
            mark=None if mark == "rolling" else mark,
            changed=changed,
            rolling=(live and self._rolls(touched)) or mark == "rolling",
            renew=self._options.renew and live and (touched or not self._options.lazy_rolling),
            rotated=self._loaded is not None and self._loaded[1] > 0,
            left_ms=None if expire_ms is None else expire_ms - self._setup.now_ms(),
            max_age_ms=self.life_ms,
        )
        if reason in RENEWALS and mark is None and self._is_public():
            reason = None
        # Who writes each record anew has written whatever a renewal would.
        resaves = live and self._options.resave and not self.committed
        return "resave" if resaves and reason in (None, "rolling", "rotated") else reason

    def _reserved(self, session: Session) -> str | None:
        """Find a key that is not the application's to use."""
        is_reserved = self._options.dialect.is_reserved
        # A copy: a thread may write meanwhile.
        return next((key for key in dict.copy(session) if is_reserved(key)), None)

    def heaviest(self, session: dict[str, Any]) -> list[tuple[str, int]]:
        """Name the keys with the octets of their JSON text, the heaviest first."""
        data = {**dict.copy(session), **({} if self.owner is None else {"_owner": self.owner})}
        return sorted(((key, _octets(key, value)) for key, value in data.items()), key=lambda pair: -pair[1])

    def _settle(self, written: Loaded | None, reason: Reason) -> None:
        """Take what was written as what is: later changes are compared with it."""
        events = self._options.events
        if events.has_listeners:
            if self.is_new and written is not None:
                events.emit("created", self._scope, key=self._mark_of_id())
            events.emit(_EVENTS.get(reason, "saved"), self._scope, reason, self._mark_of_id())
        self._base = self._loaded = written
        self.body = EMPTY if written is None else written[0]
        self._mark = self._life = self._owner = self._created_ms = None
        self.ends = False
        self.is_new = self.is_new and written is None
        self.committed = True

    def _mark_of_id(self) -> str | None:
        """Give what events may tell of the session's id."""
        return None

    async def before_save(self, session: Session) -> None:
        """Run the application's hook if the session is about to be written. Source: koa-session ``beforeSave``."""
        hook = self._options.before_save
        self.failed = True
        if hook is not None and self._reason(self._text(session), touched=session.accessed) not in (None, "destroy"):
            result = hook(self._scope, session)
            if inspect.isawaitable(result):
                await result
        self.failed = False

    def is_late(self, session: Session) -> bool:
        """Say whether anything was asked or changed since the commit; what a failed commit left is no late change."""
        return not self.failed and (self._mark is not None or self.has_changed(session))

    def late_keys(self, session: Session) -> list[str]:
        """Name the keys that changed after the cookie had gone, and ``(mark)`` for what was asked then."""
        late = ["(mark)"] if self._mark is not None else []
        if self.has_changed(session):
            before = _core.loads(self.body) or {}
            names = sorted({*before, *dict.keys(session)}, key=str)
            late += [shown(name) for name in names if before.get(name, ...) != dict.get(session, name, ...)] or ["(order of keys)"]
        return late
