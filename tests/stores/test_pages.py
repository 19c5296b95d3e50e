"""What the pages in docs/ show is run."""

import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Session, SessionMiddleware, SessionOptions
from gingersnap.stores import MemoryStore, SQLiteStore
from tests.asgi import KEY, Browser, Clock, Sessions, app_of
from tests.doubles import FailingStore, failing

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str, start: str) -> dict[str, Any]:
    """Run the example of a page that has this text, and give its names."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    [block] = [block for block in blocks if start in block]
    names: dict[str, Any] = {}
    exec(compile(block, page, "exec"), names)
    return names


async def counts(app: Any) -> list[int]:
    """Count two visits at an application that the middleware of an example wraps."""
    seen: list[int] = []

    def count(scope: Any) -> None:
        scope["session"]["n"] = scope["session"].get("n", 0) + 1
        seen.append(scope["session"]["n"])

    browser = Browser(app(app_of(count)))
    for _ in range(2):
        await browser.get()
    await browser.app._sessions.repository._store.aclose()  # type: ignore[attr-defined]
    return seen


async def test_choosing_sqlite(tmp_path: Path) -> None:
    make = example("stores.md", "def with_sqlite")["with_sqlite"]
    assert await counts(lambda app: make(app, [KEY], tmp_path / "sessions.sqlite3")) == [1, 2]


def test_choosing_redis(valkey: Any) -> None:
    import asyncio

    make = example("stores.md", "def with_redis")["with_redis"]
    assert asyncio.run(counts(lambda app: make(app, [KEY], valkey.url))) == [1, 2]


def test_choosing_redis_beside_express(valkey: Any) -> None:
    import asyncio

    make = example("stores.md", "def beside_express")["beside_express"]
    assert asyncio.run(counts(lambda app: make(app, [KEY], f"{valkey.url}/7"))) == [1, 2]


def test_choosing_postgres(postgres: Any) -> None:
    import asyncio

    make, dsn = example("stores.md", "def with_postgres")["with_postgres"], postgres.create_database()
    assert asyncio.run(counts(lambda app: make(app, [KEY], dsn))) == [1, 2]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_your_devices(kind: str, tmp_path: Path) -> None:
    store: Any = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "sessions.sqlite3")
    names = example("stores.md", "async def devices")
    clients = [Sessions(store=store) for _ in range(4)]
    for number, client in enumerate(clients):
        await client.do(lambda s, number=number: (s.update(device=number), s.login("ada")))
    stranger = Sessions(store=store)
    await stranger.do(lambda s: (s.update(device=9), s.login("eve")))

    async def manage(session: Session) -> None:
        listed = {data["device"]: (key, left) for key, data, left in await names["devices"](store, session)}
        assert sorted(listed) == [0, 1, 2, 3]
        assert all(0 < left <= 86_410 for _, left in listed.values())
        await names["log_out_one"](store, session, listed[3][0])
        [eves] = await store.sessions_of("eve")
        await names["log_out_one"](store, session, eves.key)
        assert await names["log_out_everywhere_else"](store, session) == 2

    await clients[1].do(manage)
    assert [await client.data() for client in [*clients, stranger]] == [{}, {"device": 1}, {}, {}, {"device": 9}]
    await store.aclose()


async def test_logging_out_everywhere() -> None:
    log_out = example("stores.md", "async def log_out_everywhere(")["log_out_everywhere"]
    store = MemoryStore()
    clients = [Sessions(store=store) for _ in range(2)]
    for client in clients:
        await client.do(lambda s: s.login("ada"))
    response = await clients[0].do(lambda s: log_out(store, s))
    assert (response.status, clients[0].jar, len(store)) == (200, {}, 0)
    assert await clients[1].data() == {}


async def test_an_event_s_key_is_the_record_s_without_its_tag_and_a_lifetime_has_ten_seconds_of_grace() -> None:
    events: list[Any] = []
    clock = Clock()
    store = MemoryStore(clock=clock)
    client = Sessions(store=store, clock=clock, max_age=60, listeners={"saved": events.append})
    await client.do(lambda s: s.login("ada"))
    await client.do(lambda s: s.update(n=1))
    keys: list[Any] = []
    await client.do(lambda s: keys.append(s.store_key))
    [key], event = keys, events[-1]
    assert re.fullmatch(r"\{[\w-]{4}\}" + event.key, key)
    assert [owned.ttl_ms for owned in await store.sessions_of("ada")] == [70_000]


async def test_degraded_may_be_asked_under_unavailable_too() -> None:
    client, seen = Sessions(store=failing(["load"])), []
    await client.do(lambda s: s.update(n=1))
    response = await client.do(lambda s: seen.append(s.degraded))
    assert (response.status, seen) == (200, [True])


async def test_an_object_of_koa_s_methods() -> None:
    rows = example("own-store.md", "class Rows")["Rows"]()
    client = Sessions(store=rows)
    await client.do(lambda s: s.update(n=1))
    assert (await client.data(), len(rows.rows)) == ({"n": 1}, 1)
    await client.do(lambda s: s.logout())
    assert rows.rows == {}


async def test_deciding_for_each_request() -> None:
    store = FailingStore()
    client = Browser(example("outages.md", "def decide")["application"]([KEY], store))
    assert [(await client.get("/shop")).body for _ in range(2)] == [b"welcome, 0", b"welcome, 1"]
    store.down = True
    assert (await client.get("/shop")).body == b"come back later to buy"
    assert (await client.get("/shop", method="POST")).status == 503
    store.down = False
    assert (await client.get("/shop")).body == b"welcome, 2"


async def test_watching() -> None:
    counted: Counter[tuple[str, str]] = Counter()
    watch = example("outages.md", "def watch")["watch"]
    options = watch(SessionOptions(keys=[KEY], store=MemoryStore()), lambda name, detail: counted.update([(name, detail)]))
    browser = Browser(SessionMiddleware(app_of(lambda scope: scope["handler"](scope["session"])), options))
    await browser.get(handler=lambda s: s.update(n=1))
    other = Browser(browser.app)
    other.jar.update(browser.jar)

    async def slow(session: Session) -> None:
        session["m"] = 1
        await other.get(handler=lambda s: s.update(o=1))

    await browser.get(handler=slow)
    assert counted == Counter({("session_conflicts", "changed"): 1})


async def test_moving_all_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    source, target = MemoryStore(), MemoryStore()
    await source.create("a", b"{}", 60_000)
    assert await example("migrate.md", "async def move")["move"](source, target) == {"copied": 1}
    assert capsys.readouterr().out == "copying 1\ndone 1\n"
    assert len(target) == 1


async def test_taking_over() -> None:
    store, express_store, express_keys = MemoryStore(), MemoryStore(), ["the secret that Express has signed by"]
    before = Sessions(preset="express", keys=express_keys, store=express_store)
    await before.do(lambda s: s.update(user="ada"))
    seen: list[Any] = []
    app = app_of(lambda scope: seen.append(dict(scope["session"])))
    after = Browser(example("taking-over.md", "def taking_over")["taking_over"](app, [KEY], store, express_keys, express_store))
    after.jar = before.jar
    await after.get()
    assert (seen, {*after.jar}, len(store), len(express_store)) == ([{"user": "ada"}], {"koa.sess", "koa.sess.sig"}, 1, 0)


def test_the_driver_that_is_named_for_mariadb_is_the_one_that_runs() -> None:
    pytest.importorskip("asyncmy")
    page = (DOCS / "stores.md").read_text("utf-8")
    assert re.findall(r"\nasyncmy .* in version ([0-9.]+)\.\n", page) == [version("asyncmy")]
