"""What a client is told when the store's server fails, or the way to it: the table of outages on real servers, row by row.

The rows that need no server, as what a framework or an option makes of the failure, are in ``tests/test_exchange.py``.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gingersnap import SessionUnavailable
from gingersnap.records import circuit_breaker as breaker
from gingersnap.stores import PostgresStore, RedisStore, SQLAlchemyStore, SQLiteStore
from tests.asgi import Browser, Response, Sessions
from tests.server_side.test_send_wrapper import is_503, lifespan
from tests.stores.proxy import Mode, Proxy
from tests.stores.servers import postgres as postgres_server
from tests.stores.servers import valkey as valkey_server
from tests.stores.test_guarantees import Site, play

# Names bear the ids of requirements as they are written.

FAULTS: tuple[Mode, ...] = ("refuse", "reset", "hang", "slow", "half", "drop")
UNSEEN: tuple[Mode, ...] = ("slow", "half", "drop")
"""Those whose requests the server carries out, though nobody is told."""
PATIENCE_S = 30
"""Time enough for a server that is well, on a machine that is busy."""


@dataclass(frozen=True)
class Place:
    """A server behind a proxy that can fail."""

    name: str
    proxy: Proxy
    make: Callable[[], Any]
    """Makes a store."""
    records: Callable[[], int]
    """Counts the records, past the proxy."""


def place_of(name: str, server: Any, proxy: Proxy) -> Place:
    """Give a place of that name, whose server is behind that proxy."""
    here = f"127.0.0.1:{proxy.port}"
    match name:
        case "valkey" | "valkey-once":
            # As a URL opens it, the driver itself sends a command again whose reply was lost.
            options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0)} if name == "valkey-once" else {}
            prefix = f"outages-{name}:"
            return Place(
                name,
                proxy,
                lambda: RedisStore.from_url(f"redis://{here}", prefix=prefix, **options),
                lambda: sum(b":owner:" not in key for key in server.ask("KEYS", f"{prefix}*")),
            )
        case "postgres":
            address = server.create_database()
            through = f"postgresql://postgres@{here}/{address.rpartition('/')[2]}"
            count = "SELECT count(*) FROM gingersnap_session"
            return Place(name, proxy, lambda: PostgresStore.from_url(through), lambda: int(server.run(count, address)))
        case "mariadb":
            address = server.create_database()
            through = f"mysql+asyncmy://test@{here}/{address.rpartition('/')[2]}"
            count = "SELECT count(*) FROM gingersnap_session"
            return Place(name, proxy, lambda: SQLAlchemyStore(through), lambda: int(server.run(count, address)))
    raise AssertionError(name)


SERVERS = ["valkey", "postgres", "mariadb"]


@pytest.fixture(scope="module", params=SERVERS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give each kind of server in turn."""
    server = request.getfixturevalue(request.param.partition("-")[0])
    with Proxy(("127.0.0.1", server.port), delay=2) as proxy:
        yield place_of(request.param, server, proxy)


@asynccontextmanager
async def visited(place: Place, **options: Any) -> AsyncIterator[tuple[Sessions, Sessions]]:
    """Give one client twice, over the same connections, whose session holds ``n``: once to meet a failure, once with patience."""
    async with aclosing(place.make()) as store:
        well = Sessions(store=store, store_timeout=PATIENCE_S, store_breaker=False)
        await warm_up(well)
        ill = Sessions(store=store, **{"store_timeout": 0.3, "store_breaker": False, **options})
        ill.browser.jar = well.browser.jar
        try:
            yield ill, well
        finally:
            place.proxy.mode = "pass"


async def warm_up(client: Sessions) -> None:
    """Have each call made once, so that statements are prepared and scripts known, and begin a session."""
    for handler in (lambda s: s.update(n=0), lambda s: s.update(n=1), lambda s: s.login("ada"), lambda s: s.logout()):
        assert (await client.do(handler)).status == 200
    await client.do(lambda s: s.update(n=1))


def failing(place: Place, mode: Mode, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a handler whose session is there, but whose marks meet a failure."""

    def then(session: Any) -> None:
        assert session.get("n", 1) == 1
        place.proxy.mode = mode
        handler(session)

    return then


each_fault = pytest.mark.parametrize("fault", FAULTS)
also_once = pytest.mark.parametrize("place", [*SERVERS, "valkey-once"], indirect=True)
"""Also where the driver leaves it to the middleware to try again."""


@each_fault
async def test_O01_a_failed_load_is_a_503_for_whoever_touches_the_session(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        jar, records = dict(ill.jar), place.records()
        place.proxy.mode = fault
        assert is_503(await ill.do(lambda s: s.get("n")))
        assert is_503(await ill.do(lambda s: s.logout()))
        response = await ill.do(repr)
        assert (response.status, response.headers) == (200, [])
        place.proxy.mode = "pass"
        assert await well.data() == {"n": 1}
        assert (well.jar, place.records()) == (jar, records)


@each_fault
async def test_O01_a_failed_save_is_a_503_without_a_cookie(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        jar = dict(ill.jar)
        assert is_503(await ill.do(failing(place, fault, lambda s: s.update(n=2))))
        place.proxy.mode = "pass"
        assert (await well.data())["n"] in ((1, 2) if fault in UNSEEN else (1,))
        assert (await well.do(lambda s: s.update(n=3))).status == 200
        assert (await well.data(), well.jar) == ({"n": 3}, jar)


@each_fault
async def test_O01_a_failed_first_save_is_a_503_without_a_cookie(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        ill.jar.clear()
        records = place.records()
        assert is_503(await ill.do(failing(place, fault, lambda s: s.update(n=2))))
        assert ill.jar == {}
        place.proxy.mode = "pass"
        assert (await well.do(lambda s: s.update(n=3))).status == 200
        assert await well.data() == {"n": 3}
        # What was made and nobody was told of ends by itself: its id is lost.
        assert place.records() - records in ((1, 2) if fault in UNSEEN else (1,))


@each_fault
async def test_O03_a_failed_logout_is_reported_and_can_be_repeated(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        jar, records = dict(ill.jar), place.records()
        assert is_503(await ill.do(failing(place, fault, lambda s: s.logout())))
        assert ill.jar == jar
        place.proxy.mode = "pass"
        if fault not in UNSEEN:
            assert await well.data() == {"n": 1}
        assert (await well.do(lambda s: s.logout())).status == 200
        assert (well.jar, place.records()) == ({}, records - 1)
        well.jar.update(jar)
        assert await well.data() == {}


@each_fault
async def test_O03_a_failed_login_is_reported_and_can_be_repeated(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        jar = dict(ill.jar)
        assert is_503(await ill.do(failing(place, fault, lambda s: s.login("ada"))))
        assert ill.jar == jar
        place.proxy.mode = "pass"
        seen: list[Any] = []
        await well.do(lambda s: seen.append((s.owner, dict(s))))
        # Nobody is anybody by an id that was there before the login.
        assert seen[0] in ([(None, {"n": 1}), (None, {})] if fault in UNSEEN else [(None, {"n": 1})])
        assert (await well.do(lambda s: s.login("ada"))).status == 200
        await well.do(lambda s: seen.append((s.owner, dict(s))))
        assert seen[1] == ("ada", seen[0][1])
        assert well.jar != jar
        well.jar.update(jar)
        assert await well.data() == {}


WRITES: dict[str, tuple[Callable[[Any], Any], dict[str, Any], int]] = {
    "create": (lambda s: s.update(n=2), {"n": 2}, 1),
    "replace": (lambda s: s.update(n=2), {"n": 2}, 0),
    "move": (lambda s: s.login("ada"), {"n": 1}, 0),
    "destroy": (lambda s: s.logout(), {}, -1),
}
"""What is asked for, what the session holds then, and how many records there are more."""


@also_once
@pytest.mark.parametrize("fault", ["drop", "half", "reset"])
@pytest.mark.parametrize("call", WRITES)
async def test_O01_a_write_that_broke_down_once_is_made_once(place: Place, call: str, fault: Mode) -> None:
    handler, left, more = WRITES[call]
    heard: list[str] = []
    listeners = dict.fromkeys(("gone", "conflict", "missed"), lambda event: heard.append(event.name))
    async with visited(place, store_timeout=PATIENCE_S, listeners=listeners) as (ill, well):
        old = dict(ill.jar)
        if call == "create":
            ill.jar.clear()
        records = place.records()

        def meet(session: Any) -> None:
            assert session.get("n") == (None if call == "create" else 1)
            place.proxy.next(fault)
            handler(session)

        assert (await ill.do(meet)).status == 200
        assert (await well.data(), place.records() - records, heard) == (left, more, [])
        well.jar.update(old)
        assert await well.data() == ({"n": 1} if call == "create" else {"n": 2} if call == "replace" else {})


@each_fault
async def test_O01_a_failed_touch_leaves_the_response_as_it_is(place: Place, fault: Mode) -> None:
    async with visited(place) as (ill, well):
        response = await ill.do(failing(place, fault, lambda s: s.touch()))
        assert (response.status, response.cookies) == (200, [])
        place.proxy.mode = "pass"
        assert await well.data() == {"n": 1}


@also_once
@pytest.mark.parametrize("mode", ["reset", "refuse"])
async def test_O01_connections_that_died_unnoticed_cost_no_request(place: Place, mode: Mode) -> None:
    """As after a restart of the server, or of a firewall, while nobody came."""
    async with visited(place) as (_, well):
        await asyncio.gather(*(well.browser.get() for _ in range(8)))
        place.proxy.mode = mode
        place.proxy.mode = "pass"
        await asyncio.sleep(0.05)
        assert await well.data() == {"n": 1}
        place.proxy.mode = mode
        place.proxy.mode = "pass"
        await asyncio.sleep(0.05)
        assert (await well.do(lambda s: s.update(n=2))).status == 200


@each_fault
async def test_O02_two_hundred_failures_set_and_clear_no_cookie(place: Place, fault: Mode) -> None:
    def catch(session: Any) -> None:
        with pytest.raises(SessionUnavailable):
            session["n"] = 2

    handlers = [lambda s: s.get("n"), lambda s: s.logout(), lambda s: s.clear(), lambda s: s.touch(), catch, repr]
    async with visited(place, store_timeout=0.1, rolling=True, renew=True) as (ill, well):
        jar = dict(ill.jar)
        place.proxy.mode = fault
        ill.handler = lambda scope: scope["handler"](scope["session"])
        for _ in range(20):
            answers = await asyncio.gather(*(ill.browser.get(handler=handlers[n % len(handlers)]) for n in range(10)))
            assert [is_503(answer) for answer in answers] == [True, True, True, True, False, False, True, True, True, True]
            assert [answer.cookies for answer in answers] == [[]] * 10
        place.proxy.mode = "pass"
        assert (await well.data(), well.jar) == ({"n": 1}, jar)


@pytest.mark.parametrize("fault", ["reset", "hang", "drop"])
async def test_O04_an_open_breaker_lets_nothing_through_and_one_probe_closes_it(place: Place, fault: Mode) -> None:
    async with visited(place, store_breaker=True) as (ill, _):
        opened = ill.browser.app._sessions.repository.guard._breaker  # type: ignore[attr-defined]

        def came() -> tuple[int, int]:
            return place.proxy.connections, place.proxy.requests

        async def crowd() -> list[Response]:
            return await asyncio.gather(*(ill.do(lambda s: s.get("n")) for _ in range(20)))

        place.proxy.mode = fault
        while not opened.wait_s(0):
            assert is_503(await ill.do(lambda s: s.get("n")))
        opened._until += 60
        before = came()
        waits = [(response.status, int(response.get("retry-after") or 0) > 50, response.cookies) for response in await crowd()]
        assert waits == [(503, True, [])] * 20
        assert (await ill.do(lambda s: None)).status == 200
        assert came() == before
        opened._until = 0
        assert {response.status for response in await crowd()} == {503}
        # Of twenty that came when it was time, one has asked: once, or twice where its driver tries again.
        assert 0 < came()[0] - before[0] <= 2
        place.proxy.mode = "pass"
        assert (await ill.do(lambda s: s.get("n"))).status == 503
        # From here on an answer may take as long as it needs: twenty connections at once do.
        ill.browser.app._sessions.repository.load_s = PATIENCE_S  # type: ignore[attr-defined]
        opened._until = 0
        assert await ill.data() == {"n": 1}
        assert {response.status for response in await crowd()} == {200}


async def test_O01_a_server_that_is_away_at_start_up_is_a_warning(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with visited(place) as (ill, well):
        place.proxy.mode = "refuse"
        sent = await lifespan(ill.browser.app)
        assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert " is not ready: " in caplog.text
        place.proxy.mode = "pass"
        assert await well.data() == {"n": 1}


@contextmanager
def lasting(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Any, Callable[[], Any], Callable[[], Any]]]:
    """Give a store whose server keeps what it has answered, what kills that, and what starts it again."""
    with ExitStack() as stack:
        if name == "valkey":
            durable = (*valkey_server.IN_MEMORY, "--appendonly", "yes", "--appendfsync", "always")
            server: Any = stack.enter_context(valkey_server.running(valkey_server.valkey_binary(), folder, *durable))
            yield RedisStore.from_url(server.url), server.kill, server.start
        elif name == "postgres":
            server = stack.enter_context(postgres_server.running())
            yield PostgresStore.from_url(server.dsn), lambda: server.stop(signal.SIGQUIT), server.start
        else:
            server = request.getfixturevalue(name)
            server.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
            yield SQLAlchemyStore(server.create_database()), lambda: server.stop(signal.SIGKILL), server.start


class Visitor:
    """A client that counts in its session, without a pause."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.acknowledged = 0
        self.seen = {200: 0, 503: 0}

    async def visit(self) -> None:
        """Make one request."""
        acknowledged, jar = self.acknowledged, dict(self._browser.jar)

        def count(session: Any) -> None:
            # A reply that was lost may have been to a write that was carried out.
            assert session["n"] >= acknowledged
            session["n"] = self.acknowledged = acknowledged + 1

        response = await play(self._browser, count)
        self.seen[response.status] += 1
        if response.status == 503:
            assert is_503(response)
            self.acknowledged = acknowledged
        assert self._browser.jar == jar

    async def until(self, status: int, times: int) -> None:
        """Go on until so many more answers of that status have come."""
        until = self.seen[status] + times
        while self.seen[status] < until:
            await self.visit()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("name", SERVERS)
async def test_O01_a_server_that_is_killed_under_load_loses_nothing_that_was_answered(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "OPEN_S", 0.2)
    with lasting(name, request, tmp_path / "lasting") as (store, kill, start):
        async with aclosing(store):
            site = Site(store)
            visitors = []
            for _ in range(20):
                browser = site.browser()
                assert (await play(browser, lambda s: s.update(n=0))).status == 200
                visitors.append(Visitor(browser))
            killing = asyncio.create_task(asyncio.to_thread(kill))
            await asyncio.gather(*(visitor.until(503, 2) for visitor in visitors), killing)
            starting = asyncio.create_task(asyncio.to_thread(start))
            await asyncio.gather(*(visitor.until(200, 5) for visitor in visitors), starting)
            assert site.events == []


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA locking_mode=" + sys.argv[2])
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, mode: str) -> Iterator[None]:
    """Have another process hold the file: NORMAL, against those who write; EXCLUSIVE, against everybody."""
    command = [sys.executable, "-c", HOLD, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


@pytest.mark.parametrize("timeouts", [{"busy_timeout": 0.1}, {}], ids=["refused", "hangs"])
async def test_O01_a_sqlite_file_that_another_process_writes_for_too_long_can_be_read(tmp_path: Path, timeouts: Any) -> None:
    path = tmp_path / "sessions.sqlite3"
    async with aclosing(SQLiteStore(path, **timeouts)) as store:
        well = Sessions(store=store, store_breaker=False, store_timeout=PATIENCE_S)
        ill = Sessions(store=store, store_breaker=False, store_timeout=PATIENCE_S if timeouts else 0.3)
        await well.do(lambda s: s.update(n=1))
        ill.browser.jar = well.browser.jar
        jar = dict(well.jar)
        with held(path, "NORMAL"):
            for handler in (lambda s: s.update(n=2), lambda s: s.login("ada"), lambda s: s.logout()):
                assert is_503(await ill.do(handler))
            response = await ill.do(lambda s: s.touch())
            assert (response.status, response.cookies) == (200, [])
            assert await ill.data() == {"n": 1}
            ill.jar.clear()
            assert is_503(await ill.do(lambda s: s.update(n=2)))
        well.jar.update(jar)
        assert await well.data() == {"n": 1}
        assert (await well.do(lambda s: s.logout())).status == 200
        well.jar.update(jar)
        assert await well.data() == {}


@contextmanager
def replaced(path: Path, what: str) -> Iterator[None]:
    """Have something else where the file was."""
    aside = path.rename(path.with_name("aside"))
    if what == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"no database of anybody's" * 1000)
    yield
    if what == "folder":
        path.rmdir()
    aside.replace(path)


@pytest.mark.parametrize("what", ["held", "folder", "garbage"])
async def test_O01_a_sqlite_file_that_cannot_be_read_is_a_503(tmp_path: Path, what: str) -> None:
    path = tmp_path / "sessions.sqlite3"
    async with aclosing(SQLiteStore(path, busy_timeout=0.1)) as store:
        client = Sessions(store=store, store_breaker=False, store_timeout=PATIENCE_S)
        await client.do(lambda s: s.update(n=1))
        jar = dict(client.jar)
        await store.aclose()
        with held(path, "EXCLUSIVE") if what == "held" else replaced(path, what):
            for handler in (lambda s: s.get("n"), lambda s: s.update(n=2), lambda s: s.logout()):
                assert is_503(await client.do(handler))
            assert (await client.do(lambda s: None)).status == 200
        assert (await client.data(), client.jar) == ({"n": 1}, jar)
