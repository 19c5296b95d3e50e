"""The state of one request's session: what came, and what the application asked for since. It does no I/O."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from ..cookies.attributes import Attributes, SessionCookie
from ..cookies.remembered import attributes_of, member_of, owner_of
from ..dialects.record import RecordCookie, RecordFormat
from ..session.session import Session
from ..types import Message, Reason, Scope, Snapshot
from ..validators import age_ms
from . import rules
from .increments import Increments, incremented
from .policy import Policy

EMPTY: Final = b"{}"

# A later mark undoes none that weighs more.
_WEIGHT: Final[dict[Reason | None, int]] = {None: 0, "rolling": 1, "force": 2, "regenerate": 3, "destroy": 4}
_EVENTS: Final[dict[Reason, str]] = {
    "destroy": "destroyed",
    "regenerate": "regenerated",
    "rolling": "renewed",
    "renew": "renewed",
}


class SessionState:
    """What is known of one request's session beside its data. Source: koa-session ``ContextSession``."""

    # Class attributes are defaults: a request sets what differs.
    failed = False
    """Whether a commit raised, so that what it would have written is no late change."""
    answered = False
    """Whether the response that follows a failed commit has started."""
    committed = False
    """Whether a commit has written or ended the session."""
    another = False
    """Whether a middleware within this one has put a session of its own into the scope."""
    response: Message | None = None
    """The start of the response that the commit is for."""
    cleared = False
    """Whether the application called ``clear``."""
    ends = False
    """Whether the application asked for the end of the session that came, and no commit has carried that out."""
    replaced = False
    """Whether all of the data was put there on purpose, so that nothing is merged into it."""
    mark: Reason | None = None
    """The weightiest mark of the application."""
    life: int | Literal["session"] | None = None
    """The lifetime that the application set, in milliseconds; ``None``: none."""
    new_owner: str | None = None
    """The owner that ``login`` was called with."""
    set_cookie: SessionCookie | None = None
    """The session's own cookie options, once the application asked for them."""
    record_cookie: RecordCookie | None = None
    """What the record says of its session's cookie, where records do."""
    increments: Increments | None = None
    """What the application added to numbers since the last commit."""
    _left: tuple[bool, Attributes] | None = None
    seen: dict[str, bytes]
    """Of a request that failed: what its session held when that was last looked at."""
    signature_removal: Sequence[bytes] = ()
    """The lines that a touched session sends if it sends nothing else."""
    _created_ms: int | None = None

    def __init__(self, policy: Policy, scope: Scope, snapshot: Snapshot | None, record_format: RecordFormat | None = None) -> None:
        self.policy = policy
        self.options = policy.options
        self.scope = scope
        # ``base``: as loaded or last written. ``loaded``: the same, but None once destroy() was called.
        self.base = self.loaded = snapshot
        self.existed = snapshot is not None
        self.is_new = snapshot is None
        # The text that the next one is compared with.
        self.body = EMPTY if snapshot is None else snapshot.body
        self._record_format = record_format

    def fill(self, snapshot: Snapshot) -> None:
        """Note a snapshot as what came."""
        self.base = self.loaded = snapshot
        self.body = snapshot.body
        self.existed, self.is_new = True, False

    def miss(self) -> None:
        """Begin a new session in place of what came."""
        self.base = self.loaded = self.record_cookie = None
        self.body, self.is_new, self.existed = EMPTY, True, False

    # What the application asks for.

    def add_mark(self, reason: Reason) -> None:
        """Note what the application wants at the commit; the weightier mark wins."""
        if _WEIGHT[reason] > _WEIGHT[self.mark]:
            self.mark = reason

    def increment(self, session: dict[str, Any], key: str, by: int | float) -> int | float:
        """Return what an increment makes of a key, and note it for a merge. Raises: TypeError, UnserializableError."""
        value = incremented(session, key, by)
        if self.increments is None:
            self.increments = Increments(self.body)
        self.increments.add(session, key, by, value)
        return value

    def keep_increments(self, sent: Increments | None) -> None:
        """Keep the increments of a commit that wrote nothing, and those that came meanwhile."""
        if sent and self.increments is not None:
            sent.follow(self.increments)
            self.increments = sent

    def destroy(self) -> None:
        """Note the end; what is put into the session from here on belongs to a new one."""
        self.mark, self.ends = "destroy", True
        self.loaded = self.life = self.new_owner = self._created_ms = self.record_cookie = None

    def check_login(self) -> None:
        """Raise TypeError where the layout has no place for an owner."""
        if not self.options.dialect.has_metadata:
            preset = self.options.preset
            raise TypeError(f"login: preset={preset!r} keeps no owner; put the user into the session and call regenerate()")

    def login(self, owner: str) -> None:
        """Note a new owner: the session begins again."""
        self.new_owner = owner
        self._created_ms = self.policy.now_ms()
        self.mark = "regenerate"

    def live_for(self, life: int | Literal["session"]) -> None:
        """Note the lifetime that the application set, in milliseconds."""
        self.life = life

    def read_life(self, value: Any) -> int | Literal["session"]:
        """Return ``session.max_age`` as the application set it, in milliseconds.

        Raises: ConfigError where it is neither a lifetime nor ``"session"``.
        """
        return "session" if value == "session" else age_ms("max_age", value, self.policy.longest_age)

    def forget(self) -> None:
        """Undo what was asked for since the last commit."""
        self.loaded = self.base
        self.mark = self.life = self.new_owner = self._created_ms = self.set_cookie = self.increments = None
        self.ends = self.replaced = False

    def detach(self) -> None:
        """Drop the request's scope, which holds the session that holds this; keep a copy without the session.

        A write that outlives its request, hooks and events still have to know the connection.
        """
        self.scope = {**self.scope}
        self.scope.pop(self.options.scope_key, None)

    # What it says.

    @property
    def life_ms(self) -> int | None:
        """How long the session lives from each renewal; ``None``: with the browser. Its own lifetime goes before the option."""
        return self.lifetime()[0]

    def lifetime(self) -> tuple[int | None, bool]:
        """Return how long the session lives from each renewal, and whether the application set that: ``has_own_life``."""
        loaded, options = self.loaded, self.options
        plain = options.dialect.accepts_any_name
        if self.life is not None:
            return (None if self.life == "session" else self.life), not plain
        if loaded is None:
            return options.max_age_ms, False
        max_age, browser_session = loaded.max_age, loaded.browser_session
        own_life = not plain and rules.has_own_life(max_age, browser_session)
        # koa: the lifetime that a session was written with outlives a change of the option. Ours: one that the application set.
        if plain or own_life:
            if browser_session is True:
                return None, own_life
            if type(max_age) is int and max_age > 0:
                return min(max_age, self.policy.longest_ms), own_life
        return options.max_age_ms, own_life

    @property
    def has_own_life(self) -> bool:
        """Whether the application set the session's lifetime, in this request or an earlier one; the presets do not note it."""
        return self.lifetime()[1]

    @property
    def max_age(self) -> float | Literal["session"]:
        """``life_ms`` as applications know it."""
        life_ms = self.life_ms
        return "session" if life_ms is None else life_ms / 1000

    @property
    def created_ms(self) -> int | None:
        """When the session began; ``None`` where that is kept neither here nor by the system that wrote it."""
        loaded = self.loaded
        if self.options.absolute_ms is None:
            return loaded.created if loaded is not None and type(loaded.created) is int else None
        if self._created_ms is None:
            begun = None if loaded is None else rules.birth(expire=loaded.expire, max_age=loaded.max_age, created=loaded.created)
            self._created_ms = self.policy.now_ms() if begun is None else begun
        return self._created_ms

    @property
    def expire_ms(self) -> int | None:
        """When the session ends, as last written; ``None``: with the browser, or not yet written."""
        loaded = self.loaded
        return loaded.expire if loaded is not None and type(loaded.expire) is int else None

    @property
    def owner(self) -> str | None:
        """The session's owner."""
        return owner_of(self.loaded.owner) if self.new_owner is None and self.loaded is not None else self.new_owner

    # Its cookie.

    @property
    def cookie(self) -> SessionCookie:
        """The session's own cookie options."""
        if self.set_cookie is None:
            self.set_cookie = SessionCookie(self.options.key, self.attributes())
        return self.set_cookie

    def usual_attributes(self) -> Attributes:
        """Return the attributes that the options give to this connection's cookies."""
        return Attributes.of(self.options, secure=self.policy.is_secure(self.scope))

    def attributes(self) -> Attributes:
        """Return the attributes as the record, or the options and an earlier response, have them."""
        if self.record_cookie is not None:
            return self.attributes_in(self.record_cookie)
        # A session that was ended is removed where it was, and what is put in its place stands there.
        return self.usual_attributes() if self.base is None else attributes_of(self.base.owner, self.usual_attributes())

    def attributes_in(self, record_cookie: RecordCookie) -> Attributes:
        """Return the attributes that a record has for its cookie."""
        if self._record_format is None:
            raise TypeError("a session in a cookie has no record")
        return self._record_format.attributes(record_cookie, self.policy.is_secure(self.scope))

    def cookie_override(self) -> Attributes | None:
        """Return the attributes that the application set, now or for an earlier response; ``None`` where it set none.

        Raises: ConfigError where those that it set do not agree.
        """
        override = None if self.set_cookie is None else self.set_cookie.changed()
        if override is None and self.base is not None and isinstance(self.base.owner, dict):
            override = self.attributes()
        return override

    def owner_member(self, override: Attributes | None) -> object:
        """Return the member ``_owner`` that is written; ``override``: the attributes that the application set."""
        if override is None or self.options.dialect.accepts_any_name:
            return self.owner
        return member_of(self.owner, override, self.usual_attributes())

    @property
    def has_cookie(self) -> bool:
        """Whether the application asked for the session's own cookie options in this request."""
        return self.set_cookie is not None or self._left is not None

    def place_left(self) -> tuple[bool, Attributes] | None:
        """Return where the cookie came from, once the application has set another place for it; ``None``: it stays.

        The first is whether the new one is Secure. Raises: ConfigError, as ``cookie_override``.
        """
        # Once for a request: what an earlier commit of it has written never got out.
        if self._left is None and self.set_cookie is not None and self.existed and not self.options.dialect.accepts_any_name:
            override = self.set_cookie.changed()
            self._left = None if override is None else (override.secure, self.attributes())
        return self._left

    def is_cookie_changed(self) -> bool:
        """Return whether the cookie's attributes alone are a change of the session. Source: koa-generic-session ``hash``."""
        return self.set_cookie is not None and self.options.dialect.cookie_is_data and self.set_cookie.differs

    # Its commit.

    def reserved_key(self, session: Session, body: bytes) -> str | None:
        """Return a key of the session that the layout has for itself; ``None`` where there is none."""
        dialect = self.options.dialect
        if not dialect.accepts_any_name and b'"_' not in body:
            return None
        # A copy: a thread may write meanwhile.
        return next((key for key in dict.copy(session) if dialect.is_reserved(key)), None)

    def settle(self, written: Snapshot | None, reason: Reason, fingerprint: str | None = None) -> None:
        """Note what was written, so that later changes are compared with it; emit the event."""
        events = self.options.events
        if events.has_listeners:
            if self.is_new and written is not None:
                events.emit("created", self.scope, key=fingerprint)
            events.emit(_EVENTS.get(reason, "saved"), self.scope, reason, fingerprint)
        self.base = self.loaded = written
        self.body = EMPTY if written is None else written.body
        self.mark = self.life = self.new_owner = self._created_ms = None
        self.ends = False
        self.is_new = self.is_new and written is None
        self.committed = True
