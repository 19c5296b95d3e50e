"""The drop-in for Starlette's middleware: everything here is asked of the real one too, or of both over one jar."""

import copy
import enum
import inspect
import json
import random
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import fastapi
import pytest
from itsdangerous import TimestampSigner
from starlette.applications import Starlette
from starlette.datastructures import Secret
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as Theirs
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from gingersnap import Accept, ConfigError, SessionMiddleware
from gingersnap.config.options import DEFAULTS, OptionValues
from gingersnap.starlette import OtherOptions
from gingersnap.starlette import SessionMiddleware as Ours
from gingersnap.stores import MemoryStore
from gingersnap.types import ASGIApp, Message
from tests.asgi import KEY, OLD_KEY, Browser, Response, request
from tests.tracebacks import locals_of_ours

PAGE = (Path(__file__).parent.parent / "docs" / "from-starlette.md").read_text("utf-8")
SIDES: dict[str, Any] = {"theirs": Theirs, "ours": Ours}
ORDERS = pytest.mark.parametrize("order", [("theirs", "ours"), ("ours", "theirs")], ids="-".join)
EACH = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
REMOVAL = "session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax"


async def answer(request: Request) -> JSONResponse:
    """Do what the test asks of this request's session, and show what it holds then."""
    act = request.scope.get("act")
    if act is not None:
        act(request.session)
    return JSONResponse(dict(request.session) if act is not None else None)


def app_with(side: Any, secret: Any = KEY, **options: Any) -> ASGIApp:
    return Starlette(routes=[Route("/", answer)], middleware=[Middleware(side, secret_key=secret, **options)])


def over_one_jar(secret: Any = KEY, **options: Any) -> dict[str, Browser]:
    """Give a browser at each side, both with one jar."""
    browsers = {name: Browser(app_with(side, secret, **options)) for name, side in SIDES.items()}
    browsers["ours"].jar = browsers["theirs"].jar
    return browsers


async def data(browser: Browser) -> Any:
    return json.loads((await browser.get(act=lambda session: None)).body)


def put(**values: Any) -> Callable[[Any], None]:
    return lambda session: session.update(values)


def values_of(line: str) -> str:
    return re.sub(r"=[^;]*", "=...", line, count=1)


# --- What Starlette's own tests ask.


@EACH
async def test_a_session_lives_two_weeks_and_ends_when_it_is_cleared(side: Any) -> None:
    client = Browser(app_with(side))
    assert await data(client) == {}
    (line,) = (await client.get(act=put(some="data"))).cookies
    assert values_of(line) == "session=...; path=/; Max-Age=1209600; httponly; samesite=lax"
    assert await data(client) == {"some": "data"}
    assert (await client.get(act=lambda session: session.clear())).cookies == [REMOVAL]
    assert (await data(client), client.jar) == ({}, {})


@EACH
async def test_a_change_alone_sends_the_cookie(side: Any) -> None:
    client = Browser(app_with(side))
    for act, lines in [
        (None, 0),
        (lambda session: session.get("a"), 0),
        (lambda session: session.clear(), 0),
        (lambda session: (session.update(a=1), session.clear()), 0),
        (put(a=1), 1),
        (None, 0),
        (lambda session: session["a"], 0),
        (lambda session: session.setdefault("a", 2), 0),
        (lambda session: session.pop("b", None), 0),
        (lambda session: session.setdefault("b", 2), 1),
        (lambda session: session.pop("b"), 1),
        (lambda session: session.popitem(), 1),
        (None, 0),
    ]:
        assert len((await client.get(act=act)).cookies) == lines
    assert client.jar == {}


@EACH
async def test_a_response_varies_by_cookie_where_the_session_was_asked_for(side: Any) -> None:
    client = Browser(app_with(side))
    await client.get(act=put(a=1))
    assert (await client.get()).get("vary") is None
    assert (await client.get(act=lambda session: None)).get("vary") == "Cookie"

    async def varied(request: Request) -> JSONResponse:
        return JSONResponse(request.session, headers={"Vary": "Accept-Encoding"})

    app = Starlette(routes=[Route("/", varied)], middleware=[Middleware(side, secret_key=KEY)])
    assert (await request(app)).get("vary") == "Accept-Encoding, Cookie"


@EACH
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_age": None}, "session=...; path=/; httponly; samesite=lax"),
        ({"max_age": None, "path": "/a b"}, "session=...; path=/a b; httponly; samesite=lax"),
        ({"max_age": 60}, "session=...; path=/; Max-Age=60; httponly; samesite=lax"),
        ({"session_cookie": "sid"}, "sid=...; path=/; Max-Age=1209600; httponly; samesite=lax"),
        ({"same_site": "strict"}, "session=...; path=/; Max-Age=1209600; httponly; samesite=strict"),
        ({"https_only": True}, "session=...; path=/; Max-Age=1209600; httponly; samesite=lax; secure"),
        ({"https_only": 1}, "session=...; path=/; Max-Age=1209600; httponly; samesite=lax; secure"),
        ({"https_only": ""}, "session=...; path=/; Max-Age=1209600; httponly; samesite=lax"),
        ({"domain": ".example.com"}, "session=...; path=/; Max-Age=1209600; httponly; samesite=lax; domain=.example.com"),
        ({"domain": "example.com"}, "session=...; path=/; Max-Age=1209600; httponly; samesite=lax; domain=example.com"),
        (
            {"path": "/app", "same_site": "none", "https_only": True, "domain": "example.com", "partitioned": True},
            "session=...; path=/app; Max-Age=1209600; httponly; samesite=none; secure; domain=example.com; partitioned",
        ),
    ],
    ids=str,
)
async def test_every_argument_reaches_the_cookie_and_its_removal(side: Any, options: Any, line: str) -> None:
    client = Browser(app_with(side, **options), scheme="https")
    (set_line,) = (await client.get(act=put(a=1))).cookies
    assert values_of(set_line) == line
    (removal,) = (await client.get(act=lambda session: session.clear())).cookies
    dated = line if "Max-Age" in line else line.replace("; httponly", "; Max-Age=0; httponly")
    expected = re.sub("Max-Age=[0-9]+", "expires=Thu, 01 Jan 1970 00:00:00 GMT", dated.replace("...", "null"))
    assert removal == expected


@EACH
async def test_arguments_may_come_by_their_place(side: Any) -> None:
    client = Browser(side(answer_bare, KEY, "sid", 60, "/app", "strict", True, "example.com", True), scheme="https")
    (line,) = (await client.get()).cookies
    assert values_of(line) == "sid=...; path=/app; Max-Age=60; httponly; samesite=strict; secure; domain=example.com; partitioned"


async def answer_bare(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["a"] = 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_the_arguments_are_theirs_with_their_defaults_and_in_their_order() -> None:
    def told(side: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(side).parameters.values()
        return [(one.name, one.default) for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]

    assert told(Ours) == told(Theirs)


@EACH
@pytest.mark.parametrize("https", [False, True])
async def test_a_mounted_application_has_a_session_under_its_own_path(side: Any, https: bool) -> None:
    app = Starlette(routes=[Mount("/second", app_with(side, path="/second"))])
    client = Browser(app, scheme="https" if https else "http")
    (line,) = (await client.get("/second/", act=put(a=1))).cookies
    assert "; path=/second; " in line
    assert json.loads((await client.get("/second/", act=lambda session: None)).body) == {"a": 1}


def forged(value: Any, secret: str = KEY, *, ago: int = 0) -> str:
    """Sign a value as Starlette does, some seconds ago."""

    class Earlier(TimestampSigner):
        def get_timestamp(self) -> int:
            return super().get_timestamp() - ago

    return Earlier(secret).sign(b64encode(json.dumps(value).encode())).decode()


GOOD = forged({"a": 1})
BAD = {
    "word": "invalid",
    "empty": "",
    "dots": "..",
    "removed": "null",
    "another key": forged({"a": 1}, OLD_KEY),
    "unsigned": GOOD.rpartition(".")[0],
    "cut": GOOD[:-1],
    "longer": GOOD + "A",
    "changed": "f" + GOOD[1:],
    "other time": re.sub(r"\.(.)", lambda match: ".b" if match[1] == "a" else ".a", GOOD, count=1),
}


@EACH
@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
async def test_a_cookie_that_is_not_ours_is_an_empty_session_and_stays(side: Any, value: str) -> None:
    client = Browser(app_with(side))
    client.jar["session"] = value
    assert await data(client) == {}
    assert (await client.get(act=lambda session: session.clear())).cookies == []
    assert len((await client.get(act=put(a=1))).cookies) == 1
    assert await data(client) == {"a": 1}


@EACH
@pytest.mark.parametrize(("max_age", "ago", "seen"), [(600, 570, {"a": 1}), (600, 630, {}), (None, 10**8, {"a": 1})])
async def test_a_session_ends_max_age_after_it_was_signed(side: Any, max_age: Any, ago: int, seen: Any) -> None:
    client = Browser(app_with(side, max_age=max_age))
    client.jar["session"] = forged({"a": 1}, ago=ago)
    assert await data(client) == seen


# --- Users stay logged in.


@ORDERS
@pytest.mark.parametrize("secret", [KEY, Secret(KEY), "example", "b64:as-it-stands"])
@pytest.mark.filterwarnings("ignore:keys:UserWarning")
async def test_users_stay_logged_in_when_the_import_line_changes(order: tuple[str, str], secret: Any) -> None:
    before, after = (Browser(app_with(SIDES[name], secret)) for name in order)
    await before.get(act=put(user="ada", roles=["admin"], seen=1.5, name="Ödön 🦊", none=None))
    after.jar = before.jar
    assert await data(after) == {"user": "ada", "roles": ["admin"], "seen": 1.5, "name": "Ödön 🦊", "none": None}
    assert (await after.get(act=lambda session: session["user"])).cookies == []
    await after.get(act=put(user="eve"))
    assert (await data(before))["user"] == "eve"
    await after.get(act=lambda session: session.clear())
    assert (await data(before), before.jar) == ({}, {})


async def test_both_sides_write_the_same_octets() -> None:
    values = {"user": "ada", "n": -1, "f": 1e20, "t": True, "none": None, "text": 'é🦊\u2028<&"\\/\x7f', "deep": {"a": [1, {}]}}
    signer = TimestampSigner(KEY)
    lines = [(await Browser(app_with(side)).get(act=put(**values))).cookies[0] for side in SIDES.values()]
    payloads = [signer.unsign(re.split("[=;]", line, maxsplit=1)[1].split("; ")[0]) for line in lines]
    assert payloads[0] == payloads[1]
    assert values_of(lines[0]) == values_of(lines[1])


def steps(chance: random.Random) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Make up requests: what each does to a dict, be it the session or the model."""

    def value() -> Any:
        kinds: list[Any] = [chance.randint(-(2**53), 2**53), chance.random() * 1e6, True, None, "ü🦊" * chance.randint(0, 9), {}]
        return chance.choice([*kinds, [chance.choice(kinds), {"deep": chance.choice(kinds)}]])

    for _ in range(200):
        key, other, new = chance.choice("abcde"), chance.choice("abcde"), value()
        acts: list[Callable[[Any], Any]] = [
            lambda d, key=key, new=new: d.update({key: copy.deepcopy(new)}),
            lambda d, key=key, new=new: d.__setitem__(key, copy.deepcopy(new)),
            lambda d, key=key, new=new: d.setdefault(key, copy.deepcopy(new)),
            lambda d, key=key: d.pop(key, None),
            lambda d, key=key, other=other: d.update({key: [d.get(other), "moved"]}) if len(str(d)) < 900 else d.clear(),
            lambda d, key=key: d.get(key),
            lambda d: None,
            lambda d: None,
        ]
        yield chance.choice(["theirs", "ours"]), chance.choice([*acts, *acts, lambda d: d.clear()])


@pytest.mark.parametrize("seed", range(5))
async def test_200_requests_to_either_side_see_one_session(seed: int) -> None:
    sides, model = over_one_jar(), {}
    visits: list[str] = []
    for name, act in steps(random.Random(seed)):
        assert await data(sides[name]) == model
        act(model)
        assert json.loads((await sides[name].get(act=act)).body) == model
        visits.append(name)
    assert len(visits) == 200
    assert 60 < visits.count("ours") < 140


@ORDERS
async def test_a_fastapi_application_stays_logged_in(order: tuple[str, str]) -> None:
    def application(side: Any) -> Browser:
        app = fastapi.FastAPI()
        app.add_middleware(side, secret_key=KEY, https_only=True)

        @app.post("/login")
        async def login(request: fastapi.Request, user: str) -> dict[str, Any]:
            request.session["user"] = user
            return request.session

        @app.get("/me")
        def me(request: fastapi.Request) -> dict[str, Any]:
            return {"user": request.session.get("user")}

        return Browser(app, scheme="https")

    before, after = (application(SIDES[name]) for name in order)
    response = await before.get("/login", method="POST", query_string=b"user=ada")
    assert (response.status, json.loads(response.body), len(response.cookies)) == (200, {"user": "ada"}, 1)
    after.jar = before.jar
    answers = [await side.get("/me") for side in (after, before, after)]
    assert [(json.loads(one.body), one.get("vary"), one.cookies) for one in answers] == [({"user": "ada"}, "Cookie", [])] * 3
    await after.get("/login", method="POST", query_string=b"user=eve")
    assert json.loads((await before.get("/me")).body) == {"user": "eve"}


# --- Where ours differs: the page says so, and this is how it is.


async def both(act: Callable[[Any], Any], first: Callable[[Any], Any] | None = None, **options: Any) -> dict[str, Response]:
    """Give each side's answer to one request, after another one."""
    answers = {}
    for name, side in SIDES.items():
        client = Browser(app_with(side, **options))
        if first is not None:
            await client.get(act=first)
        answers[name] = await client.get(act=act)
    return answers


async def test_a_change_inside_a_value_is_saved_by_ours() -> None:
    kept = {}
    for name, side in SIDES.items():
        client = Browser(app_with(side))
        await client.get(act=put(cart=["apple"]))
        await client.get(act=lambda session: session["cart"].append("pear"))
        kept[name] = (await data(client))["cart"]
    assert kept == {"theirs": ["apple"], "ours": ["apple", "pear"]}


async def test_the_same_value_again_is_no_change_to_ours() -> None:
    answers = await both(put(a=1), put(a=1))
    assert {name: len(one.cookies) for name, one in answers.items()} == {"theirs": 1, "ours": 0}
    touched = Browser(app_with(Ours))
    await touched.get(act=put(a=1))
    assert len((await touched.get(act=lambda session: session.touch())).cookies) == 1


async def test_rolling_sends_the_cookie_with_each_response_as_older_starlettes_did() -> None:
    client = Browser(app_with(Ours, rolling=True))
    assert (await client.get()).cookies == []
    await client.get(act=put(a=1))
    for act in (None, lambda session: session["a"]):
        (line,) = (await client.get(act=act)).cookies
        assert values_of(line) == "session=...; path=/; Max-Age=1209600; httponly; samesite=lax"


async def test_ours_lets_no_cache_keep_a_cookie() -> None:
    answers = await both(put(a=1))
    assert {name: one.get("cache-control") for name, one in answers.items()} == {"theirs": None, "ours": "no-store"}
    plain = await Browser(app_with(Ours, cache_headers=False)).get(act=put(a=1))
    assert (plain.get("cache-control"), plain.get("vary")) == (None, None)


async def test_an_application_s_own_line_of_the_name_gives_way_to_ours_unless_asked() -> None:
    async def add(request: Request) -> JSONResponse:
        request.session["a"] = 1
        return JSONResponse(None, headers={"Set-Cookie": "session=mine"})

    sent = {}
    for name, side in {**SIDES, "left": Ours}.items():
        options = {"overwrite": False} if name == "left" else {}
        app = Starlette(routes=[Route("/", add)], middleware=[Middleware(side, secret_key=KEY, **options)])
        sent[name] = [line == "session=mine" for line in (await request(app)).cookies]
    assert sent == {"theirs": [True, False], "ours": [False], "left": [True]}


async def test_ours_believes_a_clock_that_is_a_minute_ahead() -> None:
    for ago, expected in ((-30, {"theirs": {}, "ours": {"a": 1}}), (-90, {"theirs": {}, "ours": {}})):
        seen = {}
        for name, side in SIDES.items():
            client = Browser(app_with(side))
            client.jar["session"] = forged({"a": 1}, ago=ago)
            seen[name] = await data(client)
        assert seen == expected


async def test_a_session_of_ours_shows_no_data_when_it_is_printed() -> None:
    shown: list[str] = []
    await both(lambda session: shown.append(repr(session)), put(a="word"))
    assert ["word" in text for text in shown] == [True, False]


async def test_ours_sends_the_cookie_of_a_websocket_too() -> None:
    async def accept(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope["session"]))
        scope["session"]["n"] = 2
        await send({"type": "websocket.accept"})

    headers, seen = {}, []
    for name, side in SIDES.items():
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        scope = {"type": "websocket", "headers": [(b"cookie", b"session=" + forged({"n": 1}).encode())]}
        await side(accept, KEY)(scope, None, send)
        headers[name] = [name for name, _ in sent[0].get("headers", ())]
    assert seen == [{"n": 1}] * 2
    assert headers == {"theirs": [], "ours": [b"set-cookie", b"vary", b"cache-control"]}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"a": {5: 1}}, "UnserializableError"),
        ({"a": 10**21}, "UnserializableError"),
        ({"a": float("nan")}, "UnserializableError"),
        ({"a": "x" * 4000}, "CookieTooLarge"),
    ],
    ids=["int key", "long int", "nan", "large"],
)
async def test_ours_refuses_what_would_be_lost_or_changed(values: Any, error: str) -> None:
    async def store(request: Request) -> JSONResponse:
        request.session.update(values)
        return JSONResponse(None)

    def client(side: Any) -> Browser:
        return Browser(Starlette(routes=[Route("/", store)], middleware=[Middleware(side, secret_key=KEY)]))

    assert len((await client(Theirs).get()).cookies) == 1
    with pytest.raises(Exception, match="a") as caught:
        await client(Ours).get()
    assert type(caught.value).__name__ == error


@pytest.mark.parametrize("value", ["text", 5, None, [1]])
async def test_a_signed_value_that_is_no_session_is_no_error_in_ours(value: Any) -> None:
    client = Browser(app_with(Theirs))
    client.jar["session"] = forged(value)
    with pytest.raises((TypeError, ValueError)):
        await data(client)
    client.app = app_with(Ours)
    assert await data(client) == {}


async def test_of_two_cookies_that_both_verify_ours_takes_none_unless_asked() -> None:
    header = (b"cookie", f"session={forged({'n': 1})}; session={forged({'n': 2})}".encode())
    seen = {}
    for name, app in {**SIDES, "first": Ours}.items():
        options = {"duplicates": "first"} if name == "first" else {}
        response = await request(app_with(app, **options), headers=[header], act=lambda session: None)
        seen[name] = json.loads(response.body)
    assert seen == {"theirs": {"n": 2}, "ours": {}, "first": {"n": 1}}


async def test_a_session_set_to_none_or_another_dict_is_one_that_ours_understands() -> None:
    async def assign(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = scope["value"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for value, expected in ((None, {}), ({"b": 2}, {"b": 2})):
        with pytest.raises(AttributeError):
            await request(Theirs(assign, KEY), value=value)
        client = Browser(app_with(Ours))
        await client.get(act=put(a=1))
        client.app, app = Ours(assign, KEY), client.app
        await client.get(value=value)
        client.app = app
        assert await data(client) == expected


async def test_one_within_another_gives_way_in_ours() -> None:
    names = {}
    for name, side in SIDES.items():
        inner = app_with(side, session_cookie="inner")
        app = Starlette(routes=[Mount("/sub", inner)], middleware=[Middleware(side, secret_key=KEY)])
        lines = (await Browser(app).get("/sub/", act=put(a=1))).cookies
        names[name] = [line.partition("=")[0] for line in lines]
    # Starlette's outer one writes the inner one's session into its own cookie.
    assert names == {"theirs": ["inner", "session"], "ours": ["session"]}


async def test_ours_within_theirs_gives_way_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    app = Starlette(routes=[Mount("/", app_with(Ours, session_cookie="ours"))], middleware=[Middleware(Theirs, secret_key=KEY)])
    client = Browser(app)
    for number in range(2):
        [line] = (await client.get(act=put(n=number))).cookies
        assert line.startswith("session=")
    assert json.loads((await client.get(act=lambda session: None)).body) == {"n": 1}
    assert [record.getMessage() for record in caplog.records] == [
        (
            "another session middleware is installed too (Starlette's?), and the session in scope['session'] is its: "
            "remove it, or give this one another scope_key and key"
        )
    ]


@pytest.mark.parametrize(
    "options",
    [{}, {"store": MemoryStore()}, {"before_save": lambda scope, session: None}, {"auto_commit": False}, {"rolling": True}],
)
async def test_theirs_within_ours_is_left_its_session_and_ours_says_so_once(options: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = Browser(SessionMiddleware(app_with(Theirs), keys=[KEY], **options))
    for number in range(2):
        [line] = (await client.get(act=put(n=number))).cookies
        assert line.startswith("session=")
    assert json.loads((await client.get(act=lambda session: None)).body) == {"n": 1}
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("another session middleware is installed too (Starlette's?), ")


async def test_one_within_another_has_its_own_place_in_ours() -> None:
    async def both_of_them(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["a"], scope["other"]["b"] = 1, 2
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    client = Browser(Ours(Ours(both_of_them, KEY, "inner", scope_key="other"), KEY))
    await client.get()
    signer = TimestampSigner(KEY)
    assert {name: json.loads(b64decode(signer.unsign(value))) for name, value in client.jar.items()} == {
        "session": {"a": 1},
        "inner": {"b": 2},
    }


async def test_more_octets_may_be_allowed() -> None:
    client = Browser(app_with(Ours, max_cookie_bytes=8000))
    await client.get(act=put(a="x" * 4000))
    assert len((await data(client))["a"]) == 4000


# --- Its own arguments.


async def test_X05_an_older_secret_is_read_and_signed_anew() -> None:
    client = Browser(app_with(Theirs, OLD_KEY))
    await client.get(act=put(user="ada"))
    client.app = app_with(Ours, KEY, old_keys=["between-them-was-this-secret-of-enough-octets", Secret(OLD_KEY)])
    assert len((await client.get(act=lambda session: session["user"])).cookies) == 1
    client.app = app_with(Theirs, KEY)
    assert await data(client) == {"user": "ada"}


async def test_https_only_may_follow_the_connection() -> None:
    for scheme, secure in (("http", False), ("https", True)):
        (line,) = (await Browser(app_with(Ours, https_only="auto"), scheme=scheme).get(act=put(a=1))).cookies
        assert line.endswith("; secure") is secure


async def test_a_lifetime_may_be_a_timedelta() -> None:
    (line,) = (await Browser(app_with(Ours, max_age=timedelta(hours=1))).get(act=put(a=1))).cookies
    assert "; Max-Age=3600; " in line


NO_PLACE = {
    *(
        "store",
        "context_store",
        "genid",
        "prefix",
        "ttl",
        "external_key",
        "defer",
        "resave",
        "allow_empty",
        "unset",
        "regenerate_grace",
    ),
    *("on_conflict", "atomic_keys", "on_store_error", "store_timeout", "store_breaker", "strict_startup"),
    *("encrypt", "signed", "algorithm", "absolute_age", "encode", "decode"),
}
"""Options that Starlette's cookie has no use for."""


def test_type_checkers_know_every_other_option_by_its_type() -> None:
    arguments = {"keys", "key", "secure", "preset", *inspect.signature(Theirs).parameters}
    assert set(DEFAULTS) - arguments - NO_PLACE == set(OtherOptions.__annotations__)
    names = {"Accept": Accept}
    ours, all_of_them = (get_type_hints(kind, localns=names) for kind in (OtherOptions, OptionValues))
    assert ours == {name: all_of_them[name] for name in ours}


class Setting(str, enum.Enum):  # noqa: UP042 (its str() is its name, that of a StrEnum is its text)
    SECRET = KEY


@pytest.mark.parametrize(
    ("secret", "cure"),
    [
        (None, "is the environment variable set"),
        ([KEY, OLD_KEY], r"those before it as old_keys=\[\.\.\.\]"),
        ((KEY,), r"those before it as old_keys=\[\.\.\.\]"),
        (KEY.encode(), "what Starlette has signed by"),
        (5, "what str"),
        (True, "what str"),
        (Secret(None), "what str"),  # type: ignore[arg-type]
        (Setting.SECRET, "what str"),
        (object(), "what str"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_P01_a_secret_whose_text_anybody_can_guess_is_refused(secret: Any, cure: str) -> None:
    for name, given in (("secret_key", {"secret_key": secret}), ("old_keys", {"secret_key": KEY, "old_keys": [secret]})):
        with pytest.raises(ConfigError, match=rf"^{name}: it cannot be \w+; give a str or .*{cure}") as caught:
            Ours(answer_bare, **given)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"same_site": "none"},
            "same_site: browsers refuse SameSite=None without Secure; pass https_only=True, or same_site='auto'",
        ),
        ({"partitioned": True}, "partitioned: browsers refuse Partitioned without Secure; pass https_only=True"),
        ({"session_cookie": "__Host-s"}, "session_cookie: browsers refuse .*; pass https_only=True, or choose another name"),
        ({"https_onli": True}, "https_onli: there is no such option; did you mean https_only?"),
        ({"httpsOnly": True}, "httpsOnly: there is no such option; did you mean https_only?"),
        ({"cookie_name": "sid"}, "cookie_name: there is no such option; write session_cookie"),
        ({"secret": KEY}, "secret: there is no such option; write secret_key"),
        ({"secret_key": ""}, "secret_key: it is empty; make one with"),
        ({"old_keys": ["super-secret"]}, "secret_key: it, or one of old_keys, stands in public documentation; make one with"),
        ({"rollin": True}, "rollin: there is no such option; did you mean rolling?"),
        ({"same_site": "Lax"}, "same_site: .*; did you mean 'lax'?"),
        *(
            ({name: value}, f"{name}: .*; use gingersnap.SessionMiddleware, with accept=[Accept(preset='starlette', ...)]")
            for name, value in [("store", MemoryStore()), ("encrypt", True), ("absolute_age", 60), ("algorithm", "sha256")]
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_the_words_of_its_arguments(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Ours(answer_bare, **{"secret_key": KEY, **given})
    assert re.match(re.escape(said).replace(r"\.\*", ".*"), str(caught.value))


@pytest.mark.parametrize("secret", ["example", "aaaa", "secret"])
def test_a_weak_secret_is_taken_with_a_warning_unless_that_is_refused(secret: str) -> None:
    with pytest.warns(UserWarning, match=f"^keys: one of them has {len(secret)} bytes"):
        Ours(answer_bare, secret)
    with pytest.raises(ConfigError, match=r"^secret_key: "):
        Ours(answer_bare, secret, allow_weak_keys=False)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"secret_key": ""}, "secret_key"),
        ({"secret_key": "super-secret"}, "secret_key"),
        ({"secret_key": Secret("")}, "secret_key"),
        ({"secret_key": KEY, "old_keys": "text"}, "old_keys"),
        ({"secret_key": KEY, "old_keys": {KEY}}, "old_keys"),
        ({"secret_key": KEY, "old_keys": [None]}, "old_keys"),
        ({"secret_key": KEY, "old_keys": ["super-secret"]}, "secret_key"),
        ({"secret_key": KEY, "keys": [KEY]}, "keys"),
        ({"secret_key": KEY, "key": "sid"}, "key"),
        ({"secret_key": KEY, "secure": True}, "secure"),
        ({"secret_key": KEY, "preset": "koa"}, "preset"),
        ({"secret_key": KEY, "no_such": 1}, "no_such"),
        ({"secret_key": KEY, "max_age": 0}, "max_age"),
        ({"secret_key": KEY, "max_age": -1}, "max_age"),
        ({"secret_key": KEY, "same_site": "none"}, "same_site"),
        ({"secret_key": KEY, "partitioned": True}, "partitioned"),
        ({"secret_key": KEY, "domain": "a;b"}, "domain"),
        ({"secret_key": KEY, "path": "app"}, "path"),
    ],
    ids=str,
)
def test_what_cannot_work_says_what_to_do(given: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: "):
        Ours(answer_bare, **given)


@pytest.mark.parametrize("given", [{"old_keys": ["super-secret"]}, {"old_keys": [None]}, {"old_keys": {}}, {"no_such": 1}], ids=str)
def test_P01_no_secret_shows_in_a_traceback(given: Any) -> None:
    secret = "s3cret-that-is-not-to-be-shown-anywhere"
    with pytest.raises(ConfigError) as caught:
        Ours(answer_bare, secret, **given)
    assert secret not in locals_of_ours(caught.value)


def test_it_does_not_need_starlette() -> None:
    code = "import sys; sys.modules['starlette'] = sys.modules['itsdangerous'] = None; import gingersnap.starlette"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- The page.


def examples() -> tuple[str, str]:
    """Give the application of the page before the switch and after it."""
    before, after = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "async def login" in block)
    return before, after


def test_the_page_s_switch_is_one_line() -> None:
    before, after = (block.splitlines() for block in examples())
    assert len(before) == len(after)
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed == [
        ("from starlette.middleware.sessions import SessionMiddleware", "from gingersnap.starlette import SessionMiddleware")
    ]


async def test_the_page_s_users_stay_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", KEY)
    clients = []
    for block, side in zip(examples(), SIDES.values(), strict=True):
        names: dict[str, Any] = {}
        exec(compile(block, "from-starlette.md", "exec"), names)
        assert names["SessionMiddleware"] is side
        clients.append(Browser(names["app"], scheme="https"))
    before, after = clients
    await before.get("/login", method="POST", query_string=b"user=ada")
    after.jar = before.jar
    assert [(await client.get("/")).body for client in (before, after, before)] == [b"hello, ada"] * 3
    await after.get("/logout", method="POST")
    assert ((await before.get("/")).body, before.jar) == (b"hello, stranger", {})


async def test_the_page_s_rotation_of_keys() -> None:
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "old_keys" in block)
    client = Browser(app_with(Theirs, OLD_KEY))
    await client.get(act=put(user="ada"))
    app = Starlette(routes=[Route("/", answer)])
    exec(compile(block, "from-starlette.md", "exec"), {"app": app, "SessionMiddleware": Ours, "NEW_KEY": KEY, "OLD_KEY": OLD_KEY})
    client.app = app
    assert await data(client) == {"user": "ada"}


def test_every_argument_of_theirs_has_its_row() -> None:
    table = PAGE.split("## Arguments")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)", table, re.MULTILINE)
    assert rows == [name for name in inspect.signature(Theirs).parameters if name != "app"]
