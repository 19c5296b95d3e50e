"""Transports: how an id comes and goes, by cookie or by what the application says, and what caches are told."""

# Names bear the ids of requirements as they are written.

import re
from typing import Any

import pytest

from gingersnap import ConfigError, HeaderKey, SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Browser, Clock, Response, Sessions, app_of, request

ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Query:
    """An id in the query string, which is told in a header."""

    def get(self, scope: Any) -> str | None:
        text = scope["query_string"].decode("ascii")
        return text.partition("sid=")[2] or None

    def set(self, scope: Any, headers: list[tuple[bytes, bytes]], value: str) -> None:
        headers.append((b"x-new-sid", value.encode("ascii")))


class Named(Query):
    """The same, which can take an id back, and says what it reads."""

    vary = "X-Sid"

    def reset(self, scope: Any, headers: list[tuple[bytes, bytes]]) -> None:
        headers.append((b"x-new-sid", b"none; " + scope["path"].encode("ascii")))


class Place:
    """A store, and an application whose ids come in the query string."""

    def __init__(self, external: Any, own: Any = None, **options: Any) -> None:
        self.store = MemoryStore()
        self.handler: Any = lambda session: None
        handle = app_of(lambda scope: self.handler(scope["session"]), own)
        self.app = SessionMiddleware(handle, **{"store": self.store, "external_key": external, **options})

    async def do(self, handler: Any, id: str | None = None, **scope: Any) -> Response:
        self.handler = handler
        return await request(self.app, query_string=b"" if id is None else b"sid=" + id.encode(), **scope)


async def test_K15_external_key_moves_the_id_out_of_the_cookie() -> None:
    place = Place(Query())
    response = await place.do(lambda s: s.update(n=1))
    id = response.get("x-new-sid") or ""
    assert ID.fullmatch(id)
    assert response.cookies == []
    seen: list[Any] = []
    again = await place.do(lambda s: seen.extend([dict(s), s.external_key]), id)
    assert (seen, again.get("x-new-sid"), again.cookies) == ([{"n": 1}, id], None, [])


async def test_K15_a_cookie_is_not_looked_at() -> None:
    place = Place(Query())
    id = (await place.do(lambda s: s.update(n=1))).get("x-new-sid") or ""
    cookies = Sessions(store=place.store)
    await cookies.do(lambda s: s.update(n=2))
    header = cookies.browser.header().encode()
    seen: list[Any] = []
    await place.do(lambda s: seen.append(dict(s)), headers=[(b"cookie", header)])
    await place.do(lambda s: seen.append(dict(s)), id, headers=[(b"cookie", header)])
    assert seen == [{}, {"n": 1}]


async def test_K15_what_is_told_on_a_new_id_a_renewal_and_an_end() -> None:
    clock = Clock()
    place = Place(Named(), rolling=True, clock=clock, store=MemoryStore(clock=clock))
    id = (await place.do(lambda s: s.update(n=1))).get("x-new-sid") or ""
    clock.now += 60
    assert (await place.do(lambda s: s["n"], id)).get("x-new-sid") == id
    moved = (await place.do(lambda s: s.regenerate(), id)).get("x-new-sid") or ""
    assert ID.fullmatch(moved)
    assert moved != id
    ended = await place.do(lambda s: s.logout(), moved, path="/out")
    assert (ended.get("x-new-sid"), len(place.app.options.store)) == ("none; /out", 0)
    assert ended.cookies == []


async def test_K15_without_reset_an_end_is_told_by_nothing() -> None:
    place = Place(Query())
    id = (await place.do(lambda s: s.update(n=1))).get("x-new-sid") or ""
    response = await place.do(lambda s: s.logout(), id)
    assert (response.status, response.headers) == (200, [(b"vary", b"*"), (b"cache-control", b"no-store")])
    assert len(place.store) == 0


def test_K15_an_external_key_needs_no_keys() -> None:
    SessionMiddleware(None, store=MemoryStore(), external_key=HeaderKey("x-session"))  # type: ignore[arg-type]


@pytest.mark.parametrize("found", [None, "", b"bytes", 5, True, ["list"], object(), "a" * 42, "a" * 44, "é" * 43])
async def test_L02_whatever_get_gives_is_an_id_or_none(found: Any) -> None:
    class Odd(Query):
        def get(self, scope: Any) -> Any:
            return found

    place = Place(Odd())
    response = await place.do(lambda s: s.update(n=1))
    assert ID.fullmatch(response.get("x-new-sid") or "")
    assert response.get("x-new-sid") != found


async def test_L02_an_unknown_id_is_never_adopted() -> None:
    place = Place(Query())
    unknown = "a" * 43
    response = await place.do(lambda s: s.update(n=1), unknown)
    assert response.get("x-new-sid") not in (None, unknown)
    assert await place.store.load(place.app._sessions.repository.ids.key(unknown)) is None  # type: ignore[union-attr]


# --- Vary and Cache-Control.


@pytest.mark.parametrize(
    ("external", "handler", "vary", "cache"),
    [
        (Query(), lambda s: None, "*", None),
        (Query(), lambda s: s.get("n"), "*", None),
        (Query(), lambda s: s.update(n=1), "*", "no-store"),
        (Named(), lambda s: None, "X-Sid", None),
        (Named(), lambda s: s.get("n"), "X-Sid", None),
        (Named(), lambda s: s.update(n=1), "X-Sid", "no-store"),
        (HeaderKey("X-Token"), lambda s: s.get("n"), "x-token", None),
        (HeaderKey("X-Token"), lambda s: s.update(n=1), "x-token", "no-store"),
    ],
)
async def test_C07_a_response_varies_by_what_the_id_came_in(external: Any, handler: Any, vary: Any, cache: Any) -> None:
    response = await Place(external).do(handler)
    assert (response.get("vary"), response.get("cache-control")) == (vary, cache)


@pytest.mark.parametrize(
    ("external", "own", "vary", "cache"),
    [
        (Named(), [(b"Vary", b"Accept")], "Accept, X-Sid", "no-store"),
        (Named(), [(b"vary", b"accept,x-SID")], "accept,x-SID", "no-store"),
        (Named(), [(b"vary", b"*")], "*", "no-store"),
        (Named(), [(b"vary", b"X-Sid-Other")], "X-Sid-Other, X-Sid", "no-store"),
        (Named(), [(b"vary", b"a"), (b"VARY", b"b, x-sid")], "a, b, x-sid", "no-store"),
        (Named(), [(b"Cache-Control", b"private")], "X-Sid", "private"),
        (Query(), [(b"vary", b"Accept")], "Accept, *", "no-store"),
    ],
)
async def test_C07_headers_of_the_application_are_kept(external: Any, own: Any, vary: str, cache: str) -> None:
    response = await Place(external, own).do(lambda s: s.update(n=1))
    assert (response.get("vary"), response.get("cache-control")) == (vary, cache)
    assert response.headers[: len(own)] == own


async def test_C07_cache_headers_can_be_left_to_the_application() -> None:
    response = await Place(Named(), cache_headers=False).do(lambda s: s.update(n=1))
    assert [name for name, _ in response.headers] == [b"x-new-sid"]


async def test_the_applications_headers_are_never_written_to() -> None:
    own: list[tuple[bytes, bytes]] = [(b"a", b"b")]
    start = {"type": "http.response.start", "status": 200, "headers": own}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send(start)

    await request(SessionMiddleware(app, store=MemoryStore(), external_key=Named()))
    assert (start["headers"], own) == (own, [(b"a", b"b")])


@pytest.mark.parametrize("headers", [None, (), ((b"a", b"b"),), [[b"a", b"b"]]])
async def test_headers_may_be_any_iterable_of_pairs(headers: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "http.response.start", "status": 200, **({} if headers is None else {"headers": headers})})

    response = await request(SessionMiddleware(app, store=MemoryStore(), external_key=HeaderKey("x-token")), headers=iter(()))
    assert ID.fullmatch(response.get("x-token") or "")


# --- HeaderKey.


class Client:
    """A client that keeps its id from header to header."""

    def __init__(self, name: str = "X-Session-Token", **options: Any) -> None:
        self.store = MemoryStore()
        self.place = Sessions(store=self.store, external_key=HeaderKey(name), **options)
        self.name, self.token = name.lower(), ""

    async def do(self, handler: Any) -> Response:
        headers = [(self.name.encode(), self.token.encode())] if self.token else []
        self.place.handler = lambda scope: handler(scope["session"])
        response = await self.place.browser.get(headers=headers)
        self.token = response.get(self.name) if response.get(self.name) is not None else self.token  # type: ignore[assignment]
        return response


async def test_a_header_carries_a_session_from_login_to_logout() -> None:
    client = Client()
    await client.do(lambda s: s.update(n=1))
    first = client.token
    await client.do(lambda s: s.login("ada"))
    assert client.token not in ("", first)
    seen: list[Any] = []
    await client.do(lambda s: seen.extend([s.owner, dict(s)]))
    assert seen == ["ada", {"n": 1}]
    ended = client.token
    await client.do(lambda s: s.logout())
    assert (client.token, len(client.store)) == ("", 0)
    for token in (first, ended):
        client.token = token
        await client.do(lambda s: seen.append(dict(s)))
    assert seen[2:] == [{}, {}]


async def test_a_header_that_comes_twice_is_none() -> None:
    client = Client()
    await client.do(lambda s: s.update(n=1))
    seen: list[Any] = []
    client.place.handler = lambda scope: seen.append(dict(scope["session"]))
    pair = (b"x-session-token", client.token.encode())
    for headers in ([pair], [pair, pair], [(b"X-Session-Token", pair[1])], [pair, (b"X-Session-Token", b"a" * 43)]):
        await client.place.browser.get(headers=headers)
    assert seen == [{"n": 1}, {}, {"n": 1}, {}]


@pytest.mark.parametrize("octets", [b"", b" ", b"\xff" * 43, b"a" * 100_000, b"a" * 42 + b"\0", b"Bearer " + b"a" * 43])
async def test_a_header_with_anything_else_is_none(octets: bytes) -> None:
    seen: list[Any] = []
    client = Client()
    client.place.handler = lambda scope: seen.append(dict(scope["session"]))
    assert (await client.place.browser.get(headers=[(b"x-session-token", octets)])).status == 200
    assert seen == [{}]


NO_NAMES = [None, 5, b"x-token", "", " ", "x token", "x:token", "x\r\ny", "x\n", "ü", "\u017f", "x-token ", '"x"', "x(y)", ["x"]]


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_C01_a_name_is_a_headers_name(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"^external_key: HeaderKey needs a header's name; give one such as 'x-session-token'"):
        HeaderKey(name)


@pytest.mark.parametrize("name", ["x", "X-Session-Token", "!#$%&'*+.^_`|~09"])
async def test_any_headers_name_will_do(name: str) -> None:
    client = Client(name)
    await client.do(lambda s: s.update(n=1))
    seen: list[Any] = []
    await client.do(lambda s: seen.append(dict(s)))
    assert seen == [{"n": 1}]


async def test_O02_an_outage_neither_gives_nor_takes_an_id() -> None:
    client = Client(store_breaker=False)
    await client.do(lambda s: s.update(n=1))
    token = client.token

    async def down(*given: Any, **named: Any) -> Any:
        raise OSError

    load = client.store.load
    client.store.load = down  # type: ignore[method-assign]
    response = await client.do(lambda s: s.get("n"))
    assert (response.status, response.get("x-session-token")) == (503, None)
    client.store.load = load  # type: ignore[method-assign]
    assert client.token == token


async def test_a_websocket_is_told_with_its_accept() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": [], "scheme": "wss"}
    app_with = SessionMiddleware(app, store=MemoryStore(), external_key=HeaderKey("x-token"))
    await app_with(scope, None, send)  # type: ignore[arg-type]
    [token] = [value for name, value in sent[0]["headers"] if name == b"x-token"]
    assert ID.fullmatch(token.decode())


# --- The cookie.


async def test_an_ids_cookie_has_the_attributes_of_the_options_and_so_has_its_removal() -> None:
    client = Sessions(store=MemoryStore(), domain="example.com", path="/app", secure=True, same_site="strict", priority="high")
    issued = await client.do(lambda s: s.update(n=1))
    removed = await client.do(lambda s: s.logout())

    def attributes(lines: list[str]) -> list[set[str]]:
        return [{part for part in line.split("; ")[1:] if not part.startswith(("expires", "max-age"))} for line in lines]

    assert attributes(removed.cookies[-2:]) == attributes(issued.cookies)
    assert {"secure", "httponly", "samesite=strict", "domain=example.com", "path=/app", "priority=high"} == attributes(
        issued.cookies
    )[0]
    assert all("expires=Thu, 01 Jan 1970 00:00:01 GMT; max-age=0" in line for line in removed.cookies)
    assert client.jar == {}


async def test_a_sessions_own_cookie_options_are_those_of_its_later_responses_too() -> None:
    client = Sessions(store=MemoryStore())
    response = await client.do(lambda s: (s.update(n=1), setattr(s.cookie, "path", "/mine")))
    assert all("; path=/mine;" in line for line in response.cookies)
    assert all("; path=/mine;" in line for line in (await client.do(lambda s: s.save())).cookies)


@pytest.mark.parametrize("value", ["é" * 43, "a" * 43 + "; b", "\udcff"])
async def test_a_cookie_that_is_no_ascii_is_no_session(value: str) -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].get("n")), keys=[KEY], store=MemoryStore())
    octets = value.encode("utf-8", "surrogateescape")
    assert (await request(app, headers=[(b"cookie", b"koa.sess=" + octets)])).status == 200


async def test_X05_a_session_of_a_key_that_was_withdrawn_is_none() -> None:
    store = MemoryStore()
    old = Sessions(store=store, keys=[OLD_KEY])
    await old.do(lambda s: s.update(n=1))
    new = Sessions(store=store, keys=[KEY])
    new.jar.update(old.jar)
    assert await new.data() == {}


async def test_C06_an_application_that_sets_the_same_cookie_is_overruled() -> None:
    own = [(b"set-cookie", b"koa.sess=theirs"), (b"set-cookie", b"other=kept")]
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1), own), keys=[KEY], store=MemoryStore())
    client = Browser(app)
    response = await client.get()
    assert sorted(line.partition("=")[0] for line in response.cookies) == ["koa.sess", "koa.sess.sig", "other"]
    assert ID.fullmatch(client.jar["koa.sess"])


def test_the_applications_own_header_of_the_name_is_overruled() -> None:
    headers = [(b"X-Session", b"theirs"), (b"a", b"b")]
    HeaderKey("x-session").set({}, headers, "ours")
    assert headers == [(b"a", b"b"), (b"x-session", b"ours")]
