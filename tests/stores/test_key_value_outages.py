"""What a client is told when the server behind a store of py-key-value-aio fails: the table of ``test_outages.py``, in short."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from key_value.aio.stores.redis import RedisStore
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gingersnap.stores import KeyValueStore
from tests.asgi import Sessions
from tests.server_side.test_send_wrapper import is_503, lifespan
from tests.stores.proxy import Mode, Proxy
from tests.stores.test_outages import PATIENCE_S, warm_up

# Names bear the ids of requirements as they are written.

pytestmark = pytest.mark.filterwarnings("ignore:A configured store is unstable")

CAUSES = {"refuse": "could not load a session: ConnectionError", "hang": "could not load a session: TimeoutError"}
each_fault = pytest.mark.parametrize("fault", CAUSES)


@pytest.fixture(scope="module")
def proxy(valkey: Any) -> Iterator[Proxy]:
    """Give a way to Valkey that can fail."""
    with Proxy(("127.0.0.1", valkey.port)) as proxy:
        yield proxy


@asynccontextmanager
async def visited(proxy: Proxy, fault: Mode) -> AsyncIterator[tuple[Sessions, Sessions]]:
    """Give one client twice, whose session holds ``n``: once to meet a failure, once with patience."""
    # Its client does not try again by itself, so that what is refused is told at once and not by the time being up.
    once = Redis(port=proxy.port, decode_responses=True, retry=Retry(NoBackoff(), 0))
    async with once, RedisStore(client=once) as backend:
        store = KeyValueStore(backend, collection="outages")
        well = Sessions(store=store, store_timeout=PATIENCE_S, store_breaker=False)
        await warm_up(well)
        ill = Sessions(store=store, store_timeout=0.3 if fault == "hang" else PATIENCE_S, store_breaker=False)
        ill.browser.jar = well.browser.jar
        try:
            yield ill, well
        finally:
            proxy.mode = "pass"


def failing(proxy: Proxy, mode: Mode, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a handler whose session is there, but whose marks meet a failure."""

    def then(session: Any) -> None:
        assert session["n"] == 1
        proxy.mode = mode
        handler(session)

    return then


@each_fault
async def test_O01_a_failed_load_is_a_503_for_whoever_touches_the_session(
    proxy: Proxy, fault: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    async with visited(proxy, fault) as (ill, well):
        jar = dict(ill.jar)
        proxy.mode = fault
        assert is_503(await ill.do(lambda s: s.get("n")))
        assert CAUSES[fault] in caplog.text
        assert is_503(await ill.do(lambda s: s.logout()))
        response = await ill.do(repr)
        assert (response.status, response.headers) == (200, [])
        proxy.mode = "pass"
        assert (await well.data(), well.jar) == ({"n": 1}, jar)


ENDS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "save": (lambda s: s.update(n=2), {"n": 2}),
    "login": (lambda s: s.login("ada"), {"n": 1}),
    "logout": (lambda s: s.logout(), {}),
}
"""What is asked for, and what the session holds once it has been done."""


@each_fault
@pytest.mark.parametrize("call", ENDS)
async def test_O01_O03_a_failed_write_is_reported_and_can_be_repeated(proxy: Proxy, call: str, fault: Mode) -> None:
    handler, left = ENDS[call]
    async with visited(proxy, fault) as (ill, well):
        jar = dict(ill.jar)
        assert is_503(await ill.do(failing(proxy, fault, handler)))
        assert ill.jar == jar
        proxy.mode = "pass"
        assert await well.data() == {"n": 1}
        assert (await well.do(handler)).status == 200
        assert await well.data() == left
        assert (well.jar == jar) == (call == "save")
        well.jar.update(jar)
        assert await well.data() == (left if call == "save" else {})


@each_fault
async def test_O01_a_failed_first_save_is_a_503_without_a_cookie(proxy: Proxy, fault: Mode) -> None:
    async with visited(proxy, fault) as (ill, well):
        ill.jar.clear()

        def begin(session: Any) -> None:
            proxy.mode = fault
            session["n"] = 2

        assert is_503(await ill.do(begin))
        assert ill.jar == {}
        proxy.mode = "pass"
        assert (await well.do(lambda s: s.update(n=3))).status == 200
        assert await well.data() == {"n": 3}


@each_fault
async def test_O01_a_failed_touch_leaves_the_response_as_it_is(proxy: Proxy, fault: Mode) -> None:
    async with visited(proxy, fault) as (ill, well):
        response = await ill.do(failing(proxy, fault, lambda s: s.touch()))
        assert (response.status, response.cookies) == (200, [])
        proxy.mode = "pass"
        assert await well.data() == {"n": 1}


async def test_O01_a_server_that_is_away_at_start_up_is_a_warning(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    async with visited(proxy, "refuse") as (ill, well):
        proxy.mode = "refuse"
        sent = await lifespan(ill.browser.app)
        assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert "KeyValueStore (RedisStore) is not ready: ConnectionError" in caplog.text
        proxy.mode = "pass"
        assert await well.data() == {"n": 1}
