"""The ASGI face: what a server, a browser and an application see."""

import logging
from typing import Any

import pytest

from gingersnap import ConfigError, CookieTooLarge, HeaderKey, Session, SessionMiddleware, SessionOptions, UnserializableError
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Browser, Clock, Response, Sessions, app_of, request
from tests.tracebacks import locals_of_ours


async def test_session_survives_from_request_to_request() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(views=1, cart={"items": [1]}))
    assert await client.data() == {"views": 1, "cart": {"items": [1]}}


async def test_unchanged_session_sets_no_cookie() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(views=1))
    response = await client.do(lambda session: session["views"])
    assert response.cookies == []


WRITES = {
    "set": lambda s: s.__setitem__("n", 2),
    "set a list": lambda s: s.__setitem__("n", [1]),
    "delete": lambda s: s.__delitem__("n"),
    "update": lambda s: s.update(n=2),
    "or": lambda s: s.__ior__({"n": 2}),
    "pop": lambda s: s.pop("n"),
    "popitem": lambda s: s.popitem(),
    "setdefault": lambda s: s.setdefault("m", 1),
    "replace": lambda s: s.replace({"m": 1}),
    "nested, by get": lambda s: s.get("cart")["items"].append(2),
    "nested, by item": lambda s: s["cart"]["items"].append(2),
    "nested, by values": lambda s: [value.clear() for value in s.values() if isinstance(value, dict)],
    "nested, by items": lambda s: [value.clear() for _, value in s.items() if isinstance(value, dict)],
    "nested, by copy": lambda s: s.copy()["cart"].clear(),
    "nested, by dict()": lambda s: dict(s)["cart"].clear(),
    "nested, by **": lambda s: dict(**s)["cart"].clear(),
    "nested, by |": lambda s: (s | {})["cart"].clear(),
    "nested, by reversed |": lambda s: ({} | s)["cart"].clear(),
    "nested, by setdefault": lambda s: s.setdefault("cart", {}).clear(),
    "nested, by match": lambda s: _match(s).clear(),
    "nested, by format_map": lambda s: "{cart[items]}".format_map(s) and s["cart"].clear(),
    "nested, behind dict's back": lambda s: (s.mark_accessed(), dict.__getitem__(s, "cart").clear()),
    "read, then write": lambda s: (s.get("n"), s.__setitem__("n", 5)),
    "write, then read": lambda s: (s.__setitem__("n", 5), s.get("n"), "n" in s, len(s)),
}


def _match(session: Session) -> Any:
    match session:
        case {"cart": cart}:
            return cart


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_L08_every_change_is_seen_however_it_was_made(write: Any) -> None:
    client = Sessions()
    await client.do(lambda session: session.update(cart={"items": [1]}, n=1))
    expected: dict[str, Any] = {}

    def handler(session: Session) -> None:
        write(session)
        expected.update(dict.copy(session))

    response = await client.do(handler)
    assert len(response.cookies) == 2
    assert await client.data() == expected != {"cart": {"items": [1]}, "n": 1}


READS = {
    "get": lambda s: s.get("n"),
    "get a dict": lambda s: s.get("cart"),
    "get nothing": lambda s: s.get("none"),
    "item": lambda s: s["n"],
    "in": lambda s: "n" in s,
    "len": len,
    "bool": bool,
    "iterate": list,
    "reversed": lambda s: list(reversed(s)),
    "keys": lambda s: [*s.keys()],
    "values": lambda s: [*s.values()],
    "items": lambda s: [*s.items()],
    "equal": lambda s: s == {},
    "unequal": lambda s: s != {},
    "copy": lambda s: s.copy(),
    "mark_accessed": lambda s: s.mark_accessed(),
    "write the same": lambda s: s.__setitem__("n", 1),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_C07_any_access_varies_by_cookie_and_writes_nothing(read: Any) -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1, cart={}))
    response = await client.do(read)
    assert (response.get("vary"), response.cookies, response.get("cache-control")) == ("Cookie", [], None)


async def test_C07_untouched_session_adds_no_header() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    response = await client.on_scope(lambda scope: None)
    assert response.headers == []


async def test_C07_set_cookie_comes_with_no_store_and_vary() -> None:
    client = Sessions()
    response = await client.do(lambda session: session.update(n=1))
    assert (response.get("vary"), response.get("cache-control")) == ("Cookie", "no-store")


@pytest.mark.parametrize(
    ("own", "vary", "cache"),
    [
        ([(b"Vary", b"Accept")], "Accept, Cookie", "no-store"),
        ([(b"vary", b"accept, COOKIE")], "accept, COOKIE", "no-store"),
        ([(b"vary", b"*")], "*", "no-store"),
        ([(b"vary", b"Cookie-Monster")], "Cookie-Monster, Cookie", "no-store"),
        ([(b"vary", b"a"), (b"vary", b"b")], "a, b, Cookie", "no-store"),
        ([(b"Cache-Control", b"private")], "Cookie", "private"),
    ],
)
async def test_C07_headers_of_the_application_are_kept(own: Any, vary: str, cache: str) -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1), own), keys=[KEY])
    response = await request(app)
    assert (response.get("vary"), response.get("cache-control")) == (vary, cache)


async def test_C06_application_setting_the_same_cookie_is_overruled() -> None:
    own = [(b"Set-Cookie", b"koa.sess=theirs"), (b"set-cookie", b"koa.sess.sig=x"), (b"set-cookie", b"koa.session=kept")]
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1), own), keys=[KEY])
    names = [line.partition("=")[0] for line in (await request(app)).cookies]
    assert sorted(names) == ["koa.sess", "koa.sess.sig", "koa.session"]


async def test_C06_without_overwrite_the_applications_cookie_stays_alone() -> None:
    own = [(b"set-cookie", b"koa.sess=theirs")]
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1), own), keys=[KEY], overwrite=False)
    assert (await request(app)).cookies == ["koa.sess=theirs"]


async def test_C06_removal_repeats_the_attributes() -> None:
    client = Sessions(domain="example.com", path="/app", secure=True, same_site="none", partitioned=True, priority="high")
    issued = await client.do(lambda session: session.update(n=1))
    removed = await client.do(lambda session: session.destroy())

    def attributes(lines: list[str]) -> list[set[str]]:
        return [{part for part in line.split("; ")[1:] if not part.startswith(("expires", "max-age"))} for line in lines]

    assert attributes(removed.cookies[-2:]) == attributes(issued.cookies)
    # Before there was a domain, the cookie was the host's alone.
    assert [line.partition("=")[0] for line in removed.cookies if "domain" not in line] == ["koa.sess.sig", "koa.sess"]
    assert all("=; " in line or ".sig=" in line for line in removed.cookies)
    assert all("expires=Thu, 01 Jan 1970 00:00:01 GMT; max-age=0" in line for line in removed.cookies)
    assert client.jar == {}


async def test_the_applications_message_is_never_written_to() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send(start)

    await request(SessionMiddleware(app, keys=[KEY]))
    assert start == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}


@pytest.mark.parametrize("headers", [None, (), ((b"a", b"b"),), [[b"a", b"b"]]])
async def test_headers_may_be_any_iterable_of_pairs(headers: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "http.response.start", "status": 200, **({} if headers is None else {"headers": headers})})

    response = await request(SessionMiddleware(app, keys=[KEY]), headers=iter([[b"cookie", b"a=b"]]))
    assert len(response.cookies) == 2


async def test_X05_older_key_verifies_and_both_cookies_are_sent_again_in_full() -> None:
    clock = Clock()
    old = Sessions(keys=[OLD_KEY], clock=clock)
    first = await old.do(lambda session: session.update(n=1))
    clock.now += 60
    new = Sessions(keys=[KEY, OLD_KEY], clock=clock)
    new.jar.update(old.jar)
    second = await new.do(lambda session: session.get("n"))
    value, signature = second.cookies
    # As it was, but for the seconds that are left.
    assert value == first.cookies[0].replace("max-age=86400", "max-age=86340")
    assert signature.split("; ")[1:] == value.split("; ")[1:]
    assert signature != first.cookies[1]
    assert (await new.do(lambda session: session.get("n"))).cookies == []
    alone = Sessions(keys=[KEY], clock=clock)
    alone.jar.update(new.jar)
    assert await alone.data() == {"n": 1}


async def test_X05_rotation_happens_without_any_access() -> None:
    old = Sessions(keys=[OLD_KEY])
    await old.do(lambda session: session.update(n=1))
    new = Sessions(keys=[KEY, OLD_KEY])
    new.jar.update(old.jar)
    assert len((await new.do(lambda session: None)).cookies) == 2


async def test_L06_reserved_names_are_refused_on_every_way_in() -> None:
    from gingersnap import ReservedKeyError

    for name in ("_expire", "_maxAge", "_session", "_created", "_owner"):
        for write in (
            lambda scope, name=name: scope["session"].__setitem__(name, 1),
            lambda scope, name=name: scope["session"].update({name: 1}),
            lambda scope, name=name: scope.__setitem__("session", {name: 1}),
        ):
            client = Sessions()
            with pytest.raises(ReservedKeyError, match=name):
                await client.on_scope(write)
            assert client.jar == {}


async def test_L06_names_that_look_like_options_are_ordinary_data() -> None:
    client = Sessions()
    data = {
        name: {"x": 1}
        for name in ("__proto__", "cookie", "isNew", "maxAge", "length", "toJSON", "save", "_x", "constructor", "rolling")
    }
    await client.do(lambda session: session.update(data))
    seen: list[Any] = []
    await client.do(lambda session: seen.extend([session.max_age, session.is_new, dict(session)]))
    assert seen == [86_400, False, data]


async def test_L07_change_that_keeps_the_crc_is_saved(core: Any) -> None:
    before, after = {"role": "admin", "nick": "AAAAAA"}, {"role": "guest", "nick": "avg2Wv"}
    assert core.crc32(core.dumps(before)) == core.crc32(core.dumps(after)) == 0xDB12719E
    client = Sessions()
    await client.do(lambda session: session.update(before))
    response = await client.do(lambda session: session.update(after))
    assert len(response.cookies) == 2
    assert await client.data() == after


async def test_L07_clearing_a_session_whose_crc_is_zero_is_saved(core: Any) -> None:
    data = {"user": "mallory", "nick": "k7V5Gh"}
    assert core.crc32(core.dumps(data)) == 0
    client = Sessions()
    await client.do(lambda session: session.update(data))
    await client.do(lambda session: [session.pop(key) for key in [*session]])
    assert client.jar == {}


async def test_emptied_session_is_removed() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    response = await client.do(lambda session: session.clear())
    assert client.jar == {}
    assert len(response.cookies) == 2


async def test_new_session_left_empty_sets_no_cookie() -> None:
    client = Sessions()
    response = await client.do(lambda session: (session.update(n=1), session.clear()))
    assert response.cookies == []


@pytest.mark.parametrize("wrong", [5, "text", [1], object()])
async def test_scope_session_takes_a_dict_or_none_alone(wrong: Any) -> None:
    client = Sessions()
    with pytest.raises(TypeError, match="dict or None"):
        await client.on_scope(lambda scope: scope.__setitem__("session", wrong))


async def test_scope_session_none_is_a_logout() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    await client.on_scope(lambda scope: scope.__setitem__("session", None))
    assert client.jar == {}


async def test_scope_session_replaced_by_another_dict() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    await client.on_scope(lambda scope: scope.__setitem__("session", {"m": 2}))
    assert await client.data() == {"m": 2}


async def test_too_large_session_sends_nothing_and_names_the_largest_keys() -> None:
    client = Sessions()
    with pytest.raises(CookieTooLarge) as caught:
        await client.do(lambda session: session.update(small=1, notes="x" * 5000, more="y" * 100))
    assert [key for key, _ in caught.value.largest] == ["notes", "more", "small"]
    assert "notes (5010 bytes)" in str(caught.value)
    assert client.jar == {}


async def test_value_that_is_not_json_is_named_by_its_path() -> None:
    client = Sessions()
    with pytest.raises(UnserializableError, match=r"^cart\.items\[1\]: set; store list\(\.\.\.\); a session holds") as caught:
        await client.do(lambda session: session.update(cart={"items": [1, {2}]}))
    assert (caught.value.path, caught.value.problem) == ("cart.items[1]", "set")


async def test_error_page_gets_out_after_a_failed_commit() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["bad"] = object()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        except UnserializableError:
            await send({"type": "http.response.start", "status": 500, "headers": []})

    response = await request(SessionMiddleware(app, keys=[KEY]))
    assert (response.status, response.cookies) == (500, [])


@pytest.mark.parametrize(
    ("late", "keys"),
    [
        (lambda s: s.__setitem__("n", 2), "n"),
        (lambda s: s["cart"].append(1), "cart"),
        (lambda s: s.clear(), "cart, n"),
        (lambda s: s.destroy(), r"\(mark\), cart, n"),
        (lambda s: s.regenerate(), r"\(mark\)"),
        (lambda s: s.__setitem__("n", s.pop("n")), "order of keys"),
    ],
)
async def test_late_change_is_reported_with_its_keys(late: Any, keys: str, caplog: pytest.LogCaptureFixture) -> None:
    events: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        session.update(n=1, cart=[])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        late(session)
        await send({"type": "http.response.body", "body": b""})

    with caplog.at_level(logging.ERROR, "gingersnap"):
        await request(SessionMiddleware(app, keys=[KEY], listeners={"late_write": events.append}))
    assert pytest.importorskip("re").search(keys, caplog.text)
    assert [event.name for event in events] in (["late_write"], [])


async def test_late_change_of_a_kept_reference_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    client = Sessions()
    await client.do(lambda session: session.update(cart=[]))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        cart = scope["session"]["cart"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        cart.append(1)

    later = Browser(SessionMiddleware(app, keys=[KEY]))
    later.jar.update(client.jar)
    await later.get()
    assert "the change is lost: cart" in caplog.text


async def test_late_replacement_in_the_scope_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"] = {"n": 1}

    await request(SessionMiddleware(app, keys=[KEY]))
    assert "the change is lost: n" in caplog.text


async def test_nothing_late_is_nothing_reported(caplog: pytest.LogCaptureFixture) -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1, cart=[1]))
    await client.do(lambda session: session["cart"].append(2))
    await client.do(lambda session: session.get("cart"))
    assert caplog.text == ""


async def test_other_scopes_pass_untouched() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "lifespan"}
    await SessionMiddleware(app, keys=[KEY])(scope, None, None)  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


async def test_second_middleware_does_nothing_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    inner = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[OLD_KEY], key="inner")
    app = SessionMiddleware(inner, keys=[KEY])
    lines = [(await request(app)).cookies for _ in range(2)]
    assert [[line.partition("=")[0] for line in each] for each in lines] == [["koa.sess", "koa.sess.sig"]] * 2
    assert caplog.text.count("second SessionMiddleware") == 1


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("found", [{"user": "ada"}, {}, object()], ids=["dict", "empty", "object"])
async def test_what_another_has_put_into_the_scope_is_left_there_and_it_is_said_once(
    found: Any, stored: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    app = SessionMiddleware(
        app_of(lambda scope: seen.append(scope["session"])), keys=[KEY], store=MemoryStore() if stored else None
    )
    responses = [await request(app, session=found) for _ in range(2)]
    assert [one is found for one in seen] == [True, True]
    assert [(response.status, response.cookies) for response in responses] == [(200, [])] * 2
    assert caplog.text.count("another session middleware is installed too (Starlette's?)") == 1
    assert caplog.text.count("scope['session']") == 1


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore()}], ids=["cookie", "store"])
async def test_what_an_application_that_failed_has_left_in_the_scope_is_no_session_of_another(
    options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail_once(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = {"n": 1}
        if scope.setdefault("tries", 0) == 0:
            scope["tries"] = 1
            raise ZeroDivisionError
        await app_of(lambda scope: None)(scope, receive, send)

    once = SessionMiddleware(fail_once, keys=[KEY], **options)

    async def again(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(ZeroDivisionError):
            await once(scope, receive, send)
        await once(scope, receive, send)

    assert len((await request(again)).cookies) == 2
    assert caplog.text == ""


async def test_none_in_the_scope_is_no_session_of_another(caplog: pytest.LogCaptureFixture) -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY])
    assert len((await request(app, session=None)).cookies) == 2
    assert caplog.text == ""


@pytest.mark.parametrize("given", [[KEY], (KEY,), {"keys": [KEY]}, KEY, KEY.encode()], ids=lambda given: type(given).__name__)
def test_P01_keys_in_the_place_of_options_are_refused_with_the_cure(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^options: it cannot be \w+ of length \d+; pass keys=\[\.\.\.\]") as caught:
        SessionMiddleware(app_of(lambda scope: None), given)
    assert KEY not in locals_of_ours(caught.value)


async def test_two_middlewares_serve_two_sessions() -> None:
    def handler(scope: Any) -> None:
        scope["session"]["n"] = 1
        scope["admin"]["m"] = 2

    inner = SessionMiddleware(app_of(handler), keys=[KEY], scope_key="admin", key="admin")
    client = Browser(SessionMiddleware(inner, keys=[KEY]))
    await client.get()
    assert sorted(client.jar) == ["admin", "admin.sig", "koa.sess", "koa.sess.sig"]


@pytest.mark.parametrize(
    ("outer", "inner", "said"),
    [
        ({}, {}, 1),
        ({}, {"store": MemoryStore()}, 1),
        ({"store": MemoryStore()}, {}, 1),
        ({}, {"path": "/admin"}, 1),
        ({}, {"key": "admin"}, 0),
        ({}, {"store": MemoryStore(), "external_key": HeaderKey("x-admin")}, 0),
        ({"store": MemoryStore(), "external_key": HeaderKey("x-session")}, {}, 0),
    ],
    ids=str,
)
async def test_two_middlewares_with_one_cookie_are_told_of_once(
    outer: Any, inner: Any, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    inner_app = SessionMiddleware(app_of(lambda scope: None), keys=[KEY], scope_key="admin", **inner)
    app = SessionMiddleware(inner_app, keys=[KEY], **outer)
    for _ in range(2):
        await request(app, path="/admin")
    told = "scope['session'] and scope['admin'] are two sessions with one cookie, 'koa.sess': give each middleware a key of its own"
    assert [record.getMessage() for record in caplog.records] == [told] * said


async def test_prepared_options_and_named_ones_do_not_mix() -> None:
    options = SessionOptions(keys=[KEY])
    assert SessionMiddleware(app_of(lambda scope: None), options).options is options
    with pytest.raises(ConfigError, match="replace"):
        SessionMiddleware(app_of(lambda scope: None), options, rolling=True)


async def test_auto_commit_off_writes_on_commit_alone() -> None:
    client = Sessions(auto_commit=False)
    assert (await client.do(lambda session: session.update(n=1))).cookies == []

    async def handler(session: Session) -> None:
        session["n"] = 2
        await session.commit()
        session["n"] = 3

    assert len((await client.do(handler)).cookies) == 2
    assert await client.data() == {"n": 2}


async def test_commit_after_the_start_is_refused() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await scope["session"].commit()

    with pytest.raises(RuntimeError, match="response has started"):
        await request(SessionMiddleware(app, keys=[KEY]))


async def test_commit_with_auto_commit_sends_the_last_word() -> None:
    client = Sessions()

    async def handler(session: Session) -> None:
        session["n"] = 1
        await session.commit()
        session["n"] = 2

    assert len((await client.do(handler)).cookies) == 2
    assert await client.data() == {"n": 2}


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_before_save_may_change_what_is_saved(kind: str) -> None:
    def stamp(scope: Any, session: Session) -> None:
        session["path"] = scope["path"]

    async def stamp_later(scope: Any, session: Session) -> None:
        stamp(scope, session)

    client = Sessions(before_save=stamp if kind == "sync" else stamp_later)
    await client.do(lambda session: session.update(n=1), path="/here")
    assert await client.data() == {"n": 1, "path": "/here"}
    assert (await client.do(lambda session: session.get("n"), path="/there")).cookies == []


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_valid_refuses_a_session(kind: str) -> None:
    async def later(scope: Any, session: Any) -> bool:
        return bool(session.get("n") != 2)

    events: list[Any] = []
    valid = later if kind == "async" else (lambda scope, session: session.get("n") != 2)
    client = Sessions(valid=valid, listeners={"invalid": events.append})
    await client.do(lambda session: session.update(n=1))
    assert await client.data() == {"n": 1}
    await client.do(lambda session: session.update(n=2))
    assert await client.data() == {}
    assert [event.name for event in events] == ["invalid"]


async def test_custom_codec_is_used_both_ways() -> None:
    import json

    client = Sessions(encode=lambda data: json.dumps(data).encode().hex(), decode=lambda text: json.loads(bytes.fromhex(text)))
    await client.do(lambda session: session.update(n=[1, "ä"]))
    assert json.loads(bytes.fromhex(client.jar["koa.sess"]))["n"] == [1, "ä"]
    assert await client.data() == {"n": [1, "ä"]}
    assert (await client.do(lambda session: session["n"])).cookies == []


async def test_decode_that_fails_gives_a_new_session() -> None:
    events: list[Any] = []

    def decode(text: str) -> Any:
        raise KeyError(text)

    client = Sessions(encode=lambda data: "x", decode=decode, listeners={"corrupt": events.append})
    await client.do(lambda session: session.update(n=1))
    assert await client.data() == {}
    assert [event.name for event in events] == ["corrupt"]


async def test_encode_that_gives_no_cookie_value_is_refused() -> None:
    client = Sessions(encode=lambda data: "a;b", decode=lambda text: {})
    with pytest.raises(ValueError, match="no cookie value"):
        await client.do(lambda session: session.update(n=1))


async def test_session_cookie_options_hold_for_later_responses() -> None:
    client = Sessions()

    def handler(session: Session) -> None:
        session["n"] = 1
        session.cookie.domain = "example.com"
        session.cookie.same_site = "strict"

    response = await client.do(handler)
    assert all("; domain=example.com; samesite=strict" in line for line in response.cookies)
    response = await client.do(lambda session: session.update(n=2))
    assert all("; domain=example.com; samesite=strict" in line for line in response.cookies)


async def test_session_cookie_options_are_checked() -> None:
    client = Sessions()
    for name, value in (("domain", "a b"), ("same_site", "maybe"), ("path", "x"), ("secure", 1)):
        with pytest.raises(ConfigError, match=name):
            await client.do(lambda session, name=name, value=value: setattr(session.cookie, name, value))
    with pytest.raises(AttributeError, match="only path"):
        await client.do(lambda session: setattr(session.cookie, "max_age", 5))


@pytest.mark.parametrize(
    ("options", "scope", "secure"),
    [
        ({}, {}, False),
        ({}, {"scheme": "https"}, True),
        ({"secure": True}, {}, True),
        ({"secure": False}, {"scheme": "https"}, False),
        ({}, {"headers": [(b"x-forwarded-proto", b"https")]}, False),
        ({"trust_proxy": True}, {"headers": [(b"x-forwarded-proto", b"https, http")]}, True),
        ({"trust_proxy": True}, {"headers": [(b"x-forwarded-proto", b"http")], "scheme": "https"}, False),
        ({"trust_proxy": True}, {"scheme": "https"}, True),
    ],
)
async def test_secure_follows_the_connection(options: Any, scope: Any, secure: bool) -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], **options)
    response: Response = await request(app, **scope)
    assert ["; secure" in line for line in response.cookies] == [secure, secure]


async def test_same_site_auto_is_none_over_https_alone() -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], same_site="auto")
    assert "samesite=lax" in (await request(app)).cookies[0]
    assert "samesite=none; secure" in (await request(app, scheme="https")).cookies[0]


async def test_exception_of_the_application_passes_and_saves_nothing() -> None:
    def handler(session: Session) -> None:
        session["n"] = 1
        raise LookupError("theirs")

    client = Sessions()
    with pytest.raises(LookupError, match="theirs"):
        await client.do(handler)
    assert client.jar == {}


async def test_websocket_gets_its_cookie_with_accept() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "x"})

    async def send(message: Any) -> None:
        sent.append(message)

    await SessionMiddleware(app, keys=[KEY])({"type": "websocket", "headers": [], "scheme": "wss"}, None, send)  # type: ignore[arg-type]
    lines = [value for name, value in sent[0]["headers"] if name == b"set-cookie"]
    assert len(lines) == 2
    assert b"; secure" in lines[0]
    assert sent[1] == {"type": "websocket.send", "text": "x"}


async def test_websocket_denied_with_a_response_gets_its_cookie_there() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    await SessionMiddleware(app, keys=[KEY])({"type": "websocket", "headers": []}, None, send)  # type: ignore[arg-type]
    assert len([name for name, _ in sent[0]["headers"] if name == b"set-cookie"]) == 2


async def test_memory_of_a_request_goes_at_once() -> None:
    import gc
    import weakref

    class Mark:
        pass

    marks: list[Any] = []

    def handler(scope: Any) -> None:
        mark = Mark()
        marks.append(weakref.ref(mark))
        scope["mark"] = mark
        scope["session"]["n"] = 1

    app = SessionMiddleware(app_of(handler), keys=[KEY])
    gc.disable()
    try:
        await request(app)
        assert marks[0]() is None
    finally:
        gc.enable()


async def test_P01_logs_and_events_show_no_value(caplog: pytest.LogCaptureFixture) -> None:
    secret = "hunter2-the-value"
    events: list[Any] = []
    names = ("created", "saved", "tampered", "late_write", "destroyed", "corrupt")
    client = Sessions(listeners=dict.fromkeys(names, events.append))

    def write(session: Session) -> None:
        session.update(password=secret, cart=[secret])

    with caplog.at_level(logging.DEBUG):
        await client.do(write)
        value, signature = client.jar["koa.sess"], client.jar["koa.sess.sig"]
        client.jar["koa.sess.sig"] = "x" * 43
        await client.do(lambda session: session.get("password"))
        client.jar["koa.sess.sig"] = signature
        with pytest.raises(UnserializableError) as caught:
            await client.do(lambda session: session["cart"].append({secret}))
        await client.do(lambda session: session.destroy())
    shown = caplog.text + repr(events) + str(caught.value) + repr(caught.value)
    assert [event.name for event in events] == ["created", "saved", "tampered", "destroyed"]
    assert [leak for leak in (secret, value, signature, KEY) if leak in shown] == []


def signed(payload: Any, *, name: str = "koa.sess") -> list[tuple[bytes, bytes]]:
    """Sign any payload with the key of these tests."""
    import base64
    import json

    from gingersnap import _core

    value = base64.b64encode(json.dumps(payload).encode())
    pair = name.encode() + b"=" + value
    digest = _core.Keygrip([KEY.encode()], "sha256").sign(pair).encode()
    return [(b"cookie", pair + b"; " + name.encode() + b".sig=" + digest)]


NOW_MS = int(Clock().now * 1000)
ODD_PAYLOADS = {
    "list": [],
    "string": "s",
    "number": 5,
    "null": None,
    "no end": {"n": 1},
    "end of another type": {"n": 1, "_expire": "never", "_maxAge": 5},
    "float end": {"n": 1, "_expire": NOW_MS + 5.5, "_maxAge": 10},
    "negative": {"n": 1, "_expire": -5, "_maxAge": 10},
    "absurd end": {"n": 1, "_expire": 2**60, "_maxAge": 10},
    "absurd lifetime": {"n": 1, "_expire": NOW_MS + 5, "_maxAge": 10**20},
    "lifetime of 64 bits": {"n": 1, "_expire": NOW_MS + 5, "_maxAge": 2**63},
    "lifetime of 60 bits": {"n": 1, "_expire": NOW_MS + 5, "_maxAge": 2**60},
    "negative lifetime": {"n": 1, "_expire": NOW_MS + 5, "_maxAge": -10},
    "lifetime of another type": {"n": 1, "_expire": NOW_MS + 5, "_maxAge": [1]},
    "far end": {"n": 1, "_expire": NOW_MS + 10**9, "_maxAge": 10},
    "session flag of another type": {"n": 1, "_session": "yes"},
}


@pytest.mark.parametrize("payload", ODD_PAYLOADS.values(), ids=ODD_PAYLOADS)
async def test_D03_L05_signed_but_odd_is_a_new_session_that_can_be_written(payload: Any) -> None:
    seen: list[Any] = []
    app = SessionMiddleware(
        app_of(lambda scope: (seen.append(dict(scope["session"])), scope["session"].update(m=2))), keys=[KEY], clock=Clock()
    )
    response = await request(app, headers=signed(payload))
    assert (response.status, seen, len(response.cookies)) == (200, [{}], 2)


@pytest.mark.parametrize("max_age_ms", [2**53, 2**53 - 1, 10 * 365 * 86_400_000])
async def test_C02_lifetime_from_the_wire_is_cut_to_what_browsers_keep(max_age_ms: int) -> None:
    client = Sessions(clock=Clock())
    data = {"n": 1, "_expire": NOW_MS + 5, "_maxAge": max_age_ms, "_session": False}
    client.jar.update(pair.split("=", 1) for pair in signed(data)[0][1].decode().split("; "))
    response = await client.do(lambda session: session.update(n=2))
    assert "expires=Wed, 29 Dec 2027" in response.cookies[0]
    assert await client.data() == {"n": 2}


async def test_L06_reserved_members_of_a_payload_are_not_data() -> None:
    seen: list[Any] = []
    payload = {"n": 1, "_created": 5, "_owner": {"a": 1}, "_expire": NOW_MS + 5, "_maxAge": 10}
    app = SessionMiddleware(
        app_of(lambda scope: seen.extend([dict(scope["session"]), scope["session"].owner])), keys=[KEY], clock=Clock()
    )
    await request(app, headers=signed(payload))
    assert seen == [{"n": 1}, None]


async def test_D01_thousands_of_cookie_headers_are_joined_in_one_pass() -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].get("n")), keys=[KEY])
    response = await request(app, headers=[(b"cookie", b"aaaaaa=b")] * 200_000)
    assert response.status == 200


async def test_D02_session_at_the_limit_is_read_back() -> None:
    client = Sessions(max_cookie_bytes=65_536, max_header_bytes=1_000_000)
    await client.do(lambda session: session.update(a=[0] * 9998))
    assert await client.data() == {"a": [0] * 9998}


@pytest.mark.parametrize("hook", [lambda scope, session: None, lambda scope, session: 1 / 0])
async def test_error_page_gets_out_past_a_hook(hook: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["x"] = {1} if hook(scope, None) is None else 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except (UnserializableError, ZeroDivisionError):
            await send({"type": "http.response.start", "status": 500, "headers": []})

    assert (await request(SessionMiddleware(outer, keys=[KEY], before_save=hook))).status == 500


async def test_hook_does_not_change_the_exception() -> None:
    client = Sessions(before_save=lambda scope, session: None)
    with pytest.raises(CookieTooLarge, match="notes"):
        await client.do(lambda session: session.update(notes="x" * 70_000))


@pytest.mark.parametrize("option", [{"same_site": "none", "secure": True}, {"priority": "high"}, {"path": "/a"}])
async def test_C01_words_of_other_types_are_written_as_they_were_checked(option: dict[str, Any]) -> None:
    import enum

    class Odd(str):
        def __format__(self, spec: str) -> str:
            return "\r\nx: y"

        __str__ = __repr__ = lambda self: "\r\nx: y"

    name, value = next(iter(option.items()))
    word = enum.Enum("Word", {"ONE": value}, type=str).ONE
    for dressed in (word, Odd(value)):
        response = await Sessions(**{**option, name: dressed}).do(lambda session: session.update(n=1))
        assert response.cookies[0].partition("expires")[0].endswith("; ")
        assert value in response.cookies[0]
        assert "\r" not in response.cookies[0]
        assert "Word" not in response.cookies[0]


def test_P01_tracebacks_show_no_key_and_no_data() -> None:
    def locals_of(call: Any) -> str:
        try:
            call()
        except Exception as error:
            return locals_of_ours(error)
        return ""

    marker = "hunter2hunter2hunter2hunter2hunter2"
    for options in ({"max_age": -1}, {"maxAge": 1}, {"keys": [marker, marker[:9]]}, {"keys": [marker, 5]}, {"key": ";"}):
        shown = locals_of(lambda options=options: SessionMiddleware(None, **{"keys": [marker], **options}))  # type: ignore[arg-type]
        assert shown
        assert marker not in shown
    from tests.asgi import run

    for data in ({"notes": marker * 500}, {"a": marker, "_owner": 1}, {"a": marker, "b": {1}}):
        shown = locals_of(lambda data=data: run(Sessions().do(lambda session: session.update(data))))
        assert shown
        assert marker not in shown


async def test_changes_without_a_response_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.close"})

    async def send(message: Any) -> None:
        return None

    await SessionMiddleware(app, keys=[KEY])({"type": "websocket", "headers": []}, None, send)  # type: ignore[arg-type]
    assert "no response was started, and the change is lost: n" in caplog.text


@pytest.mark.parametrize(("late", "told"), [({5: 1, "a": 1}, "5, a"), (5, "dict or None")])
async def test_late_report_never_raises(late: Any, told: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"] = late

    await request(SessionMiddleware(app, keys=[KEY]))
    assert told in caplog.text


async def test_headers_that_can_be_read_once_are_left_for_the_application() -> None:
    seen: list[Any] = []
    app = SessionMiddleware(
        app_of(lambda scope: (seen.extend(scope["headers"]), scope["session"].update(n=1))), keys=[KEY], trust_proxy=True
    )
    response = await request(app, headers=iter([(b"x-forwarded-proto", b"https")]))
    assert seen == [(b"x-forwarded-proto", b"https")]
    assert "; secure" in response.cookies[0]


async def test_scope_that_is_dispatched_again_gets_a_new_session() -> None:
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY])
    lines: list[int] = []

    async def twice(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            sent: list[Any] = []

            async def collect(message: Any, sent: list[Any] = sent) -> None:
                sent.append(message)

            await app(scope, receive, collect)
            lines.append(len([name for name, _ in sent[0]["headers"] if name == b"set-cookie"]))

    await request(twice)
    assert lines == [2, 2]


async def test_valid_cannot_change_the_session() -> None:
    client = Sessions(valid=lambda scope, data: data["cart"].append(1) or True)
    await client.do(lambda session: session.update(cart=[]))
    assert (await client.do(lambda session: session["cart"])).cookies == []


async def test_created_outlives_a_neighbour_without_absolute_age() -> None:
    clock = Clock()
    strict, lax = Sessions(absolute_age=100, clock=clock), Sessions(clock=clock)
    await strict.do(lambda session: session.update(n=1))
    for _ in range(3):
        clock.now += 40
        lax.jar.update(strict.jar)
        await lax.do(lambda session: session.update(n=session["n"] + 1))
        strict.jar.update(lax.jar)
    assert await strict.data() == {}


def test_async_listener_without_asyncio_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def listener(event: Any) -> None:
        raise AssertionError

    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], listeners={"created": listener})

    async def send(message: Any) -> None:
        return None

    with pytest.raises(StopIteration):
        app({"type": "http", "headers": []}, None, send).send(None)  # type: ignore[arg-type,attr-defined]
    assert "needs asyncio" in caplog.text
