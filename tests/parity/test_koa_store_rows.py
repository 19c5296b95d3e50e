"""koa-session's rows about stores, where no live peer is needed to see them; tests/interop/test_koa_store.py shows the others."""

import re
from typing import Any

import pytest

from gingersnap import ConfigError, Event, HeaderKey, Session, SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, NOW, Browser, Clock, Response, Sessions, app_of, request

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class Rows:
    """A store of an application's own, with koa's three methods; it notes what they are given, but for the scope."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.calls: list[Any] = []

    async def get(self, key: str, max_age: Any, *, rolling: bool, scope: Any) -> Any:
        assert scope["type"] == "http"
        self.calls.append(("get", key, max_age, rolling))
        return self.rows.get(key)

    async def set(self, key: str, session: Any, max_age: Any, *, rolling: bool, changed: bool, scope: Any) -> None:
        assert scope["type"] == "http"
        self.calls.append(("set", key, session, max_age, rolling, changed))
        self.rows[key] = session

    async def destroy(self, key: str, *, scope: Any) -> None:
        assert scope["type"] == "http"
        self.calls.append(("destroy", key))
        self.rows.pop(key, None)

    def noted(self, *names: str) -> list[Any]:
        calls, self.calls = self.calls, []
        return [call for call in calls if not names or call[0] in names]


class Sync:
    """The same, sync, as some stores are."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}

    def get(self, key: str, max_age: Any, **_: Any) -> Any:
        return self.rows.get(key)

    def set(self, key: str, session: Any, max_age: Any, **_: Any) -> None:
        self.rows[key] = session

    def destroy(self, key: str, **_: Any) -> None:
        self.rows.pop(key, None)


def koa(**options: Any) -> Sessions:
    return Sessions(**{"preset": "koa", "clock": Clock(), **options})


def id_in(response: Response) -> str:
    [id] = [match[1] for line in response.cookies if (match := re.match("koa.sess=([^;]+)", line))]
    return id


# The store.


@pytest.mark.parametrize("missing", ["get", "set", "destroy"])
def test_K12_store_without_its_methods_is_refused_at_once(missing: str) -> None:
    methods = {name: lambda self: None for name in ("get", "set", "destroy") if name != missing}
    with pytest.raises(ConfigError, match="store"):
        koa(store=type("Half", (), methods)())


@pytest.mark.parametrize("rolling", [False, True])
async def test_K12_store_is_asked_as_koa_asks_it(rolling: bool) -> None:
    store = Rows()
    client = koa(store=store, rolling=rolling, max_age=60)
    id = id_in(await client.do(lambda session: session.update(n=1)))
    row = {"n": 1, "_expire": int(NOW + 60) * 1000, "_maxAge": 60_000}
    assert store.noted("set") == [("set", id, row, 70.0, rolling, True)]
    await client.do(lambda session: session.save())
    assert ("get", id, 60.0, rolling) in store.calls
    assert store.noted("set") == [("set", id, row, 70.0, rolling, False)]
    await client.do(lambda session: session.destroy())
    assert store.noted("set", "destroy") == [("destroy", id)]


async def test_K12_store_may_be_sync() -> None:
    client = koa(store=Sync())
    await client.do(lambda session: session.update(n=1))
    await client.do(lambda session: session.regenerate())
    assert await client.data() == {"n": 1}


async def test_K13_store_gets_ten_seconds_more_or_the_word_session() -> None:
    store = Rows()
    await koa(store=store, max_age=60).do(lambda session: session.update(n=1))
    await koa(store=store).do(lambda session: session.update(n=1))
    await koa(store=store, max_age="session").do(lambda session: session.update(n=1))
    assert [call[3] for call in store.noted("set")] == [70.0, 86_410.0, "session"]


async def test_K14_context_store_is_made_for_each_request_and_goes_before_the_store() -> None:
    made: list[Any] = []
    rows = Rows()

    def context_store(scope: Any) -> Rows:
        made.append(scope["path"])
        return rows

    client = koa(store=MemoryStore(), context_store=context_store)
    await client.do(lambda session: session.update(n=1), path="/a")
    assert await client.data() == {"n": 1}
    assert (made, len(rows.rows)) == (["/a", "/"], 1)


async def test_K14_context_store_that_gives_no_store_is_told_at_the_first_request() -> None:
    with pytest.raises(ConfigError, match="get, set and destroy"):
        await koa(context_store=lambda scope: object()).do(lambda session: None)


# The id.


class Query:
    """An external key in the query, as nobody should have it."""

    def get(self, scope: Any) -> Any:
        return scope["query_string"].decode() or None

    def set(self, scope: Any, headers: list[tuple[bytes, bytes]], value: str) -> None:
        headers.append((b"x-next", b"/?" + value.encode()))


async def test_K15_external_key_is_read_on_load_and_told_on_save() -> None:
    client = koa(store=Rows(), external_key=Query())
    first = await client.do(lambda session: session.update(n=1))
    id = (first.get("x-next") or "").removeprefix("/?")
    assert first.cookies == []
    seen: list[Any] = []
    second = await client.do(lambda session: seen.append(dict(session)), query_string=id.encode())
    assert (seen, second.get("x-next")) == ([{"n": 1}], None)


@pytest.mark.parametrize("key", [object(), "x-session", HeaderKey])
def test_K15_external_key_without_its_methods_is_refused_at_once(key: Any) -> None:
    if key is HeaderKey:
        with pytest.raises(ConfigError, match="header's name"):
            HeaderKey("not a token")
    else:
        with pytest.raises(ConfigError, match="external_key"):
            koa(store=Rows(), external_key=key)


@pytest.mark.parametrize("sync", [True, False])
async def test_K17_genid_gets_the_scope_and_makes_every_id(sync: bool) -> None:
    async def later(scope: Any) -> str:
        return next(ids) + scope["path"]

    ids = iter("abc")
    client = koa(store=Rows(), genid=(lambda scope: next(ids) + scope["path"]) if sync else later)
    assert id_in(await client.do(lambda session: session.update(n=1), path="/x")) == "a/x"
    assert id_in(await client.do(lambda session: session.regenerate(), path="/y")) == "b/y"


async def test_K17_prefix_goes_before_UUIDs_and_not_together_with_genid() -> None:
    id = id_in(await koa(store=Rows(), prefix="sess:").do(lambda session: session.update(n=1)))
    assert re.fullmatch("sess:" + UUID, id)
    with pytest.raises(ConfigError, match="prefix"):
        koa(store=Rows(), prefix="sess:", genid=lambda scope: "x")


@pytest.mark.parametrize("made", ["", "a b", "x" * 257, 5, None, "é"])
async def test_K17_what_cannot_be_an_id_is_the_developers_error(made: Any) -> None:
    with pytest.raises(TypeError, match="genid"):
        await koa(store=Rows(), genid=lambda scope: made).do(lambda session: session.update(n=1))


async def test_K30_id_is_known_in_a_store_alone() -> None:
    seen: list[Any] = []
    client = koa(store=Rows())
    id = id_in(await client.do(lambda session: session.update(n=1)))
    await client.do(lambda session: seen.append(session.external_key))
    await koa().do(lambda session: seen.append(session.external_key))
    assert seen == [id, None]


async def test_K47_a_miss_is_told_by_the_hash_of_the_id_and_makes_a_new_one() -> None:
    events: list[Event] = []
    store = Rows()
    client = koa(store=store, listeners={"missed": events.append})
    old = id_in(await client.do(lambda session: session.update(n=1)))
    store.rows.clear()
    assert id_in(await client.do(lambda session: session.update(n=2))) != old
    assert [(event.name, len(event.key or "")) for event in events] == [("missed", 64)]
    assert old not in repr(events)
    assert old not in store.rows


# What a session goes through.


@pytest.mark.parametrize("verdict", [False, None, 0])
async def test_K18_falsy_verdict_of_valid_is_a_new_session_with_a_new_id(verdict: Any) -> None:
    events: list[Event] = []
    asked: list[Any] = []
    store = Rows()
    client = koa(store=store, valid=lambda scope, data: asked.append(data) or verdict, listeners={"invalid": events.append})
    old = id_in(await client.do(lambda session: session.update(n=1)))
    response = await client.do(lambda session: session.update(seen=session.get("n")))
    assert (asked, len(events)) == ([{"n": 1}], 1)
    assert store.rows[id_in(response)]["seen"] is None
    # koa: the record that was refused stays as it was.
    assert store.rows[old]["n"] == 1


async def test_K19_before_save_runs_before_each_save_and_may_change_what_is_saved() -> None:
    def before_save(scope: Any, session: Session) -> None:
        session["saves"] = session.get("saves", 0) + 1

    store = Rows()
    client = koa(store=store, before_save=before_save)
    for handler in (
        lambda session: session.get("n"),
        lambda session: session.update(n=1),
        lambda session: session.get("n"),
        lambda session: session.save(),
        lambda session: session.regenerate(),
        lambda session: session.update(n=2),
    ):
        await client.do(handler)
    assert [row["saves"] for row in store.rows.values()] == [4]
    await client.do(lambda session: session.destroy())
    assert store.rows == {}


async def test_K22_session_may_be_replaced_by_any_dict_and_keeps_its_id() -> None:
    store = Rows()
    client = koa(store=store)
    first = id_in(await client.do(lambda session: session.update(n=1)))
    second = id_in(await client.on_scope(lambda scope: scope.__setitem__("session", {"mocked": True})))
    assert second == first
    assert await client.data() == {"mocked": True}


async def test_K23_there_is_no_session_before_the_middleware() -> None:
    seen: list[bool] = []
    inner = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], preset="koa", store=Rows())

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        seen.append("session" in scope)
        await inner(scope, receive, send)

    await request(outer)
    assert seen == [False]


async def test_K24_destroyed_and_filled_again_is_another_session_and_none_is_what_koa_makes_of_null() -> None:
    store = Rows()
    client = koa(store=store)
    old = id_in(await client.do(lambda session: session.update(n=1)))
    new = id_in(await client.do(lambda session: (session.destroy(), session.update(m=1))))
    assert [*store.rows] == [new] != [old]
    response = await client.on_scope(lambda scope: scope.__setitem__("session", None))
    assert (store.rows, client.jar) == ({}, {})
    assert [line.partition("=")[0] for line in response.cookies] == ["koa.sess", "koa.sess.sig"]


async def test_K32_regenerate_writes_the_new_record_before_the_old_one_goes() -> None:
    store = Rows()
    client = koa(store=store, max_age=60)
    old = id_in(await client.do(lambda session: session.update(n=1)))
    store.noted()
    new = id_in(await client.do(lambda session: session.regenerate()))
    assert [call[:2] for call in store.noted("set", "destroy")] == [("set", new), ("destroy", old)]
    assert [*store.rows.values()] == [{"n": 1, "_expire": int(NOW + 60) * 1000, "_maxAge": 60_000}]


# When something fails.


async def test_K45_session_of_an_application_that_fails_is_saved_under_the_preset_alone() -> None:
    for preset, rows in (("koa", 1), (None, 0)):
        store = Rows()
        client = koa(store=store, preset=preset)
        with pytest.raises(ZeroDivisionError):
            await client.do(lambda session: (session.update(n=1), 1 / 0))
        assert (client.jar, len(store.rows)) == ({}, rows)


async def test_K45_what_is_sent_from_outside_of_the_middleware_has_no_cookie() -> None:
    def fail(scope: Any) -> None:
        scope["session"]["n"] = 1
        raise LookupError

    store = Rows()
    inner = SessionMiddleware(app_of(fail), keys=[KEY], preset="koa", store=store)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        try:
            await inner(scope, receive, send)
        except LookupError:
            await send({"type": "http.response.start", "status": 404, "headers": []})

    assert ((await request(outer)).cookies, len(store.rows)) == ([], 1)


async def test_K46_outage_is_met_by_whoever_touches_the_session() -> None:
    class Down(Rows):
        async def get(self, *_: Any, **__: Any) -> Any:
            raise OSError

    store = Rows()
    client = koa(store=store)
    await client.do(lambda session: session.update(n=1))
    down = Browser(SessionMiddleware(app_of(lambda scope: None), keys=[KEY], preset="koa", store=Down()))
    touched = Browser(SessionMiddleware(app_of(lambda scope: scope["session"].get("n")), keys=[KEY], preset="koa", store=Down()))
    down.jar = touched.jar = client.jar
    assert [(await one.get()).status for one in (down, touched)] == [200, 503]
    touched.jar = {}
    assert (await touched.get()).status == 200
