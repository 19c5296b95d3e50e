"""examples/demo, in process: what its buttons do to the session, what its page says of it, and how one session ends another."""

import html
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from starlette.applications import Starlette

from examples.demo import actions, page, recorder
from examples.demo.app import create_app, demo_options
from examples.demo.cookie import Held
from examples.demo.places import place_for
from examples.demo.words import browser, duration, shortened
from gingersnap.stores import MemoryStore, RedisStore, SQLiteStore
from tests.asgi import KEY, Clock
from tests.stores.servers.valkey import valkey  # noqa: F401


def browser_at(app: Starlette, agent: str = "") -> httpx.AsyncClient:
    """Open a browser; it follows redirects."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://demo.test", follow_redirects=True, headers={"user-agent": agent}
    )


@asynccontextmanager
async def visitor(clock: Clock | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Open a browser at a demo of its own."""
    async with browser_at(create_app(demo_options([KEY], clock or time.time))) as client:
        yield client


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Give each store that the demo can have."""
    if request.param == "sqlite":
        return SQLiteStore(tmp_path / "sessions.sqlite3")
    if request.param == "redis":
        return RedisStore.from_url(request.getfixturevalue("valkey").url, prefix=f"{tmp_path.name}:")
    return MemoryStore()


@asynccontextmanager
async def windows(store: Any, *names: str, clock: Clock | None = None) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Open a browser for each name and log it in under that; no name: not logged in."""
    app = create_app(demo_options([KEY], clock or time.time, store), "a <store>")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.aclose)
        clients = [await stack.enter_async_context(browser_at(app, f"Window{number}/1.0")) for number in range(len(names))]
        for client, name in zip(clients, names, strict=True):
            if name:
                await client.post("/login", data={"name": name})
        yield clients


def listed(response: httpx.Response) -> list[str]:
    """Read in which browsers the visitor is logged in; the first is this one."""
    return re.findall(r"<li><div><strong>([^<]*)</strong>", response.text)


def keys(response: httpx.Response) -> list[str]:
    """Read the keys of the sessions that can be ended."""
    return re.findall(r'name="key" value="([^"]+)"', response.text)


def shown(response: httpx.Response, id: str) -> str:
    """Read the text of an element on the page."""
    found = re.search(rf'id="{id}"[^>]*>([^<]*)<', response.text)
    assert found is not None, f"no #{id} on the page"
    return html.unescape(found[1])


def reasons(response: httpx.Response) -> list[str]:
    """Read the list of responses: reason and request, newest first; the first is the page's own."""
    return [
        f"{word} {request}"
        for word, request in re.findall(r'<li><p><span class="badge \w+">(\w+)</span> <code>([^<]+)</code>', response.text)
    ]


async def test_reading_sets_nothing() -> None:
    async with visitor() as client:
        response = await client.get("/")
        assert (response.status_code, reasons(response)) == (200, ["nothing GET /"])
        assert "set-cookie" not in response.headers
        assert response.headers["vary"] == "Cookie"
        assert not client.cookies


async def test_counts_views_and_tells_why_the_cookie_was_set() -> None:
    async with visitor() as client:
        await client.post("/visit")
        response = await client.post("/visit")
        assert shown(response, "views") == "2"
        assert reasons(response) == ["nothing GET /", "changed POST /visit", "nothing GET /", "changed POST /visit"]
        assert int(shown(response, "octets")) == len("koa.sess") + len(client.cookies["koa.sess"])


async def test_a_form_answers_with_a_redirect_to_the_page() -> None:
    async with visitor() as client:
        response = await client.post("/visit", follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, "/")
        assert len(response.headers.get_list("set-cookie")) == 2


async def test_api_counts_views_as_json() -> None:
    async with visitor() as client:
        assert (await client.get("/api/views")).json() == {"views": 1}
        assert (await client.get("/api/views")).json() == {"views": 2}
        assert shown(await client.get("/"), "views") == "2"


async def test_logs_in_and_out() -> None:
    async with visitor() as client:
        response = await client.post("/login", data={"name": " Grëtel "})
        assert shown(response, "owner") == "Grëtel"
        assert reasons(response)[1] == "regenerate POST /login"
        assert shown(await client.get("/"), "owner") == "Grëtel"
        response = await client.post("/logout")
        assert "Logged in" not in response.text
        assert reasons(response)[:2] == ["nothing GET /", "destroy POST /logout"]
        assert not client.cookies


async def test_a_log_in_without_a_name_is_asked_for_one() -> None:
    async with visitor() as client:
        response = await client.post("/login", data={"name": "  "})
        assert "Type a name" in response.text
        assert "Type a name" not in (await client.get("/")).text


async def test_a_name_is_never_markup() -> None:
    async with visitor() as client:
        response = await client.post("/login", data={"name": "<script>alert('1')</script>\"&amp;"})
        assert shown(response, "owner") == "<script>alert('1')</script>\"&amp;"
        assert "<script>alert" not in response.text


@pytest.mark.parametrize("host", ["<script>", "a'\"&b"])
async def test_a_host_or_path_is_never_markup(host: str) -> None:
    async with visitor() as client:
        await client.post("/visit")
        await client.get("/<script>nowhere")
        response = await client.get("/", headers={"host": host})
        assert response.status_code == 200
        assert response.text.count("<script>") == 1


async def test_only_the_pages_own_script_and_style_may_run() -> None:
    async with visitor() as client:
        response = await client.get("/")
        policy = response.headers["content-security-policy"]
        for tag, directive in (("script", "script-src"), ("style", "style-src")):
            found = re.search(rf"<{tag}>(.*?)</{tag}>", response.text, re.DOTALL)
            assert found is not None
            assert f"{directive} {page._hash(found[1])};" in policy
        assert not re.search(r"\son\w+=|style=|https?://(?!demo\.test|www\.w3\.org)", response.text)


async def test_regenerating_keeps_the_data() -> None:
    async with visitor() as client:
        await client.post("/visit")
        response = await client.post("/regenerate")
        assert (shown(response, "views"), reasons(response)[1]) == ("1", "regenerate POST /regenerate")


async def test_nested_changes_are_seen() -> None:
    async with visitor() as client:
        await client.post("/cart/add", data={"biscuit": "Speculoos"})
        response = await client.post("/cart/add", data={"biscuit": "Lebkuchen"})
        assert reasons(response)[1] == "changed POST /cart/add"
        assert re.findall(r"<li><span>(\w+)", response.text) == ["Speculoos", "Lebkuchen"]
        response = await client.post("/cart/remove", data={"at": "0"})
        assert re.findall(r"<li><span>(\w+)", response.text) == ["Lebkuchen"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/cart/remove", {"at": "7"}),
        ("/cart/remove", {"at": "-1"}),
        ("/cart/remove", {"at": "²"}),
        ("/cart/remove", {}),
        ("/lifetime", {"seconds": "1e9"}),
        ("/cart/add", {"biscuit": "<b>Crumb</b>"}),
    ],
)
async def test_a_form_that_makes_no_sense_is_harmless(path: str, form: dict[str, str]) -> None:
    async with visitor() as client:
        await client.post("/cart/add", data={"biscuit": "Speculoos"})
        response = await client.post(path, data=form)
        assert response.status_code == 200
        assert re.findall(r"<li><span>(\w+)", response.text) == ["Speculoos"]
        assert reasons(response)[1] == f"nothing POST {path}"


async def test_a_session_too_large_is_told_kindly_and_stays_as_it_was() -> None:
    async with visitor() as client:
        await client.post("/visit")
        for _ in range(20):
            before = dict(client.cookies)
            response = await client.post("/fill")
            assert response.status_code == 200
            if "That was too much" in response.text:
                break
        assert "of 4096 bytes, so nothing was sent" in response.text
        assert "The largest keys are notes (" in response.text
        assert reasons(response)[1] == "nothing POST /fill"
        assert dict(client.cookies) == before
        # Told once; and everything else still works.
        response = await client.post("/visit")
        assert "That was too much" not in response.text
        assert shown(response, "views") == "2"


async def test_the_api_says_too_large_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "visit", lambda session, _: session.update(views="9" * 4096))
    async with visitor() as client:
        response = await client.get("/api/views")
        assert response.status_code == 413
        assert "views" in response.json()["error"]
        assert not client.cookies


async def test_resetting_keeps_who_is_logged_in() -> None:
    async with visitor() as client:
        await client.post("/login", data={"name": "Hansel"})
        await client.post("/visit")
        await client.post("/fill")
        response = await client.post("/reset")
        assert (shown(response, "views"), shown(response, "owner")) == ("0", "Hansel")
        assert "0 notes" in response.text


async def test_less_than_half_a_life_left_renews() -> None:
    clock = Clock(int(time.time()))
    async with visitor(clock) as client:
        await client.post("/visit")
        clock.now += 299
        response = await client.get("/")
        assert reasons(response)[0] == "nothing GET /"
        assert 'data-left="301000"' in response.text
        clock.now += 2
        response = await client.get("/")
        assert reasons(response)[0] == "renew GET /"
        assert 'data-left="600000"' in response.text
        clock.now += 601
        response = await client.get("/")
        assert "had expired" in response.text
        assert shown(response, "views") == "0"


async def test_a_session_gets_a_lifetime_of_its_own() -> None:
    async with visitor(Clock(int(time.time()))) as client:
        await client.post("/visit")
        response = await client.post("/lifetime", data={"seconds": "20"})
        assert reasons(response)[1] == "force POST /lifetime"
        assert 'data-left="20000"' in response.text
        assert '<option value="20" selected>' in response.text


@pytest.mark.parametrize(
    "cookie",
    [
        "koa.sess=e30=",
        "koa.sess=e30=; koa.sess.sig=AAAA",
        "koa.sess=%00\xff; koa.sess.sig=\xff",
        'koa.sess="; koa.sess.sig="',
        "koa.sess=" + "W1tb" * 1000 + "; koa.sess.sig=x",
        "; =; koa.sess; koa.sess.sig=" + "x" * 9000,
        "=" * 20_000,
    ],
)
async def test_a_hostile_cookie_gets_the_page(cookie: str) -> None:
    async with visitor() as client:
        response = await client.get("/", headers=[(b"cookie", cookie.encode("latin-1"))])
        assert response.status_code == 200
        assert shown(response, "octets") == "0"


async def test_a_forged_cookie_is_told_of() -> None:
    async with visitor() as client:
        await client.post("/visit")
        value, sig = client.cookies["koa.sess"], client.cookies["koa.sess.sig"]
        client.cookies.clear()
        forged = ("x" if value[0] != "x" else "y") + value[1:]
        response = await client.get("/", headers={"cookie": f"koa.sess={forged}; koa.sess.sig={sig}"})
        assert "signature does not match" in response.text
        assert shown(response, "views") == "0"


async def test_a_good_cookie_beside_a_bad_one_gets_the_page() -> None:
    async with visitor() as client:
        await client.post("/visit")
        good = f"koa.sess={client.cookies['koa.sess']}; koa.sess.sig={client.cookies['koa.sess.sig']}"
        client.cookies.clear()
        response = await client.get("/", headers={"cookie": f"{good}; koa.sess={'W1tb' * 500}"})
        assert response.status_code == 200
        assert shown(response, "views") == "1"


async def test_an_old_signature_opens_no_log() -> None:
    async with visitor() as client:
        await client.post("/visit")
        old = {"cookie": f"koa.sess={client.cookies['koa.sess']}; koa.sess.sig={client.cookies['koa.sess.sig']}"}
        await client.post("/login", data={"name": "Hansel"})
        client.cookies.clear()
        assert reasons(await client.get("/", headers=old)) == ["nothing GET /"]


async def test_logs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BROWSERS", 3)
    options = demo_options([KEY])

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    recording = recorder.Recorder(app, options)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(recording), base_url="http://demo.test") as client:
        for number in range(9):
            await client.get("/", headers={"cookie": f"koa.sess.sig=sig{number}"})
        await client.get("/", headers={"cookie": "koa.sess.sig=" + "long" * 100})
    assert [*recording._logs] == ["sig6", "sig7", "sig8"]


async def test_a_store_holds_the_data_and_the_cookie_an_id(store: Any) -> None:
    async with windows(store, "Gretel") as [client]:
        small = shown(await client.get("/"), "octets")
        response = await client.post("/visit")
        assert shown(response, "views") == "1"
        assert reasons(response)[:2] == ["nothing GET /", "changed POST /visit"]
        assert shown(response, "octets") == small == str(len("koa.sess") + 43)
        assert "a &lt;store&gt;" in response.text
        text = re.search(r'aria-label="Record">([^<]*)<', response.text)
        assert text is not None
        record = json.loads(html.unescape(text[1]))
        assert (record["views"], record["browser"], record["_owner"]) == (1, "Window0", "Gretel")
        assert int(shown(response, "record")) == len(json.dumps(record, separators=(",", ":")))


async def test_a_page_without_a_session_makes_no_record(store: Any) -> None:
    async with windows(store, "") as [client]:
        response = await client.get("/")
        assert "set-cookie" not in response.headers
        assert "There is no record." in response.text
        assert listed(response) == []


async def test_one_window_ends_the_other(store: Any) -> None:
    async with windows(store, "Gretel", "Gretel", "Hansel") as [here, there, elsewhere]:
        response = await here.get("/")
        assert listed(response) == ["Window0", "Window1"]
        response = await here.post("/sessions/end", data={"key": keys(response)[0]})
        assert "That session has ended" in response.text
        assert (listed(response), keys(response)) == (["Window0"], [])

        response = await there.get("/")
        assert "You are logged out" in response.text
        assert "Logged in as" not in response.text
        # What its buttons do belongs to a new session, of nobody; and it is told once.
        response = await there.post("/visit")
        assert "You are logged out" not in response.text
        assert (shown(response, "views"), listed(response)) == ("1", [])
        assert shown(await elsewhere.get("/"), "owner") == "Hansel"


async def test_a_button_in_a_window_that_was_logged_out_says_so(store: Any) -> None:
    async with windows(store, "Gretel", "Gretel") as [here, there]:
        await here.post("/sessions/end-others")
        response = await there.post("/visit")
        assert "You are logged out" in response.text
        assert "You are logged out" not in (await there.get("/")).text


async def test_a_window_logs_out_everywhere_else(store: Any) -> None:
    async with windows(store, "Gretel", "Gretel", "Gretel", "Hansel") as [here, *there, elsewhere]:
        response = await here.post("/sessions/end-others")
        assert "Sessions ended: 2." in response.text
        assert (shown(response, "owner"), listed(response)) == ("Gretel", ["Window0"])
        for window in there:
            assert "You are logged out" in (await window.get("/")).text
        assert shown(await elsewhere.get("/"), "owner") == "Hansel"


async def test_nobody_ends_the_session_of_another_user(store: Any) -> None:
    async with windows(store, "Gretel", "Gretel", "Hansel", "") as [gretel, _, hansel, nobody]:
        key = keys(await gretel.get("/"))[0]
        for thief in (hansel, nobody):
            response = await thief.post("/sessions/end", data={"key": key})
            assert "not there any more" in response.text
            await thief.post("/sessions/end-others")
        await hansel.post("/sessions/end", data={"key": ""})
        assert keys(await gretel.get("/")) == [key]


async def test_a_log_in_remembers_where_and_when_and_a_reset_keeps_that(store: Any) -> None:
    clock = Clock(int(time.time()) // 86_400 * 86_400 + 86_400 + 3661)
    async with windows(store, "Gretel", clock=clock) as [client]:
        for path in ("/visit", "/reset", "/regenerate"):
            response = await client.post(path)
            assert listed(response) == ["Window0"]
            assert "logged in at 01:01:01 UTC" in response.text


async def test_a_record_too_large_is_told_kindly_and_stays_as_it_was(store: Any) -> None:
    async with windows(store, "Gretel") as [client]:
        for _ in range(13):
            response = await client.post("/fill", data={"times": "10"})
            assert "That was too much" not in response.text
        before = shown(response, "record")
        response = await client.post("/fill", data={"times": "10"})
        assert "more than 65536 bytes of JSON; the largest keys are notes (" in response.text
        assert shown(response, "record") == before
        assert shown(await client.post("/visit"), "views") == "1"


async def test_a_store_that_fails_is_no_log_out() -> None:
    class Failing(MemoryStore):
        async def sessions_of(self, owner: str) -> Any:
            raise OSError

    async with windows(Failing(), "Gretel") as [client]:
        response = await client.get("/")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert client.cookies


async def test_less_than_half_a_life_left_renews_the_record() -> None:
    clock = Clock(int(time.time()))
    async with windows(MemoryStore(clock=clock), "Gretel", "Gretel", clock=clock) as [here, there]:
        clock.now += 301
        response = await here.get("/")
        assert reasons(response)[0] == "renew GET /"
        assert re.findall(r'data-left="(\d+)"', response.text) == ["600000", "299000"]
        clock.now += 301
        response = await there.get("/")
        assert "had expired" in response.text


async def test_what_a_stored_session_holds_is_never_markup() -> None:
    app = create_app(demo_options([KEY], store=MemoryStore()), "memory")
    async with browser_at(app, "<script>x") as here, browser_at(app, "<script>y") as there:
        for window in (here, there):
            response = await window.post("/login", data={"name": "<script>z"})
        assert listed(response) == ["&lt;script&gt;y", "&lt;script&gt;x"]
        assert response.text.count("<script>") == 1


def test_a_place_that_there_is_not_is_told_of() -> None:
    with pytest.raises(SystemExit, match=r"STORE cannot be 'floppy'\. Choose one of cookie, memory, sqlite, redis"):
        place_for("floppy")


@pytest.mark.parametrize("word", ["memory", "sqlite", "redis"])
async def test_a_place_opens_and_leaves_nothing(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("SQLITE_FILE", raising=False)
    with place_for(word) as place:
        await place.store.ping()
        await place.store.aclose()
        assert not place.lasts
    if word == "sqlite":
        assert not Path(place.told.split()[2].rstrip(",")).parent.exists()
    if word == "redis":
        with pytest.raises(redis.ConnectionError):
            await place.store.ping()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.14.1", "curl"),
        ("x" * 300, "x" * 30),
        ("", "Something nameless"),
    ],
)
def test_a_browser_is_named(agent: str, name: str) -> None:
    assert browser(agent) == name


def test_a_payload_that_is_no_json_is_none() -> None:
    assert Held("koa.sess", "W1tb" * 1000, "").payload is None
    assert Held("koa.sess", "%", "").payload is None


def test_times_and_lines_are_written_short() -> None:
    assert [duration(seconds) for seconds in (-1, 0, 59.9, 600)] == ["0:00", "0:00", "0:59", "10:00"]
    assert shortened("koa.sess=abc; path=/") == "koa.sess=abc; path=/"
    assert shortened("koa.sess=" + "a" * 4000 + "; path=/").endswith("… 3937 more …aaaaaaaaaaaaaaaaaaaa; path=/")
