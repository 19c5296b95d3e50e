"""The other systems' layouts: their own cookies are read, and what is written is theirs."""

import json
import re
import warnings
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from starlette.middleware.sessions import SessionMiddleware as StarletteMiddleware

from gingersnap import Accept, ConfigError, HeaderKey, SessionMiddleware, SessionOptions, _core
from gingersnap.dialects import DIALECTS, FORMATS, PRESETS, RECORDS, native
from gingersnap.dialects.record import Dates
from gingersnap.stores import MemoryStore, OwnerIndex, PostgresStore, RedisStore, Saved, SQLAlchemyStore
from tests.asgi import KEY, NOW, OLD_KEY, Browser, Clock, Sessions, app_of
from tests.doubles import RecordingStore


def options(**given: Any) -> SessionOptions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SessionOptions(allow_weak_keys=True, **given)


def test_E03_express_s_own_cookie_is_read_and_written() -> None:
    id = "gTqhhJbfy8s53FiVp80iiy7ixcWJ677y"
    line = f"connect.sid=s%3A{id}.Jd%2BsbdlcElFCncx0N6vytq5seTXt9TcJePRZbjrjS%2FA"
    layout = FORMATS["express"](options(keys=["n", "o"], preset="express", store=MemoryStore()))
    assert layout.read([(b"cookie", line.encode())]) == (id.encode(), 0)
    assert layout.cookie(False, None).lines(id.encode(), None) == [f"{line}; Path=/; HttpOnly".encode()]
    assert layout.read([(b"cookie", line.replace("s%3Ag", "s%3Ah").encode())]) == "tampered"


def test_J09_cookie_session_s_own_cookie_is_read_and_written() -> None:
    layout = FORMATS["cookie-session"](options(keys=["n", "o"], preset="cookie-session"))
    into: dict[str, Any] = {}
    loaded = layout.load([(b"cookie", b"session=eyJhIjoxfQ==; session.sig=vHy9rp8nJmgSaFO5XPU7cRda3dA")], into, 0)
    assert loaded is not None
    assert (loaded[:3], into) == ((b'{"a":1}', 0, True), {"a": 1})
    lines = layout.write(layout.cookie(False, None), b'{"a":1}', (None, None, None, None), False)
    assert isinstance(lines, list)
    assert [line.split(b";")[0] for line in lines] == [b"session=eyJhIjoxfQ==", b"session.sig=vHy9rp8nJmgSaFO5XPU7cRda3dA"]


async def test_starlette_s_sessions_go_on_in_ours_and_back() -> None:
    def visit(scope: Any) -> None:
        scope["session"]["n"] = scope["session"].get("n", 0) + 1
        seen.append(dict(scope["session"]))

    seen: list[Any] = []
    theirs = Browser(StarletteMiddleware(app_of(visit), KEY))
    ours = Browser(SessionMiddleware(app_of(visit), keys=[KEY], preset="starlette"))
    ours.jar = theirs.jar
    for side in (theirs, ours, theirs, ours):
        (line,) = (await side.get()).cookies
        assert line.endswith("; path=/; Max-Age=1209600; httponly; samesite=lax")
    assert seen == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]


async def test_E34_a_record_of_express_holds_its_cookie() -> None:
    store = MemoryStore()
    client = Sessions(preset="express", store=store, max_age=60)
    await client.do(lambda s: s.update(a=1))
    seen: list[Any] = []
    await client.do(lambda s: seen.append((dict(s), s.external_key)))
    ((data, id),) = seen
    record = await store.load(id)
    assert data == {"a": 1}
    assert record is not None
    assert record.value.startswith(b'{"cookie":{"originalMaxAge":60000,"expires":"20')
    assert record.value.endswith(b'Z","httpOnly":true,"path":"/"},"a":1}')


@pytest.mark.parametrize("value", [b"{}", b"[]", b'{"a":1}', b'{"cookie":1}', b'{"cookie":{"originalMaxAge":"x"}}', b"\xff"])
@pytest.mark.parametrize("preset", ["express", "koa-generic"])
async def test_E23_a_record_that_makes_no_sense_is_a_new_session_and_stays(preset: Any, value: bytes) -> None:
    store = MemoryStore()
    client = Sessions(preset=preset, store=store)
    await client.do(lambda s: s.update(a=1))
    keys: list[str] = []
    await client.do(lambda s: keys.append(s.store_key))
    record = await store.load(keys[0])
    assert record is not None
    await store.replace(keys[0], value, 60_000, version=record.version)
    seen: list[Any] = []
    assert (await client.do(lambda s: seen.append(dict(s)))).status == 200
    left = await store.load(keys[0])
    assert left is not None
    assert (seen, left.value) == ([{}], value)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"preset": "express"}, "store"),
        ({"preset": "koa-generic"}, "store"),
        ({"preset": "cookie-session", "store": MemoryStore()}, "store"),
        ({"preset": "starlette", "store": MemoryStore()}, "store"),
        ({"preset": "starlette", "absolute_age": 5}, "absolute_age"),
        ({"preset": "starlette", "algorithm": "sha256"}, "algorithm"),
        ({"preset": "express", "store": MemoryStore(), "algorithm": "sha1"}, "algorithm"),
        ({"preset": "express", "store": MemoryStore(), "signed": False}, "signed"),
        ({"preset": "cookie-session", "renew": True}, "renew"),
        ({"preset": "cookie-session", "encode": str, "decode": dict}, "encode"),
        ({"preset": "koa", "store": MemoryStore(), "ttl": 5}, "ttl"),
        ({"store": MemoryStore(), "ttl": 5}, "ttl"),
    ],
)
def test_a_preset_that_cannot_work_says_what_to_do(given: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: "):
        SessionOptions(keys=[KEY], **given)


REDIS, POSTGRES = "redis://h/0", "postgresql://h/d"


@pytest.mark.parametrize(
    ("preset", "store", "layout", "said"),
    [
        ("express", "Redis", "native", "the store's own with preset='express' .*; pass layout='connect-redis' to RedisStore$"),
        ("express", "Postgres", "native", ".* with preset='express' .*; pass layout='connect-pg-simple' to PostgresStore$"),
        ("koa-generic", "Redis", "native", ".* with preset='koa-generic' .*; pass layout='koa-redis' to RedisStore$"),
        (None, "Redis", "connect-redis", "'connect-redis' with no preset .*; pass preset='express', or leave out layout$"),
        (None, "Redis", "koa-redis", "'koa-redis' with no preset .*; pass preset='koa-generic', or leave out layout$"),
        (None, "Postgres", "connect-pg-simple", ".* with no preset .*; pass preset='express', or leave out layout$"),
        ("express", "Redis", "koa-redis", "'koa-redis' with preset='express' .*; pass preset='koa-generic', or leave out layout$"),
        ("koa-generic", "Redis", "connect-redis", ".* with preset='koa-generic' .*; pass preset='express', or leave out layout$"),
        *(("express", "Redis", "connect-redis", None), ("express", "Postgres", "connect-pg-simple", None)),
        *(
            ("koa-generic", "Redis", "koa-redis", None),
            ("koa-generic", "Postgres", "native", None),
            (None, "Redis", "native", None),
        ),
        *(("koa", "Redis", "native", None), ("koa", "Redis", "koa-redis", None), ("koa", "Redis", "connect-redis", None)),
    ],
)
def test_a_preset_and_a_layout_that_share_nothing_are_warned_of(preset: Any, store: str, layout: Any, said: str | None) -> None:
    made: Any = RedisStore(REDIS, layout=layout) if store == "Redis" else PostgresStore(POSTGRES, layout=layout)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SessionOptions(keys=[KEY], preset=preset, store=made)
        Accept(until=1e10, keys=[KEY], preset=preset, store=made)
    assert len(caught) == (0 if said is None else 2)
    for warning in caught:
        assert warning.category is UserWarning
        assert re.match(f"layout: {said}", str(warning.message))


@pytest.mark.parametrize(("preset", "warned"), [("express", 1), ("koa-generic", 0), ("koa", 0), (None, 0)])
def test_express_does_not_read_what_sqlalchemy_store_keeps_by_itself(preset: Any, warned: int) -> None:
    pytest.importorskip("aiosqlite")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SessionOptions(keys=[KEY], preset=preset, store=SQLAlchemyStore("sqlite+aiosqlite://"))
    assert ["'express-mysql-session' to SQLAlchemyStore" in str(warning.message) for warning in caught] == [True] * warned


@pytest.mark.parametrize("call", ["sessions_of", "destroy_all"])
@pytest.mark.parametrize(
    ("make", "layout"),
    [
        (lambda layout: RedisStore(REDIS, layout=layout), "connect-redis"),
        (lambda layout: RedisStore(REDIS, layout=layout), "koa-redis"),
        (lambda layout: PostgresStore(POSTGRES, layout=layout), "connect-pg-simple"),
        (lambda layout: SQLAlchemyStore("mysql+asyncmy://h/d", layout=layout), "express-mysql-session"),
    ],
)
def test_a_layout_without_owners_says_so(make: Any, layout: Any, call: str) -> None:
    if layout == "express-mysql-session":
        pytest.importorskip("asyncmy")
    store = make(layout)
    with pytest.raises(AttributeError, match=f"^no {call} with layout='{layout}': its records have no owner; keep sessions with"):
        getattr(store, call)
    assert not hasattr(store, call)
    assert not isinstance(store, OwnerIndex)


def test_the_habits_know_every_preset_and_every_reserved_name() -> None:
    assert set(DIALECTS) == set(FORMATS) == {None, *PRESETS}
    assert set(RECORDS) == {preset for preset, dialect in DIALECTS.items() if dialect.store is not False}
    assert set(_core.RESERVED) == native.DIALECT.reserved


def express(**given: Any) -> tuple[RecordingStore, Sessions]:
    store = RecordingStore()
    return store, Sessions(**{"preset": "express", "store": store, "resave": False, "allow_empty": False, **given})


def _written(store: RecordingStore) -> list[str]:
    """Return the calls that write, since the last time."""
    return [call for call in store.noted() if not call.startswith("load")]


async def test_E13_a_new_empty_session_is_stored_and_told_where_that_is_wanted() -> None:
    store, client = express(allow_empty=True)
    assert len((await client.do(lambda s: None)).cookies) == 1
    assert _written(store) == ["create"]
    assert (await client.do(lambda s: None)).cookies == []
    store, client = express()
    assert (await client.do(lambda s: s.get("n"))).cookies == []
    assert _written(store) == []


async def test_E13_a_session_that_was_just_ended_is_not_begun_anew() -> None:
    store, client = express(allow_empty=True)
    await client.do(lambda s: s.update(n=1))
    _written(store)

    async def end(session: Any) -> None:
        session.destroy()
        await session.commit()

    assert (await client.do(end)).cookies == []
    assert _written(store) == ["destroy"]


@pytest.mark.parametrize(("resave", "calls"), [(True, ["replace"]), (False, [])])
async def test_E12_an_unchanged_session_is_written_where_that_is_wanted(resave: bool, calls: list[str]) -> None:
    store, client = express(resave=resave)
    await client.do(lambda s: s.update(n=1))
    _written(store)
    for handler in (lambda s: None, lambda s: s.get("n")):
        assert (await client.do(handler)).cookies == []
        assert _written(store) == calls
    assert await client.data() == {"n": 1}


@pytest.mark.parametrize(("given", "cookies"), [({"rolling": True}, 1), ({}, 0)])
async def test_E12_resave_writes_what_is_rolling_or_touched_too(given: dict[str, Any], cookies: int) -> None:
    store, client = express(resave=True, max_age=600, **given)
    await client.do(lambda s: s.update(n=1))
    _written(store)
    assert len((await client.do(lambda s: s.touch())).cookies) == cookies
    assert _written(store) == ["replace"]


async def test_E17_an_unchanged_session_is_renewed_in_the_store_alone() -> None:
    store, client = express(max_age=600)
    seen: list[str] = []
    await client.do(lambda s: s.update(n=1))
    await client.do(lambda s: seen.append(s.store_key))
    _written(store)
    assert await store.touch(seen[0], 1) is True
    record = await store.load(seen[0])
    assert record is not None
    await store.replace(seen[0], record.value, 60_000, version=record.version)
    _written(store)
    assert (await client.do(lambda s: None)).cookies == []
    assert _written(store) == ["touch"]
    again = await store.load(seen[0])
    assert again is not None
    assert (again.value, (again.ttl_ms or 0) > 500_000) == (record.value, True)


@pytest.mark.parametrize(("preset", "renewed"), [("express", True), ("koa-generic", False)])
async def test_E17_X05_a_cookie_of_an_older_key_keeps_no_record_from_being_renewed(preset: Any, renewed: bool) -> None:
    given: dict[str, Any] = {"preset": preset, "store": (store := MemoryStore()), "max_age": 600}
    given |= {"allow_empty": False, "resave": False} if preset == "express" else {}
    client = Sessions(keys=[OLD_KEY], **given)
    await client.do(lambda s: s.update(n=1))
    [key], _ = await store.keys(None, 2)
    record = await store.load(key)
    assert record is not None
    await store.replace(key, record.value, 60_000, version=record.version)
    later = Sessions(keys=[KEY, OLD_KEY], **given)
    later.browser.jar = client.jar
    assert (await later.do(lambda s: None)).cookies != []
    again = await store.load(key)
    assert again is not None
    assert ((again.ttl_ms or 0) > 500_000) == renewed


@pytest.mark.parametrize(("max_age", "cookies"), [("session", 0), (600, 1)])
async def test_E16_a_change_is_told_where_the_cookie_has_a_date(max_age: Any, cookies: int) -> None:
    _, client = express(max_age=max_age)
    assert len((await client.do(lambda s: s.update(n=1))).cookies) == 1
    assert len((await client.do(lambda s: s.update(n=2))).cookies) == cookies
    assert await client.data() == {"n": 2}


async def test_E28_the_cookie_of_an_ended_session_stays_and_opens_nothing() -> None:
    store, client = express()
    await client.do(lambda s: s.update(n=1))
    assert (await client.do(lambda s: s.destroy())).cookies == []
    assert (await client.data(), len(store), len(client.jar)) == ({}, 0, 1)


async def test_E15_null_keeps_the_session_or_ends_it() -> None:
    for unset, left in (("keep", {"n": 1}), ("destroy", {})):
        _, client = express(unset=unset)

        def leave(scope: Any) -> None:
            scope["session"]["n"] = 2
            scope["session"] = None

        await client.do(lambda s: s.update(n=1))
        app = client.browser.app
        assert isinstance(app, SessionMiddleware)
        inner, app.app = app.app, app_of(leave)
        assert (await client.browser.get()).cookies == []
        app.app = inner
        assert await client.data() == left


@pytest.mark.parametrize("path", ["/app", "/app/", "/app/x"])
async def test_E19_requests_within_the_path_have_a_session(path: str) -> None:
    there: list[bool] = []
    middleware = SessionMiddleware(app_of(lambda scope: there.append("session" in scope)), keys=[KEY], path="/app", match_path=True)
    await Browser(middleware).get(path)
    assert there == [True]


@pytest.mark.parametrize("path", ["/", "/apple", "/ap", ""])
async def test_E19_requests_outside_of_the_path_have_none(path: str) -> None:
    there: list[bool] = []
    middleware = SessionMiddleware(app_of(lambda scope: there.append("session" in scope)), keys=[KEY], path="/app", match_path=True)
    await Browser(middleware).get(path)
    assert there == [False]


@pytest.mark.parametrize(
    ("root", "path", "within"),
    [
        ("/app", "/x", True),
        ("/app", "/app/x", True),
        ("/app/", "/x", True),
        ("/app", "", True),
        ("/outer", "/app/x", False),
        ("/apple", "/x", False),
        ("/ap", "/apple/x", False),
        ("/ap", "/p/x", False),
        ("/", "/app/x", True),
    ],
)
async def test_E19_the_path_is_the_one_that_the_client_asked_for(root: str, path: str, within: bool) -> None:
    there: list[bool] = []
    middleware = SessionMiddleware(app_of(lambda scope: there.append("session" in scope)), keys=[KEY], path="/app", match_path=True)
    await Browser(middleware, root_path=root).get(path)
    assert there == [within]


@pytest.mark.parametrize(("ttl", "ms"), [(5, 5_000), (lambda data: data["n"], 7_000), (None, 86_400_000)])
def test_G03_the_store_keeps_a_record_as_long_as_ttl_says(ttl: Any, ms: int) -> None:
    given = options(keys=[KEY], preset="koa-generic", store=MemoryStore(), ttl=ttl)
    dates = Dates(1_000 + 86_400_000, 86_400_000, None, None)
    assert (RECORDS["koa-generic"](given).ttl_ms(b'{"n":7}', dates, 1_000) or 86_400_000) == ms


async def test_G08_a_deferred_session_that_nobody_asks_for_is_not_begun() -> None:
    store = RecordingStore()
    client = Sessions(preset="koa-generic", store=store, defer=True, allow_empty=True)
    assert (await client.do(lambda s: None)).cookies == []
    assert _written(store) == []
    assert len((await client.do(lambda s: s.load())).cookies) == 2
    client.jar["koa.sid.sig"] = "A" * 27
    assert (await client.on_scope(lambda scope: None)).cookies == []
    assert _written(store) == ["create"]


async def test_G03_a_record_is_kept_no_longer_than_ttl_says() -> None:
    store = RecordingStore()
    client = Sessions(preset="koa-generic", store=store, max_age="session", ttl=600)
    await client.do(lambda s: s.update(n=1))
    _written(store)
    assert await client.data() == {"n": 1}
    assert _written(store) == []


@pytest.mark.parametrize("given", [{}, {"secure": "auto"}])
async def test_G04_the_connection_says_each_time_whether_the_cookie_is_Secure(given: dict[str, Any]) -> None:
    client = Sessions(preset="koa-generic", store=MemoryStore(), **given)
    for scheme in ("https", "http", "https"):
        lines = (await client.do(lambda s: s.update(n=s.get("n", 0) + 1), scheme=scheme)).cookies
        assert ["; secure" in line for line in lines] == [scheme == "https"] * 2


@pytest.mark.parametrize("preset", ["koa", "koa-generic", "cookie-session"])
async def test_K48_the_removal_of_a_signature_is_Secure_where_the_connection_is(preset: Any) -> None:
    store = {"store": MemoryStore()} if DIALECTS[preset].store else {}
    client = Sessions(preset=preset, secure=False, **store)
    await client.do(lambda s: s.update(n=1))
    name = next(name for name in client.jar if name.endswith(".sig"))
    for scheme in ("https", "http"):
        client.jar[name] = "A" * 27
        [line] = (await client.do(lambda s: s.get("n"), scheme=scheme)).cookies
        assert line.startswith(f"{name}=;")
        assert ("; secure" in line) == (scheme == "https")


async def test_G04_a_record_of_koa_generic_session_holds_its_cookie() -> None:
    store = MemoryStore()
    client = Sessions(preset="koa-generic", store=store)
    lines = (await client.do(lambda s: s.update(a=1))).cookies
    assert [line.split("=")[0] for line in lines] == ["koa.sid", "koa.sid.sig"]
    record = await store.load("koa:sess:" + client.jar["koa.sid"])
    assert record is not None
    cookie = b'{"httpOnly":true,"path":"/","overwrite":true,"signed":true,"maxAge":86400000}'
    assert record.value == b'{"cookie":' + cookie + b',"a":1}'


_DATE = re.compile(r"(expires|max-age)=([^;]*)", re.IGNORECASE)


def undated(line: str) -> str:
    """Give a cookie's attributes, without what its date says."""
    return _DATE.sub(r"\1", line.partition(";")[2])


def end_s(line: str) -> float:
    """Say when a cookie ends, in seconds since 1970."""
    match = _DATE.search(line)
    assert match is not None
    word, said = match.groups()
    return NOW + int(said) if word.lower() == "max-age" else parsedate_to_datetime(said).timestamp()


@pytest.mark.parametrize("preset", ["express", "koa-generic", "cookie-session", "starlette"])
async def test_X05_a_cookie_of_an_older_key_is_sent_anew_in_full(preset: Any) -> None:
    store = {"store": MemoryStore()} if DIALECTS[preset].store else {}
    clock = Clock()
    given: dict[str, Any] = {"preset": preset, "max_age": 600, "path": "/", "clock": clock, **store}
    client = Sessions(keys=[OLD_KEY], **given)
    first = (await client.do(lambda s: s.update(n=1))).cookies
    later = Sessions(keys=[KEY, OLD_KEY], **given)
    later.browser.jar = client.jar
    again = (await later.do(lambda s: s.get("n"))).cookies
    assert [undated(line) for line in again] == [undated(line) for line in first]
    # A store counts by a clock of its own.
    assert all(abs(end_s(line) - end_s(first[0])) < 60 for line in [*first, *again])
    only = Sessions(keys=[KEY], **given)
    only.browser.jar = client.jar
    assert await only.data() == {"n": 1}


async def test_X05_a_new_signature_is_no_renewal_of_starlette_s_session() -> None:
    clock = Clock()
    client = Sessions(keys=[OLD_KEY], preset="starlette", max_age=100, clock=clock)
    await client.do(lambda s: s.update(n=1))
    later = Sessions(keys=[KEY, OLD_KEY], preset="starlette", max_age=100, clock=clock)
    later.browser.jar = client.jar
    clock.now = NOW + 60
    assert len((await later.do(lambda s: s.get("n"))).cookies) == 1
    clock.now = NOW + 102
    assert await later.data() == {}


async def test_a_login_that_no_place_would_keep_is_refused() -> None:
    _, client = express()
    with pytest.raises(TypeError, match="keeps no owner"):
        await client.do(lambda s: s.login("ada"))


async def test_K15_an_id_that_the_application_carries_needs_no_keys() -> None:
    client = Sessions(keys=(), preset="express", store=MemoryStore(), external_key=HeaderKey("x-session"))
    assert (await client.do(lambda s: s.update(n=1))).get("x-session")


HOSTILE = [
    b"",
    b"connect.sid=",
    b"connect.sid=s%3A",
    b"connect.sid=s%3A.",
    b"connect.sid=s%3A.%ff%00%",
    b"connect.sid=s:x." + b"A" * 43,
    b"connect.sid=%",
    b"connect.sid=" + b"%2e" * 4_000,
    b"connect.sid=s%3A" + b"." * 9_000,
    b"koa.sid=x; koa.sid.sig=" + b"A" * 27,
    b"session=.",
    b"session=..",
    b"session=e30=.AAAAA.x",
    b"session=e30=.A." + b"A" * 27,
    b"session=null",
    b"session=" + b"=" * 9_000,
    b"session=e30=; session.sig=\xff",
]


@pytest.mark.parametrize("cookie", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("preset", ["express", "koa-generic", "cookie-session", "starlette"])
async def test_D01_no_hostile_cookie_is_more_than_a_new_session(preset: Any, cookie: bytes) -> None:
    store = {"store": MemoryStore()} if DIALECTS[preset].store else {}
    client = Sessions(preset=preset, **store)
    seen: list[Any] = []
    client.handler = lambda scope: seen.append((dict(scope["handler"](scope["session"])), scope["session"].is_new))
    response = await client.browser.get(headers=[(b"cookie", cookie)], handler=lambda s: s)
    assert (response.status, seen) == (200, [({}, True)])


LONG = b'{"a":[%s]}' % b",".join([b"1e20"] * 4_000)
"""It fits as it is spelled, and in our spelling it does not."""


@pytest.mark.parametrize("value", [LONG, b'{"cookie":{},' + LONG[1:]], ids=["bare", "long"])
@pytest.mark.parametrize("preset", ["express", "koa-generic"])
def test_D02_a_record_that_cannot_be_taken_fills_nothing(preset: Any, value: bytes) -> None:
    into: dict[str, Any] = {}
    record = RECORDS[preset](options(keys=[KEY], preset=preset, store=MemoryStore()))
    assert (record.open(value, into, 0), into) == (("corrupt", None), {})


def test_D02_a_signed_cookie_that_cannot_be_taken_fills_nothing() -> None:
    given = {"keys": [KEY], "max_cookie_bytes": 65_536, "max_header_bytes": 131_072}
    theirs = FORMATS["cookie-session"](options(preset="cookie-session", **given))
    lines = theirs.write(theirs.cookie(False, None), LONG, (None, None, None, None), False)
    assert isinstance(lines, list)
    into: dict[str, Any] = {}
    headers = [(b"cookie", b"; ".join(line.split(b";")[0] for line in lines))]
    assert (theirs.load(headers, into, 0), into) == ("corrupt", {})


@pytest.mark.parametrize("stamp", [b"A", b"AAAAA", b"________"])
def test_D02_a_time_of_signing_that_is_none_is_corrupt(stamp: bytes) -> None:
    layout = FORMATS["starlette"](options(keys=[KEY], preset="starlette"))
    (line,) = layout.cookie(False, None).lines(b"e30=." + stamp, None)
    into: dict[str, Any] = {}
    assert (layout.load([(b"cookie", line.split(b";")[0])], into, int(NOW * 1000)), into) == ("corrupt", {})


@pytest.mark.parametrize("life", [1e-9, 9_007_199_254_740_992, 4_503_599_627_370_496])
@pytest.mark.parametrize("preset", ["express", "koa-generic"])
async def test_D02_a_record_of_an_absurd_lifetime_makes_no_error(preset: Any, life: float) -> None:
    store = MemoryStore()
    client = Sessions(preset=preset, store=store)
    await client.do(lambda s: s.update(a=1))
    keys: list[str] = []
    await client.do(lambda s: keys.append(s.store_key))
    record = await store.load(keys[0])
    assert record is not None
    name = b"originalMaxAge" if preset == "express" else b"maxAge"
    value = b'{"cookie":{"%s":%s},"a":1}' % (name, repr(life).encode())
    await store.replace(keys[0], value, 60_000, version=record.version)
    assert (await client.do(lambda s: None)).status == 200
    assert (await client.do(lambda s: s.update(b=2))).status == 200


async def test_K34_what_their_own_system_would_not_show_is_not_shown_and_can_be_written_over() -> None:
    layout = FORMATS["cookie-session"](options(keys=[KEY], preset="cookie-session"))
    lines = layout.write(layout.cookie(False, None), b'{"constructor":1,"a":2}', (None, None, None, None), False)
    assert isinstance(lines, list)
    client = Sessions(preset="cookie-session")
    client.browser.keep([line.decode() for line in lines])
    assert await client.data() == {"a": 2}
    assert (await client.do(lambda s: s.update(b=3))).status == 200
    assert await client.data() == {"a": 2, "b": 3}


@pytest.mark.parametrize("preset", DIALECTS)
@pytest.mark.parametrize(
    "key", ["_state_google_8J2bXk", "_flashes", "_messages", "_csrftoken", "_user_id", "_fresh", "_id", "_flash"]
)
async def test_K34_keys_that_other_libraries_use_are_no_system_s_own(preset: Any, key: str) -> None:
    stored = {"store": MemoryStore()} if DIALECTS[preset].store else {}
    client = Sessions(preset=preset, **stored)
    assert (await client.do(lambda s: s.update({key: [1]}))).status == 200
    assert (await client.do(lambda s: s.update(n=1))).status == 200
    assert await client.data() == {key: [1], "n": 1}


CODEC: Any = {"encode": lambda data: json.dumps(data).encode().hex(), "decode": lambda text: json.loads(bytes.fromhex(text))}
FILLED: list[tuple[Any, Any]] = [
    *((preset, CODEC) for preset, dialect in DIALECTS.items() if not dialect.plain_json),
    *((preset, {}) for preset, dialect in DIALECTS.items() if not dialect.store),
    *((preset, {"store": MemoryStore(), "resave": False}) for preset, dialect in DIALECTS.items() if dialect.store is not False),
]


@pytest.mark.parametrize(("preset", "given"), FILLED)
async def test_a_session_that_is_merely_filled_makes_no_response_vary(preset: Any, given: Any) -> None:
    client = Sessions(preset=preset, cache_headers=True, **given)
    await client.do(lambda s: s.update(n=[1]))
    assert (await client.on_scope(lambda scope: None)).get("vary") is None
    assert (await client.do(lambda s: s["n"])).get("vary") == "Cookie"


async def test_K34_a_record_with_koa_s_own_names_is_not_taken_for_a_changed_one() -> None:
    store = RecordingStore()
    client = Sessions(preset="koa", store=store, cache_headers=True)
    await client.do(lambda s: s.update(n=1))
    keys: list[str] = []
    await client.do(lambda s: keys.append(s.external_key))
    record = await store.load(keys[0])
    assert record is not None
    await store.replace(keys[0], b'{"isNew":true,' + record.value[1:], 60_000, version=record.version)
    _written(store)
    response = await client.on_scope(lambda scope: None)
    assert (response.get("vary"), response.cookies, _written(store)) == (None, [], [])
    assert await client.data() == {"n": 1}


@pytest.mark.parametrize("domain", [".example.com", "example.com"])
@pytest.mark.parametrize("preset", DIALECTS)
def test_K11_E08_J03_G04_a_dot_before_the_domain_is_sent_where_another_system_sends_it(preset: Any, domain: str) -> None:
    store = {"store": MemoryStore()} if DIALECTS[preset].store else {}
    if preset is None and domain.startswith("."):
        with pytest.raises(ConfigError, match="without a leading dot"):
            options(keys=[KEY], domain=domain)
        return
    layout = FORMATS[preset](options(keys=[KEY], preset=preset, domain=domain, **store))
    [line, *_] = layout.cookie(False, None).lines(b"x", None)
    assert f"domain={domain}".encode() in line.lower().split(b"; ")


ODD = ['".example.com"', '"a b"', "5", "{}", '""', '"app"', '"/a\\r\\nSet-Cookie: x=y"', "[]", "true", '"none"']


@pytest.mark.parametrize("said", ODD, ids=ascii)
@pytest.mark.parametrize("name", ["domain", "path", "sameSite", "priority", "secure", "httpOnly", "partitioned", "expires"])
@pytest.mark.parametrize("preset", ["express", "koa-generic"])
async def test_E08_G04_no_session_is_lost_for_what_its_record_says_of_its_cookie(preset: Any, name: str, said: str) -> None:
    client = Sessions(preset=preset, store=(store := MemoryStore()), clock=(clock := Clock()), max_age=60)
    await client.do(lambda s: s.update(user="ann"))
    [key], _ = await store.keys(None, 2)
    record = await store.load(key)
    assert record is not None
    kept = json.loads(record.value)
    kept["cookie"][name] = json.loads(said)
    assert isinstance(await store.replace(key, json.dumps(kept).encode(), 60_000, version=record.version), Saved)
    clock.now += 1
    response = await client.do(lambda s: s.update(n=1))
    assert all(line.isprintable() and line.isascii() for line in response.cookies)
    assert await client.data() == {"user": "ann", "n": 1}
    # What cannot be written stays as it was in the record.
    record = await store.load(key)
    assert record is not None
    if (preset, name) != ("express", "expires"):
        assert json.loads(record.value)["cookie"][name] == json.loads(said)


@pytest.mark.parametrize(
    ("before", "now"), [(".example.com", "example.com"), ("example.com", ".EXAMPLE.com"), ("a.example", "b.example")]
)
async def test_X05_E08_a_dot_before_the_domain_makes_no_other_cookie_to_be_removed(before: str, now: str) -> None:
    given: dict[str, Any] = {"preset": "express", "key": "sid", "clock": (clock := Clock())}
    earlier: dict[str, Any] = {**given, "store": MemoryStore(clock=clock), "domain": before, "keys": [OLD_KEY]}
    client = Sessions(**earlier)
    await client.do(lambda s: s.update(user="ann"))
    until = Accept(until=NOW + 60, **{name: value for name, value in earlier.items() if name != "clock"})
    later = Sessions(**given, store=MemoryStore(clock=clock), domain=now, accept=[until])
    later.browser.jar = client.jar
    lines = (await later.do(lambda s: s.get("user"))).cookies
    assert ["1970" in line for line in lines] == ([True, False] if before == "a.example" else [False])
