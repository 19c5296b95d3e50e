"""Clients that are no browsers keep a session as one does: what each does to a cookie stands in docs/clients.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Accept, CookieTooLarge, SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY
from tests.frameworks.server import serve
from tests.interop.http_clients import CLIENTS

LATER = 4_102_444_800
IN_COOKIES: dict[str, dict[str, Any]] = {
    "own": {},
    "encrypt": {"encrypt": True},
    "koa": {"preset": "koa"},
    "cookie-session": {"preset": "cookie-session"},
    "starlette": {"preset": "starlette"},
}
IN_STORES: dict[str, dict[str, Any]] = {"store": {}, "express": {"preset": "express"}, "koa-generic": {"preset": "koa-generic"}}
LAYOUTS = [*IN_COOKIES, *IN_STORES]

pytestmark = [pytest.mark.usefixtures("node"), pytest.mark.parametrize("client", CLIENTS)]


def options_of(client: str, layout: str) -> dict[str, Any]:
    """Return the options of a layout: with a store of its own, if it has one."""
    options = IN_COOKIES[layout] if layout in IN_COOKIES else {**IN_STORES[layout], "store": MemoryStore()}
    # lynx writes cookies to its file that have a date, and no others.
    return {**options, "max_age": 86_400} if client == "lynx" else options


async def application(scope: Any, receive: Any, send: Any) -> None:
    session = scope["session"]
    path = scope["path"]
    if path.endswith("/login"):
        session.update(user="ann", n=0)
    elif path.endswith("/count"):
        session["n"] = session.get("n", 100) + 1
    elif path.endswith("/logout"):
        session.destroy()
    elif "/fill/" in path:
        session["filled"] = "x" * int(path.rpartition("/")[2])
    text = f"{session.get('user')} {session.get('n')} {len(session.get('filled', ''))}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text})


class Site:
    """A server whose application can be replaced while it runs."""

    def __init__(self) -> None:
        self.address = ""
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Give one server for all tests: each sets its application."""
    site = Site()
    with serve(site) as host:
        site.address = f"http://{host}"
        yield site


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_client_reads_changes_is_taken_over_and_logs_out(client: str, layout: str, site: Site, tmp_path: Path) -> None:
    options = options_of(client, layout)
    before = SessionMiddleware(application, keys=[OLD_KEY], **{**options, "key": "before"})
    accept = [Accept(keys=[OLD_KEY], until=LATER, **{**options, "key": "before"})]
    after = SessionMiddleware(application, keys=[KEY], accept=accept, **{**options, "key": "after"})
    site.app = before
    with CLIENTS[client](site.address, tmp_path) as get:
        assert [get(path) for path in ("/login", "/count", "/")] == ["ann 0 0", "ann 1 0", "ann 1 0"]
        site.app = after
        assert [get(path) for path in ("/", "/count", "/count", "/")] == ["ann 1 0", "ann 2 0", "ann 3 0", "ann 3 0"]
        if (client, layout) == ("aiohttp", "starlette"):
            # The emptied cookie is no session.
            assert [get("/logout"), get("/")][1] == "None None 0"
            return
        get("/logout")
        if client == "curl":
            # curl 7.88 forgets the removal in the takeover, which another line follows, and a logout removes one cookie at a time.
            get("/logout")
        assert get("/") == "None None 0"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_client_is_taken_over_to_another_path(client: str, layout: str, site: Site, tmp_path: Path) -> None:
    options = options_of(client, layout)
    before = SessionMiddleware(application, keys=[KEY], path="/app", **options)
    after = SessionMiddleware(application, keys=[KEY], accept=[Accept(keys=[KEY], until=LATER, path="/app", **options)], **options)
    site.app = before
    with CLIENTS[client](site.address, tmp_path) as get:
        assert [get(path) for path in ("/app/login", "/app/count")] == ["ann 0 0", "ann 1 0"]
        site.app = after
        assert [get(f"/app/{path}") for path in ("", "count", "count", "")] == ["ann 1 0", "ann 2 0", "ann 3 0", "ann 3 0"]
        get("/app/logout")
        if client == "curl" and layout in IN_COOKIES:
            # curl 7.88 forgets each removal that another line follows: the old cookie stays in its jar.
            assert get("/app/") == "ann 1 0"
            return
        assert get("/app/") == "None None 0"


@pytest.mark.parametrize("layout", IN_COOKIES)
def test_a_client_keeps_what_a_line_of_4096_octets_can_hold(client: str, layout: str, site: Site, tmp_path: Path) -> None:
    """What is too long raises, and the session stays as it was: a client never has a new signature beside an old value."""
    sizes = range(2_860, 3_070, 7)
    refused = []

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        try:
            await middleware(scope, receive, send)
        except CookieTooLarge:
            refused.append(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"too large"})

    limits = {("lynx", layout): 4_086, ("http-cookie", "starlette"): 4_000, ("lynx", "starlette"): 4_000}
    limit = limits.get((client, layout), 4_096)
    middleware = SessionMiddleware(application, keys=[KEY], max_cookie_bytes=limit, **options_of(client, layout))
    site.app = guarded
    with CLIENTS[client](site.address, tmp_path) as get:
        get("/login")
        kept = 0
        for size in sizes:
            if get(f"/fill/{size}") != "too large":
                kept = size
            assert get("/") == f"ann 0 {kept}"
        assert refused
        assert kept
