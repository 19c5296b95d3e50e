"""The engine that SQLAlchemyStore talks through: the one it was given, or one for each event loop that it opens itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy import URL, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ...errors import ConfigError
from ...loop_tasks import LoopTasks
from ..cures import UNSET

T = TypeVar("T")

_RECYCLE_S: Final = 1800
"""When a connection is replaced, in seconds: servers and firewalls end what is idle for long."""

_GRACE_S: Final = 1.0
"""How long a call may go on after its request was cancelled, in seconds."""

_DEADLOCK: Final = 1213
"""The number that MySQL gives to a deadlock."""

_STATES: Final = ("40001", "40P01")
"""What SQL and PostgreSQL call a write that has to be made again: serialization failure and deadlock."""


class Calls:
    """The calls that are under way, each a task of its own: who makes one may be cancelled, and it still gives its connection back.

    A driver and SQLAlchemy that are cut short lose connections: those half made, those at the end of a transaction, those on their
    way back to the pool.
    """

    def __init__(self) -> None:
        self._tasks = LoopTasks()

    async def make(self, engine: AsyncEngine, use: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Await ``use`` of a connection; it may outlive a caller that is cancelled, by a second, but not begin after that."""
        gone = asyncio.Event()
        task = self._tasks.begin(_made(engine, use, gone))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            gone.set()
            # A server that hangs must not keep the connection for ever.
            task.get_loop().call_later(_GRACE_S, task.cancel)
            raise

    async def ended(self) -> None:
        """Wait for the running loop's calls, those of a server that hangs excepted."""
        if tasks := self._tasks.here():
            await asyncio.wait(tasks, timeout=2 * _GRACE_S)


async def _made(engine: AsyncEngine, use: Callable[[AsyncConnection], Awaitable[T]], gone: asyncio.Event) -> T:
    connection = await engine.connect()
    try:
        if gone.is_set():
            raise asyncio.CancelledError
        return await use(connection)
    finally:
        # Not by ``async with``: SQLAlchemy then closes it in a task that our cancelling, of one that hangs, does not reach.
        await connection.close()


class Given:
    """An engine of somebody else's, who disposes of it himself."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Shares pool and dialect with the engine.
        self._engine = engine.execution_options()
        # What SQLAlchemy logs, and puts into an exception, would have keys and sessions in it.
        self._engine.sync_engine.hide_parameters = True
        self.dialect: Dialect = engine.dialect
        self.url = engine.url
        self._calls = Calls()

    async def make(self, use: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Make a call of one statement, which is committed. MySQL takes two round trips more for that, others one."""

        # Not by AUTOCOMMIT: to set it and to set it back takes MySQL five.
        async def committed(connection: AsyncConnection) -> T:
            async with connection.begin():
                return await use(connection)

        return await self._calls.make(self._engine, committed)

    async def aclose(self) -> None:
        """Dispose of nothing; but all connections are back in the pool."""
        await self._calls.ended()


class Opened:
    """An engine for each running event loop, made when it is first asked for: connections belong to the loop they began on."""

    def __init__(self, url: str | URL) -> None:
        self._url = url
        self._engines: dict[asyncio.AbstractEventLoop, AsyncEngine] = {}
        self._calls = Calls()
        try:
            engine = self._open()
        except (ArgumentError, InvalidRequestError, NoSuchModuleError, ValueError):
            # SQLAlchemy's own message may have the password in it.
            cure = "give one with an async driver, such as mysql+asyncmy://user:password@host/database"
            raise ConfigError("engine", "its URL cannot be used", cure) from None
        self.dialect: Dialect = engine.dialect
        self.url = engine.url

    async def make(self, use: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Make a call of one statement, which the server commits itself."""
        return await self._calls.make(self._get(), use)

    async def aclose(self) -> None:
        """Dispose of the running loop's engine; the next call makes another."""
        await self._calls.ended()
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


def opened(engine: AsyncEngine | URL | str) -> Given | Opened:
    """Check what a store was given.

    Raises: ConfigError where it is none of those.
    """
    if isinstance(engine, AsyncEngine):
        return Given(engine)
    if isinstance(engine, str | URL):
        return Opened(engine)
    problem = f"it cannot be a {type(engine).__module__}.{type(engine).__qualname__}"
    cure = "give what create_async_engine makes, or a URL" + (f": {UNSET}" if engine is None else "")
    raise ConfigError("engine", problem, cure)


def collided(error: DBAPIError) -> bool:
    """Return whether the server gave up a statement in favour of another one, and nothing speaks against a second try."""
    state = getattr(error.orig, "sqlstate", None)
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return state in _STATES or code == _DEADLOCK
