"""An end that was asked for is carried out, whatever follows it in its request; or the client hears that it was not."""

import datetime
import logging
from collections.abc import Callable
from typing import Any

import pytest

from gingersnap import ConfigError, Session, SessionError, SessionMiddleware
from gingersnap.stores import MemoryStore, PlainStore
from tests.asgi import KEY, Browser, Sessions, app_of
from tests.stores.test_plain import Koa

THEN: dict[str, Callable[[Session], object]] = {
    "nothing": lambda session: None,
    "a write": lambda session: session.update(n=1),
    "a login": lambda session: session.login("bob"),
    "a login and a write": lambda session: (session.login("bob"), session.update(n=1)),
    "regenerate": lambda session: session.regenerate(),
    "a lifetime": lambda session: setattr(session, "max_age", 60),
}
UNFIT: dict[str, Callable[[Session], object]] = {
    "no JSON": lambda session: session.update(at=datetime.datetime.now(datetime.UTC)),
    "a reserved key": lambda session: session.update(_expire=1),
    "too large": lambda session: session.update(text="x" * 70_000),
    "a login, no JSON": lambda session: (session.login("bob"), session.update(at={1})),
}


async def logged_in(**options: Any) -> tuple[Sessions, MemoryStore]:
    store = MemoryStore()
    sessions = Sessions(store=store, **options)
    await sessions.do(lambda session: (session.update(secret=1), session.login("ada")))
    return sessions, store


@pytest.mark.parametrize("commit_on_error", [False, True])
@pytest.mark.parametrize("then", THEN)
async def test_an_exception_after_a_logout_keeps_the_logout(then: str, commit_on_error: bool) -> None:
    sessions, _ = await logged_in(commit_on_error=commit_on_error)

    def handler(session: Session) -> None:
        session.logout()
        THEN[then](session)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await sessions.do(handler)
    assert "secret" not in await sessions.data()


@pytest.mark.parametrize("commit_on_error", [False, True])
@pytest.mark.parametrize("store", [MemoryStore, lambda: PlainStore(Koa())], ids=["memory", "plain"])
@pytest.mark.parametrize("then", ["nothing", "a login", "regenerate"])
async def test_an_exception_after_clear_ends_the_session(store: Any, then: str, commit_on_error: bool) -> None:
    """It is the logout of those who come from Starlette; what is emptied key by key stays as it was, as all data does."""
    sessions = Sessions(store=store(), commit_on_error=commit_on_error)
    await sessions.do(lambda session: session.update(secret=1))

    def fails(session: Session) -> None:
        session.pop("secret")
        raise ValueError

    def cleared(session: Session) -> None:
        session.clear()
        THEN[then](session)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await sessions.do(fails)
    if not commit_on_error:
        assert await sessions.data() == {"secret": 1}
    with pytest.raises(ValueError):  # noqa: PT011
        await sessions.do(cleared)
    assert "secret" not in await sessions.data()


@pytest.mark.parametrize(
    ("unfit", "options"),
    [
        pytest.param(unfit, options, id=f"{unfit}-{options}")
        for unfit in UNFIT
        for options in ({}, {"commit_on_error": True}, {"preset": "koa"}, {"preset": "express"})
        # These keep no owner: there the login is a TypeError. Express reserves no such name.
        if not ("preset" in options and "login" in unfit) and not ("express" in options.values() and "reserved" in unfit)
    ],
)
async def test_a_value_that_cannot_be_written_keeps_the_logout(unfit: str, options: dict[str, Any]) -> None:
    store = MemoryStore()
    sessions = Sessions(store=store, **options)
    await sessions.do(lambda session: session.update(secret=1))

    def handler(session: Session) -> None:
        session.logout()
        UNFIT[unfit](session)

    with pytest.raises(SessionError):
        await sessions.do(handler)
    assert "secret" not in await sessions.data()


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["cookie", "store"])
@pytest.mark.parametrize("unfit", UNFIT)
async def test_the_error_page_inside_carries_the_logout(unfit: str, store: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        try:
            if scope["path"] == "/logout":
                session.logout()
                UNFIT[unfit](session)
            elif scope["path"] == "/login":
                session["secret"] = 1
            else:
                seen.append(dict(session))
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except Exception:
            await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    seen: list[dict[str, Any]] = []
    user = Browser(SessionMiddleware(app, keys=[KEY], **({} if store is None else {"store": store()})))
    await user.get(path="/login")
    assert (await user.get(path="/logout")).status == 500
    assert user.jar == {}
    await user.get(path="/")
    assert seen == [{}]


async def test_a_logout_that_a_dead_store_refuses_is_a_503_though_the_application_fails(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()

    def fail(scope: Any) -> None:
        scope["session"].logout()
        store.destroy = refuse  # type: ignore[method-assign]
        raise ValueError

    async def refuse(key: str) -> bool:
        raise OSError

    sessions = Sessions(store=store)
    await sessions.do(lambda session: session.update(secret=1))
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    app = SessionMiddleware(app_of(fail), keys=[KEY], store=store)
    cookie = "; ".join(f"{name}={value}" for name, value in sessions.jar.items()).encode()
    with caplog.at_level(logging.CRITICAL), pytest.raises(ValueError):  # noqa: PT011
        await app({"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": [(b"cookie", cookie)]}, None, send)  # type: ignore[arg-type]
    assert [message.get("status") for message in messages] == [503, None]
    assert b"set-cookie" not in dict(messages[0]["headers"])


async def test_a_logout_in_a_started_stream_is_carried_out() -> None:
    store = MemoryStore()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        if scope["path"] == "/login":
            session["secret"] = 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/logout":
            session.logout()
            session["at"] = object()
        await send({"type": "http.response.body", "body": b""})

    user = Browser(SessionMiddleware(app, keys=[KEY], store=store))
    await user.get(path="/login")
    assert len(store) == 1
    await user.get(path="/logout")
    assert len(store) == 0


@pytest.mark.parametrize("hook", [None, lambda scope, session: None], ids=["", "before_save"])
@pytest.mark.parametrize("preset", [None, "koa", "cookie-session", "starlette"])
@pytest.mark.parametrize("kind", ["an exception", "no JSON", "too large", "clear"])
async def test_a_failed_application_s_logout_removes_the_cookie(kind: str, preset: Any, hook: Any) -> None:
    options: dict[str, Any] = {"keys": [KEY], "before_save": hook, "preset": preset}
    if hook is None:
        del options["before_save"]

    def fail(scope: Any) -> None:
        if kind == "clear":
            scope["session"].clear()
            raise ValueError
        scope["session"].logout()
        if kind == "an exception":
            raise ValueError
        UNFIT[kind](scope["session"])

    user = Browser(SessionMiddleware(app_of(lambda scope: scope["session"].update(secret=1)), **options))
    await user.get()
    assert user.jar
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    app = SessionMiddleware(app_of(fail), **options)
    cookie = user.header().encode()
    with pytest.raises((ValueError, SessionError)):
        await app({"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": [(b"cookie", cookie)]}, None, send)  # type: ignore[arg-type]
    if kind == "clear" and preset in ("koa", "cookie-session"):
        # An emptied session is a session there.
        assert messages == []
        return
    assert [message.get("status") for message in messages] == [500, None]
    lines = [value.decode() for name, value in messages[0]["headers"] if name == b"set-cookie"]
    user.keep(lines)
    assert user.jar == {}


@pytest.mark.parametrize("asked", ["nothing", "a response", "manual"])
async def test_a_failed_application_that_ended_nothing_answers_by_itself(asked: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if asked == "a response":
            scope["session"].logout()
            await send({"type": "http.response.start", "status": 200, "headers": []})
        elif asked == "manual":
            scope["session"].logout()
        else:
            scope["session"]["n"] = 2
        raise ValueError

    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    middleware = SessionMiddleware(app, keys=[KEY], auto_commit=asked != "manual")
    with pytest.raises(ValueError):  # noqa: PT011
        await middleware({"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": []}, None, send)  # type: ignore[arg-type]
    assert [message.get("status") for message in messages] == ([200] if asked == "a response" else [])


class Server:
    """What a server sees of one request; ``lost``: the client has gone."""

    def __init__(self, *, lost: bool = False) -> None:
        self.messages: list[Any] = []
        self._lost = lost

    async def __call__(self, message: Any) -> None:
        if self._lost:
            raise OSError("the client has gone")
        self.messages.append(message)

    @property
    def statuses(self) -> list[int]:
        return [message["status"] for message in self.messages if message["type"] == "http.response.start"]

    async def serve(self, app: Any, cookie: str, **options: Any) -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": [(b"cookie", cookie.encode())]}
        await SessionMiddleware(app, keys=[KEY], **options)(scope, None, self)  # type: ignore[arg-type]

    def removes(self, user: Browser) -> bool:
        lines = [value.decode() for name, value in self.messages[0]["headers"] if name == b"set-cookie"]
        user.keep(lines)
        return user.jar == {}


async def cookie_user() -> Browser:
    user = Browser(SessionMiddleware(app_of(lambda scope: scope["session"].update(secret=1)), keys=[KEY]))
    await user.get()
    return user


async def test_an_answer_that_was_sent_after_a_failed_commit_is_the_only_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["at"] = object()
        with pytest.raises(SessionError):
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.start", "status": 500, "headers": []})
        scope["session"].logout()
        raise ValueError

    server, user = Server(), await cookie_user()
    with pytest.raises(ValueError):  # noqa: PT011
        await server.serve(app, user.header())
    assert server.statuses == [500]


async def test_none_in_place_of_a_cookie_session_is_an_end_though_the_application_fails() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = None
        raise ValueError

    server, user = Server(), await cookie_user()
    with pytest.raises(ValueError):  # noqa: PT011
        await server.serve(app, user.header())
    assert server.statuses == [500]
    assert server.removes(user)


@pytest.mark.parametrize("hook", [None, lambda scope, session: None], ids=["", "before_save"])
async def test_a_logout_before_a_value_that_is_no_session_removes_the_cookie(hook: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].logout()
        scope["session"] = 5
        await send({"type": "http.response.start", "status": 200, "headers": []})

    server, user = Server(), await cookie_user()
    with pytest.raises(TypeError):
        await server.serve(app, user.header(), **({} if hook is None else {"before_save": hook}))
    assert server.statuses == [500]
    assert server.removes(user)


async def test_a_client_that_has_gone_hides_no_exception_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].logout()
        raise ValueError

    server, user = Server(lost=True), await cookie_user()
    with pytest.raises(ValueError):  # noqa: PT011
        await server.serve(app, user.header())
    assert "OSError" in caplog.text


async def test_attributes_that_do_not_agree_hide_no_exception_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].cookie.same_site = "none"
        scope["session"].logout()
        raise ValueError

    server, user = Server(), await cookie_user()
    with pytest.raises(ValueError):  # noqa: PT011
        await server.serve(app, user.header())
    assert server.statuses == []
    assert "ConfigError" in caplog.text


async def test_a_client_that_has_gone_hides_no_exception_where_the_store_is_dead_too(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    sessions = Sessions(store=store)
    await sessions.do(lambda session: session.update(secret=1))

    async def refuse(key: str) -> bool:
        raise OSError

    store.destroy = refuse  # type: ignore[method-assign]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].logout()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await Server(lost=True).serve(app, sessions.browser.header(), store=store)
    assert "could not be answered: OSError" in caplog.text


@pytest.mark.parametrize(
    "asked", [lambda session: session.login("ada"), lambda session: session.regenerate()], ids=["login", "regenerate"]
)
async def test_commit_on_error_moves_no_session_out_of_reach(asked: Any, caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions(store=(store := MemoryStore()), commit_on_error=True)
    await sessions.do(lambda session: session.update(cart=[1]))

    def fails(session: Session) -> None:
        session["user"] = "ada"
        asked(session)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await sessions.do(fails)
    assert (await sessions.data(), len(store)) == ({"cart": [1]}, 1)
    assert "its session stays as it was" in caplog.text


@pytest.mark.parametrize("store", [None, MemoryStore], ids=["cookie", "store"])
async def test_cookie_attributes_that_do_not_agree_hide_no_exception_of_the_application(store: Any) -> None:
    def fails(session: Session) -> None:
        session.cookie.same_site = "none"
        session.cookie.secure = False
        raise ZeroDivisionError

    sessions = Sessions(**({} if store is None else {"store": store()}))
    with pytest.raises(ZeroDivisionError):
        await sessions.do(fails)


async def test_cookie_attributes_that_do_not_agree_keep_no_record_of_a_session_that_logs_out() -> None:
    sessions = Sessions(store=(store := MemoryStore()))
    await sessions.do(lambda session: session.update(secret=1))

    def leave(session: Session) -> None:
        session.cookie.same_site = "none"
        session.cookie.secure = False
        session.logout()

    with pytest.raises(ConfigError):
        await sessions.do(leave)
    assert len(store) == 0
