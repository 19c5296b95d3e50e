"""What a client is told when the store fails: the table of outages, row by row."""

import asyncio
import logging
from typing import Any

import pytest

from gingersnap import DegradedError, SessionMiddleware, SessionUnavailable, UnserializableError
from gingersnap.records.circuit_breaker import FAILURES
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Response, Sessions, request
from tests.doubles import FailingStore

# Names bear the ids of requirements as they are written.

GONE_AWAY = {"load": OSError("down"), "replace": OSError("down"), "create": OSError("down"), "touch": OSError("down")}
GONE_AWAY |= {"destroy": OSError("down"), "move": OSError("down")}


async def place(**options: Any) -> tuple[FailingStore, Sessions]:
    """Give a store and a client whose session holds ``n``."""
    store = FailingStore()
    client = Sessions(store=store, **{"store_breaker": False, **options})
    await client.do(lambda s: s.update(n=1))
    store.calls.clear()
    return store, client


def is_503(response: Response) -> bool:
    """Say whether a response is the answer to an outage: it can be tried again, and says nothing of the session."""
    sent = (response.status, response.get("retry-after"), response.get("cache-control"), response.cookies)
    return sent == (503, "1", "no-store", [])


TOUCHES = {
    "read": lambda s: s.get("n"),
    "write": lambda s: s.update(n=2),
    "item": lambda s: s["n"],
    "dict": dict,
    "len": len,
    "in": lambda s: "n" in s,
    "is_new": lambda s: s.is_new,
    "owner": lambda s: s.owner,
    "login": lambda s: s.login("ada"),
    "logout": lambda s: s.logout(),
    "replace": lambda s: s.replace({}),
    "max_age": lambda s: s.max_age,
    "commit": lambda s: s.commit(),
    "load": lambda s: s.load(),
    "reload": lambda s: s.reload(),
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
async def test_O01_a_failed_load_is_a_503_for_whoever_touches_the_session(touch: Any) -> None:
    store, client = await place()
    store.before = GONE_AWAY
    jar = dict(client.jar)
    assert is_503(await client.do(touch))
    store.before = {}
    assert client.jar == jar
    assert await client.data() == {"n": 1}


async def test_O02_a_failed_load_is_nothing_to_a_request_that_does_not_touch_the_session() -> None:
    store, client = await place(rolling=True)
    store.before = GONE_AWAY
    for _ in range(100):
        response = await client.do(lambda s: (s.degraded, repr(s)))
        assert (response.status, response.headers) == (200, [])


async def test_O02_scope_session_set_or_ended_on_a_failed_load_is_a_503() -> None:
    store, client = await place()
    store.before = GONE_AWAY
    assert is_503(await client.on_scope(lambda scope: scope.__setitem__("session", None)))
    assert is_503(await client.on_scope(lambda scope: scope.__setitem__("session", {"n": 2})))


async def test_O01_a_framework_that_makes_a_500_of_it_is_overruled() -> None:
    store, client = await place()
    store.before = GONE_AWAY
    kept: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            scope["session"].get("n")
        except SessionUnavailable as error:
            kept.append(isinstance(error.__cause__, OSError))
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"oops"})

    client.browser.app.app = app  # type: ignore[attr-defined]
    response = await client.browser.get()
    assert is_503(response)
    assert (kept, b"oops" in response.body) == ([True], False)


async def test_O01_an_application_may_answer_for_itself() -> None:
    store, client = await place()
    store.before = GONE_AWAY

    def handler(session: Any) -> None:
        with pytest.raises(SessionUnavailable):
            session.get("n")

    response = await client.do(handler)
    assert (response.status, response.cookies, response.get("vary")) == (200, [], "Cookie")


async def test_O01_raise_lets_the_exception_out() -> None:
    store, client = await place(on_store_error="raise")
    store.before = GONE_AWAY
    with pytest.raises(SessionUnavailable, match=r"could not load a session") as caught:
        await client.do(lambda s: s["n"])
    assert isinstance(caught.value.__cause__, OSError)
    assert (await client.do(lambda s: None)).status == 200


async def test_O01_anonymous_is_an_empty_session_that_can_only_be_read() -> None:
    store, client = await place(on_store_error="anonymous")
    store.before = GONE_AWAY
    seen: list[Any] = []
    response = await client.do(lambda s: seen.extend([dict(s), s.degraded, s.get("n"), s.owner]))
    assert seen == [{}, True, None, None]
    assert (response.status, response.cookies, response.get("vary")) == (200, [], "Cookie")
    for write in (lambda s: s.update(n=2), lambda s: s.__setitem__("n", 1), lambda s: s.save()):
        with pytest.raises(DegradedError, match=r"ask session\.degraded before writing"):
            await client.do(write)
    store.before = {}
    assert await client.data() == {"n": 1}


async def test_O01_a_callable_decides_for_each_request() -> None:
    asked: list[tuple[str, str]] = []

    async def decide(scope: Any, error: Any) -> Any:
        asked.append((scope["path"], error.call))
        return {"/shop": "anonymous", "/raise": "raise", "/odd": "nonsense"}.get(scope["path"], "unavailable")

    store, client = await place(on_store_error=decide)
    store.before = GONE_AWAY
    assert (await client.do(lambda s: s.get("n"), path="/shop")).status == 200
    assert is_503(await client.do(lambda s: s.get("n"), path="/bank"))
    assert is_503(await client.do(lambda s: s.get("n"), path="/odd"))
    with pytest.raises(SessionUnavailable):
        await client.do(lambda s: s.get("n"), path="/raise")
    store.before = {"replace": OSError()}
    response = await client.do(lambda s: s.update(n=2), path="/shop")
    assert (response.status, response.cookies) == (200, [])
    assert ("/shop", "replace") in asked


@pytest.mark.parametrize("word", ["unavailable", "anonymous"])
async def test_O01_a_failed_save_replaces_the_response(word: str) -> None:
    store, client = await place(on_store_error=word)
    store.before = {"replace": OSError()}
    response = await client.do(lambda s: s.update(n=2))
    assert is_503(response)
    assert b"ok" not in response.body
    store.before = {"create": OSError()}
    client.jar.clear()
    assert is_503(await client.do(lambda s: s.update(n=2)))
    assert client.jar == {}


@pytest.mark.parametrize("word", ["unavailable", "raise", "anonymous", lambda scope, error: "anonymous"])
@pytest.mark.parametrize("end", [lambda s: s.logout(), lambda s: s.clear(), lambda s: s.regenerate(), lambda s: s.login("ada")])
async def test_O03_a_logout_or_new_id_that_failed_is_never_reported_as_done(word: Any, end: Any) -> None:
    store, client = await place(on_store_error=word)
    jar = dict(client.jar)
    store.before = {"destroy": OSError(), "move": OSError()}
    assert is_503(await client.do(end))
    assert client.jar == jar
    store.before = {}
    assert await client.data() == {"n": 1}


async def test_O01_a_failed_touch_leaves_the_response_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    store, client = await place()
    store.before = {"touch": OSError("secret-key")}
    response = await client.do(lambda s: s.touch())
    assert (response.status, response.cookies) == (200, [])
    assert "could not renew a session: OSError" in caplog.text
    assert "secret-key" not in caplog.text
    strict = Sessions(store=store, store_breaker=False, on_store_error="raise")
    strict.jar.update(client.jar)
    with pytest.raises(SessionUnavailable):
        await strict.do(lambda s: s.touch())


async def test_O01_a_corrupt_record_raises_where_that_is_wanted() -> None:
    store, client = await place(on_store_error="raise")
    [entry] = store._entries.values()
    entry.value = b"5"
    with pytest.raises(SessionUnavailable, match="read a record that is no session"):
        await client.do(lambda s: s["n"])


@pytest.mark.parametrize("call", ["load", "replace"])
async def test_O01_a_slow_store_has_its_time_and_no_more(call: str) -> None:
    store, client = await place(store_timeout=0.05)
    store.hang = {call}
    assert is_503(await client.do(lambda s: s.update(n=2)))
    assert store.calls.count(call) == 1


@pytest.mark.parametrize(
    ("call", "handler", "left"),
    [
        ("replace", lambda s: s.update(n=2), {"n": 2}),
        ("move", lambda s: s.regenerate(), {"n": 1}),
        ("destroy", lambda s: s.logout(), {}),
    ],
)
async def test_O01_a_write_whose_reply_was_lost_is_made_once(call: str, handler: Any, left: Any) -> None:
    store, client = await place()
    store.after = {call: [ConnectionResetError()]}
    response = await client.do(handler)
    assert response.status == 200
    assert await client.data() == left
    assert len(store) == len(left)


async def test_O01_a_create_whose_reply_was_lost_is_one_session() -> None:
    store, client = await place()
    client.jar.clear()
    store.after = {"create": [ConnectionResetError()]}
    await client.do(lambda s: s.update(m=1))
    assert await client.data() == {"m": 1}
    assert len(store) == 2


async def test_O04_the_breaker_opens_spares_the_store_and_other_routes_and_recovers() -> None:
    store, client = await place(store_breaker=True)
    store.before = GONE_AWAY
    for _ in range(FAILURES):
        assert is_503(await client.do(lambda s: s.get("n")))
    store.calls.clear()
    responses = [await client.do(lambda s: s.get("n")) for _ in range(20)]
    assert {response.status for response in responses} == {503}
    assert all(1 <= int(response.get("retry-after") or 0) <= 6 for response in responses)
    assert (await client.do(lambda s: None)).status == 200
    assert (await Sessions(store=store).do(lambda s: None)).status == 200
    assert store.calls == []
    store.before = {}
    breaker = client.browser.app._sessions.repository.guard._breaker  # type: ignore[attr-defined]
    breaker._until = 0
    assert await client.data() == {"n": 1}


async def test_O04_events_tell_of_the_failure_and_of_the_recovery() -> None:
    store, client = await place()
    store = FailingStore()
    heard: list[tuple[str, str]] = []
    listeners = dict.fromkeys(("store_error", "store_recovered"), lambda event: heard.append((event.name, event.detail)))
    client = Sessions(store=store, listeners=listeners)
    await client.do(lambda s: s.update(n=1))
    store.before = GONE_AWAY
    await client.do(lambda s: s.get("n"))
    store.before = {}
    await client.do(lambda s: s.get("n"))
    assert heard == [*[("store_error", "load: OSError")] * 2, ("store_recovered", "load")]


@pytest.mark.parametrize(
    ("options", "mark", "left"),
    [
        ({}, lambda s: s.update(n=2), [b'{"n":1']),
        ({"commit_on_error": True}, lambda s: s.update(n=2), [b'{"n":2']),
        ({}, lambda s: s.logout(), []),
        ({}, lambda s: s.regenerate(), [b'{"n":1']),
        ({}, lambda s: s.login("ada"), [b'{"n":1']),
        ({"commit_on_error": True}, lambda s: s.logout(), []),
    ],
)
async def test_O01_an_application_that_fails_has_its_ends_carried_out_and_its_data_dropped(
    options: Any, mark: Any, left: Any
) -> None:
    store, client = await place(**options)

    async def handler(session: Any) -> None:
        mark(session)
        raise LookupError("the application")

    with pytest.raises(LookupError):
        await client.do(handler)
    assert [entry.value.split(b",")[0].rstrip(b"}") for entry in store._entries.values()] == left


async def test_O01_an_outage_never_hides_the_applications_own_exception() -> None:
    store, client = await place()
    store.before = {"destroy": OSError()}

    async def handler(session: Any) -> None:
        session.logout()
        raise LookupError("the application")

    with pytest.raises(LookupError):
        await client.do(handler)


async def test_a_session_that_cannot_be_written_is_an_exception_and_no_cookie() -> None:
    _, client = await place()
    with pytest.raises(UnserializableError):
        await client.do(lambda s: s.update(bad=object()))
    assert await client.data() == {"n": 1}


async def test_S05_a_cancelled_request_saves_to_the_end() -> None:
    store, client = await place()
    store.hang = {"replace"}
    task = asyncio.create_task(client.do(lambda s: s.update(n=2)))
    await store.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.released.set()
    await asyncio.sleep(0.01)
    assert await client.data() == {"n": 2}


async def websocket(app: Any, jar: str, *messages: Any, **scope: Any) -> list[Any]:
    """Open a WebSocket, let the application run to its end, and give what it sent."""
    sent: list[Any] = []
    given = iter([{"type": "websocket.connect"}, *messages, {"type": "websocket.disconnect", "code": 1000}])

    async def receive() -> Any:
        return next(given)

    async def send(message: Any) -> None:
        sent.append(message)

    connection = {"type": "websocket", "scheme": "ws", "path": "/", "headers": [(b"cookie", jar.encode())], **scope}
    await app(connection, receive, send)
    return sent


async def test_a_websocket_saves_to_the_store_by_commit_and_at_its_end() -> None:
    store, client = await place()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        await receive()
        await send({"type": "websocket.accept"})
        session["n"] = 2
        await session.commit()
        assert await client.data() == {"n": 2}
        await client.do(lambda s: s.update(m=1))
        await session.reload()
        assert dict(session) == {"n": 2, "m": 1}
        session["end"] = 1

    sent = await websocket(SessionMiddleware(app, keys=[KEY], store=store), client.browser.header())
    assert [message["type"] for message in sent] == ["websocket.accept"]
    assert await client.data() == {"n": 2, "m": 1, "end": 1}


async def test_a_websockets_accept_carries_the_cookie_of_a_new_session() -> None:
    store, _ = await place()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})
        scope["session"].regenerate()
        with pytest.raises(RuntimeError, match="no new id can reach the client"):
            await scope["session"].commit()

    sent = await websocket(SessionMiddleware(app, keys=[KEY], store=store), "")
    assert [name for name, _ in sent[0]["headers"]].count(b"set-cookie") == 2


async def test_O01_a_websocket_whose_session_cannot_be_had_is_closed() -> None:
    store, client = await place()
    store.before = GONE_AWAY

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].get("n")

    sent = await websocket(SessionMiddleware(app, keys=[KEY], store=store), client.browser.header())
    assert sent == [{"type": "websocket.close", "code": 1013}]


async def test_O01_a_websocket_whose_server_can_say_so_is_refused_by_503() -> None:
    store, client = await place()
    store.before = GONE_AWAY

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].get("n")

    middleware, extensions = SessionMiddleware(app, keys=[KEY], store=store), {"websocket.http.response": {}}
    start, body = await websocket(middleware, client.browser.header(), extensions=extensions)
    assert (start["type"], start["status"], body["type"]) == ("websocket.http.response.start", 503, "websocket.http.response.body")
    assert (b"retry-after", b"1") in start["headers"]


@pytest.mark.parametrize("closed", [False, True])
async def test_O01_a_websocket_that_was_accepted_is_closed_once(closed: bool) -> None:
    store, client = await place()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        store.before = GONE_AWAY
        if closed:
            await send({"type": "websocket.close", "code": 1000})
        await scope["session"].reload()

    middleware = SessionMiddleware(app, keys=[KEY], store=store, store_breaker=False)
    if closed:
        with pytest.raises(SessionUnavailable):
            await websocket(middleware, client.browser.header())
        return
    sent = await websocket(middleware, client.browser.header())
    assert [message.get("code") for message in sent] == [None, 1013]


async def lifespan(app: Any) -> list[Any]:
    """Start an application and stop it."""
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def send(message: Any) -> None:
        sent.append(message)

    app.app = inner
    await app({"type": "lifespan"}, None, send)
    return sent


class Unfit(MemoryStore):
    async def ping(self) -> None:
        raise RuntimeError("no route to redis://ann:secret-password@10.0.0.1")


async def test_O01_start_up_warns_of_a_store_that_is_not_fit_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sent = await lifespan(SessionMiddleware(None, keys=[KEY], store=Unfit()))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert "Unfit is not ready: RuntimeError" in caplog.text
    assert "secret-password" not in caplog.text


async def test_O01_P01_an_application_that_may_not_start_closes_what_it_opened(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        log.append("open")
        try:
            await send({"type": "lifespan.startup.complete"})
        except RuntimeError:
            await send({"type": "lifespan.startup.failed", "message": "again"})
            raise
        finally:
            log.append("closed")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with caplog.at_level(logging.DEBUG):
        await SessionMiddleware(app, keys=[KEY], store=Unfit(), strict_startup=True)({"type": "lifespan"}, None, send)  # type: ignore[arg-type]
    told = "Unfit is not fit: RuntimeError; `await store.ping()` says why"
    assert sent == [{"type": "lifespan.startup.failed", "message": told}]
    assert "secret-password" not in caplog.text
    assert log == ["open", "closed"]


async def test_strict_raises_for_what_is_lost() -> None:
    from gingersnap import SessionSealed

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"]["late"] = 1

    for options in ({}, {"store": MemoryStore()}):
        with pytest.raises(SessionSealed, match="the change is lost: late"):
            await request(SessionMiddleware(app, keys=[KEY], strict=True, **options))


async def test_P01_an_outage_shows_no_secret_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    store, client = await place()
    id, key = client.jar["koa.sess"], next(iter(store._entries))
    store.before = {"load": OSError(f"GET {key} failed for {id}")}
    with caplog.at_level(logging.DEBUG):
        response = await client.do(lambda s: s.get("n"))
    told = caplog.text + str(response.headers) + str(response.body)
    assert id not in told
    assert key not in told


class Slow(MemoryStore):
    """A real store whose moves and creates take their time, until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def move(self, *given: Any, **named: Any) -> Any:
        await self.released.wait()
        return await super().move(*given, **named)

    async def create(self, *given: Any, **named: Any) -> Any:
        await self.released.wait()
        return await super().create(*given, **named)


@pytest.mark.parametrize("mark", [lambda s: s.login("ada"), lambda s: s.regenerate(), None], ids=["login", "regenerate", "new"])
async def test_O03_a_commit_that_was_not_waited_for_is_told_all_the_same(mark: Any) -> None:
    store = Slow()
    client = Sessions(store=store)
    store.released.set()
    await client.do(lambda s: s.update(n=1))
    if mark is None:
        client.jar.clear()
        for key in [*store._entries]:
            await store.destroy(key)
    store.released.clear()

    async def handler(session: Any) -> None:
        (mark or (lambda s: s.update(n=1)))(session)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.commit()
        asyncio.get_running_loop().call_later(0.01, store.released.set)

    response = await client.do(handler)
    assert (response.status, len(response.cookies)) == (200, 2)
    assert await client.data() == {"n": 1}
    assert len(store) == 1


async def test_O03_a_503_carries_the_new_id_that_an_earlier_commit_made() -> None:
    store, client = await place()

    async def handler(session: Any) -> None:
        session.login("ada")
        await session.commit()
        session["n"] = 2
        store.before = {"replace": OSError()}

    response = await client.do(handler)
    assert (response.status, len(response.cookies)) == (503, 2)
    store.before = {}
    assert await client.data() == {"n": 1}


async def test_O03_an_error_page_carries_the_new_id_that_an_earlier_commit_made() -> None:
    store, client = await place()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].login("ada")
        await scope["session"].commit()
        scope["session"]["bad"] = object()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except UnserializableError:
            await send({"type": "http.response.start", "status": 500, "headers": []})

    usual, client.browser.app.app = client.browser.app.app, app  # type: ignore[attr-defined]
    response = await client.browser.get()
    client.browser.app.app = usual  # type: ignore[attr-defined]
    assert (response.status, len(response.cookies)) == (500, 2)
    assert await client.data() == {"n": 1}
    assert len(store) == 1


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, SystemExit])
async def test_O01_a_503_hides_no_other_exception(error: type[BaseException]) -> None:
    store, client = await place()
    store.before = {"replace": OSError()}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 2
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    with pytest.raises(error):
        await request(SessionMiddleware(app, keys=[KEY], store=store), headers=[(b"cookie", client.browser.header().encode())])


async def test_O03_a_login_over_a_failed_load_is_never_reported_as_done() -> None:
    store, client = await place(defer=True, on_store_error=lambda scope, error: "anonymous")
    store.before = {"load": OSError()}
    assert is_503(await client.do(lambda s: (s.replace({"m": 1}), s.login("ada"))))


@pytest.mark.parametrize("end", [lambda s: s.logout(), lambda s: s.destroy(), lambda s: s.login("ada"), lambda s: s.regenerate()])
@pytest.mark.parametrize("word", ["anonymous", lambda scope, error: "anonymous"], ids=["word", "function"])
async def test_O03_a_logout_of_an_anonymous_session_is_a_503(end: Any, word: Any) -> None:
    store, client = await place(on_store_error=word)
    store.before = {"load": OSError()}
    assert is_503(await client.do(end))
    assert is_503(await client.on_scope(lambda scope: scope.__setitem__("session", None)))


async def test_O01_a_function_that_raises_decides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store, client = await place(on_store_error=lambda scope, error: {}["word"])
    store.before = {"load": OSError()}
    assert (await client.do(lambda s: None)).status == 200
    assert is_503(await client.do(lambda s: s.get("n")))
    assert "on_store_error raised KeyError" in caplog.text


@pytest.mark.parametrize("options", [{}, {"commit_on_error": True}], ids=["returns", "raises"])
async def test_no_record_is_made_that_nobody_can_be_told_of(options: Any) -> None:
    store, client = await place(**options)
    jar = client.browser.header()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"].destroy()
        scope["session"]["m"] = 1
        if options:
            raise LookupError

    wrapped = SessionMiddleware(app, keys=[KEY], store=store, **options)
    for cookie in (jar, ""):
        try:
            await request(wrapped, headers=[(b"cookie", cookie.encode())])
        except LookupError:
            assert options
    assert len(store) == 0


@pytest.mark.parametrize("word", ["unavailable", "raise", "anonymous"])
async def test_on_store_error_is_asked_once_for_a_failed_save(word: str) -> None:
    asked: list[str] = []

    def decide(scope: Any, error: SessionUnavailable) -> str:
        asked.append(error.call)
        return word

    store, client = await place(on_store_error=decide)
    store.before = {"replace": OSError("down")}
    try:
        await client.do(lambda s: s.update(n=2))
    except SessionUnavailable:
        assert word == "raise"
    assert len(asked) == 1
