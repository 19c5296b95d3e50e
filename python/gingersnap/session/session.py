"""The session as an application sees it: a dict that knows whether it was touched, and carries marks to the commit."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from ..cookies.attributes import SessionCookie
from ..types import Loaded, Scope
from ..validators import check_owner
from .protocols import Context, Opener
from .scope_key import ScopeKey

UNTOUCHED, FETCHED, READ = 0, 1, 2
"""How far a ``WatchedSession`` was touched: not, handed to the application, read."""

# What JSON writes as one character, and would read back as another text.
_PARTED = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Session(dict[str, Any]):
    """A dict of JSON values, made by the middleware.

    It holds ``str``, ``int`` (up to 21 digits), ``float``, ``bool``, ``None``, ``list`` and ``dict``; tuples come back as lists.
    Every change is seen, however deep. Marks (``save``, ``touch``, ``regenerate``, ``login``, ``destroy``, ``logout``, ``replace``)
    are plain calls, carried out at the commit, which comes as the response starts.

    A session that the application asked the scope for is compared as the response starts, so that a change behind its methods is
    seen too (``dict.values(session)``, a C extension that walks it and keeps a list, as ``msgspec.convert``).
    """

    __slots__ = ("_conducted", "_key", "_loaded", "_opener", "_scope", "_started", "_touch", "_wrote")

    # What a context is made of, once anybody needs one: a request that only reads a session needs none.
    _opener: Opener
    _scope: Scope
    # Its key in the scope, which knows whether it was asked for.
    _key: str
    _loaded: Loaded | None
    _touch: int
    # Whether a scalar was put under some key since the last commit. Apart from ``_touch``: a thread that reads undoes no mark.
    _wrote: bool
    # Whether the response has, so that no cookie can go with it.
    _started: bool
    _conducted: Context | None

    @property
    def _context(self) -> Context:
        """Return the context to an application: its response varies from here on."""
        self._touch = max(self._touch, READ)
        return self._conduct()

    def _conduct(self) -> Context:
        if self._conducted is None:
            self._conducted = self._opener.conduct(self)
        return self._conducted

    @property
    def is_new(self) -> bool:
        """Whether no session came with the request, nor was one committed since. Source: koa-session ``isNew``."""
        return self._context.state.is_new

    @property
    def populated(self) -> bool:
        """Whether it holds anything. Source: koa-session ``populated``."""
        return len(self) > 0

    @property
    def changed(self) -> bool:
        """Whether it differs from what came, or from what was last committed."""
        return self._context.has_changed(self)

    @property
    def accessed(self) -> bool:
        """Whether the application asked the scope for it during this request."""
        return type(self) is Session or self._touch > UNTOUCHED or self._wrote or self._key.__class__ is not ScopeKey

    @property
    def external_key(self) -> str | None:
        """The id in the store, a secret; ``None`` before the first commit and where the session lives in its cookie.

        Source: koa-session ``externalKey``.
        """
        return self._context.id

    @property
    def store_key(self) -> str | None:
        """The key of its record in the store: what ``store.sessions_of`` calls it and ``store.destroy_all`` can keep."""
        return self._context.key

    @property
    def max_age(self) -> float | Literal["session"]:
        """How long it lives from each renewal, in seconds, or ``"session"``: until the browser closes. Setting it forces a save.

        Raises: ValueError where it is neither, not positive, or more than 400 days.
        """
        return self._context.state.max_age

    @max_age.setter
    def max_age(self, value: Any) -> None:
        self._context.set_max_age(value)
        self.save()

    @property
    def expires_at(self) -> float | None:
        """When it ends if nothing renews it, in seconds since 1970; ``None``: with the browser, or not yet written."""
        expire_ms = self._context.state.expire_ms
        return None if expire_ms is None else expire_ms / 1000

    @property
    def created_at(self) -> float | None:
        """When it began, in seconds since 1970; ``None`` unless ``absolute_age`` is set."""
        created_ms = self._context.state.created_ms
        return None if created_ms is None else created_ms / 1000

    @property
    def owner(self) -> str | None:
        """The owner, as given to ``login``; ``None`` before."""
        return self._context.state.owner

    @property
    def gone(self) -> bool:
        """Whether it was found to have ended elsewhere: what this request changed was dropped, and is from here on.

        A commit finds that, or the load, where the id was replaced by another request's ``login`` a moment ago.
        A ``login`` begins another session nevertheless. Asking never raises.
        """
        return self._conducted is not None and self._conducted.gone

    @property
    def cookie(self) -> SessionCookie:
        """This session's own cookie options, for this response. Source: koa-session ``ctx.sessionOptions``."""
        return self._context.state.cookie

    @property
    def degraded(self) -> bool:
        """Whether it stands in for one that the store could not give. Asking never raises."""
        return self._conducted is not None and self._conducted.degraded

    def mark_accessed(self) -> None:
        """Note that it was fetched, so that the response varies by cookie. Starlette's ``request.session`` calls it."""

    def increment(self, key: str, by: int | float = 1) -> int | float:
        """Add to a number and return the sum as this request knows it; a key that is not there counts from 0.

        With a store, parallel requests that increment one key all count: what is there when this one is written is added to. A
        plain assignment to the key in the same request wins over its increments.
        Raises: TypeError where the key or ``by`` is no number (a bool is none); UnserializableError where the sum is too large.
        """
        value = self._context.increment(self, key, by)
        self[key] = value
        return value

    def save(self) -> None:
        """Write it at the commit, changed or not. Source: koa-session ``save``."""
        self._context.mark("force")

    def touch(self) -> None:
        """Start its lifetime again at the commit, as ``rolling`` does for every response; an empty new one has none."""
        self._context.mark("rolling")

    def regenerate(self) -> None:
        """Move it to a new id and keep its data; the old id is dead. Source: koa-session ``regenerate``.

        A session that lives in its cookie has no id: it is written again.
        """
        self._context.mark("regenerate")

    def login(self, owner: str) -> None:
        """Bind it to a user: ``regenerate``, with a new beginning for ``absolute_age``.

        Raises: TypeError where the owner is not a non-empty ``str``; ValueError where JSON would write it as another text.
        """
        check_owner("login", owner)
        if _PARTED.search(owner):
            raise ValueError("login: owner has the halves of a surrogate pair apart; join them, or pass str(user.id)")
        self._context.login(owner)

    def destroy(self) -> None:
        """End it: its data and its cookie are removed at the commit."""
        dict.clear(self)
        self._context.destroy()

    def logout(self) -> None:
        """End it, as ``destroy``."""
        self.destroy()

    def replace(self, data: Mapping[str, Any]) -> None:
        """Put other data in place of all that it holds; what a parallel request writes meanwhile is not merged into it."""
        data = dict(data)
        self._conduct().replace()
        self.__class__ = Session
        dict.clear(self)
        dict.update(self, data)

    def clear(self) -> None:
        """Empty it, which ends it, also where the request fails later. Like ``replace``, it is not merged."""
        context = self._conduct()
        context.replace()
        context.state.cleared = True
        self.__class__ = Session
        dict.clear(self)

    async def commit(self) -> None:
        """Decide now, not as the response starts; what is written goes out with it. Source: koa-session ``manuallyCommit``.

        Raises: RuntimeError once the response has started and the cookie would have to change: the headers have gone.
        SessionUnavailable, SessionConflict where the store cannot be written; then nothing was, and it may be tried again.
        """
        await self._context.commit_now(self)

    async def load(self) -> Self:
        """Fetch it from the store where ``defer`` put that off, or where an earlier try failed; otherwise it is there already.

        Each ``load`` after one that failed asks the store again. Raises: SessionUnavailable where it does not answer.
        """
        await self._context.load(self)
        return self

    async def reload(self) -> Self:
        """Undo every change and every mark since the last commit; with a store, fetch what is there now.

        A session that was ended meanwhile is empty and ``is_new`` then. Raises: SessionUnavailable.
        """
        await self._context.reload(self)
        return self

    def __repr__(self) -> str:
        # Tracebacks and error reporters print what they meet: print dict(session) to see what it holds.
        return f"<Session: {dict.__len__(self)} keys>"

    def __reduce_ex__(self, protocol: Any) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)
