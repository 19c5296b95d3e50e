"""The engine that SQLAlchemyStore talks through: the one it was given, or one for each event loop that it opens itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from sqlalchemy import URL, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..errors import ConfigError

_RECYCLE_S: Final = 1800
"""When a connection is replaced, in seconds: servers and firewalls end what is idle for long."""

_GRACE_S: Final = 1.0
"""How long a connection may go on being made for which nobody waits any more, in seconds."""

_closing: Final[set[asyncio.Future[None]]] = set()

_DEADLOCK: Final = 1213
"""The number that MySQL gives to a deadlock."""

_STATES: Final = ("40001", "40P01")
"""What SQL and PostgreSQL call a write that has to be made again: serialization failure and deadlock."""


class Given:
    """An engine of somebody else's, who disposes of it himself."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Shares pool and dialect with the engine.
        self._engine = engine.execution_options()
        # What SQLAlchemy logs, and puts into an exception, would have keys and sessions in it.
        self._engine.sync_engine.hide_parameters = True
        self.dialect: Dialect = engine.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for one statement, which is committed. MySQL takes two round trips more for that, others one."""
        # Not by AUTOCOMMIT: to set it and to set it back takes MySQL five, and who is cancelled meanwhile loses the connection.
        async with _taken(self._engine) as connection, connection.begin():
            yield connection

    async def aclose(self) -> None:
        """Dispose of nothing."""


class Opened:
    """An engine for each running event loop, made when it is first asked for: connections belong to the loop they began on."""

    def __init__(self, url: str | URL) -> None:
        self._url = url
        self._engines: dict[asyncio.AbstractEventLoop, AsyncEngine] = {}
        try:
            self.dialect: Dialect = self._open().dialect
        except (ArgumentError, InvalidRequestError, NoSuchModuleError):
            # SQLAlchemy's own message may have the password in it.
            cure = "give one with an async driver, such as mysql+asyncmy://user:password@host/database"
            raise ConfigError("engine", "its URL cannot be used", cure) from None

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Give a connection for one statement, which the server commits itself."""
        return _taken(self._get())

    async def aclose(self) -> None:
        """Dispose of the running loop's engine; the next call makes another."""
        engine = self._engines.pop(asyncio.get_running_loop(), None)
        if engine is not None:
            await engine.dispose()

    def _get(self) -> AsyncEngine:
        loop = asyncio.get_running_loop()
        engine = self._engines.get(loop)
        if engine is None:
            self._engines = {loop: engine for loop, engine in self._engines.items() if not loop.is_closed()}
            engine = self._engines[loop] = self._open()
        return engine

    def _open(self) -> AsyncEngine:
        return create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            # One round trip a call: there is nothing to roll back.
            skip_autocommit_rollback=True,
            pool_reset_on_return=None,
            pool_recycle=_RECYCLE_S,
            hide_parameters=True,
        )


@asynccontextmanager
async def _taken(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Take a connection out of the pool, and give it back.

    SQLAlchemy leaves one that is half made to the garbage collector where whoever waits for it is cancelled: so it is made on.
    """
    taking = asyncio.create_task(engine.connect().start())
    try:
        connection = await asyncio.shield(taking)
    except asyncio.CancelledError:
        taking.get_loop().call_later(_GRACE_S, taking.cancel)
        taking.add_done_callback(_give_back)
        raise
    async with AsyncExitStack() as stack:
        stack.push_async_exit(connection)
        yield connection


def _give_back(taking: asyncio.Task[AsyncConnection]) -> None:
    if not taking.cancelled() and taking.exception() is None:
        closing = asyncio.ensure_future(taking.result().close())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)


def opened(engine: AsyncEngine | URL | str) -> Given | Opened:
    """Take what a store was given.

    Raises: ConfigError where it is none of those.
    """
    if isinstance(engine, AsyncEngine):
        return Given(engine)
    if isinstance(engine, str | URL):
        return Opened(engine)
    problem = f"it cannot be a {type(engine).__module__}.{type(engine).__qualname__}"
    raise ConfigError("engine", problem, "give what create_async_engine makes, or a URL")


def collided(error: DBAPIError) -> bool:
    """Tell whether the server gave up a statement in favour of another one, and nothing speaks against a second try."""
    state = getattr(error.orig, "sqlstate", None)
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return state in _STATES or code == _DEADLOCK
