"""A request that comes late, with an id that a login has just replaced."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gingersnap import ConfigError, Event, HeaderKey, SessionMiddleware, SessionOptions
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser, Clock, app_of
from tests.doubles import RecordingStore
from tests.stores.shipped_stores import KINDS, kind_of

NAMES = ("missed", "superseded", "gone", "created", "regenerated")


class Site:
    """One application, and what was heard of its sessions."""

    def __init__(self, store: Any = None, **options: Any) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock) if store is None else store
        self.heard: Counter[str] = Counter()
        self.handler: Callable[[Any], Any] = lambda session: None
        given = {"keys": [KEY], "store": self.store, "listeners": dict.fromkeys(NAMES, self._note), **options}
        if store is None:
            given = {"clock": self.clock, **given}
        self.app = SessionMiddleware(app_of(lambda scope: self.handler(scope["session"])), **given)

    def _note(self, event: Event) -> None:
        self.heard[event.name] += 1

    def browser(self, like: Browser | None = None) -> Browser:
        browser = Browser(self.app)
        browser.jar.update({} if like is None else like.jar)
        return browser

    async def do(self, browser: Browser, handler: Callable[[Any], Any]) -> list[str]:
        self.handler = handler
        return (await browser.get()).cookies

    async def moved(self, move: Callable[[Any], Any] = lambda s: s.login("ann")) -> tuple[Browser, Browser]:
        """Return a browser whose session has just moved, and one that still shows the id of before."""
        browser = self.browser()
        await self.do(browser, lambda s: s.update(n=1))
        late = self.browser(browser)
        await self.do(browser, move)
        return browser, late


@pytest.mark.parametrize("name", KINDS)
def test_a_late_request_is_given_nothing_and_takes_nothing_away(name: str, request: pytest.FixtureRequest, tmp_path: Any) -> None:
    async def play(store: Any) -> None:
        site = Site(store)
        browser, late = await site.moved()
        seen: list[Any] = []

        def write(session: Any) -> None:
            seen.append((dict(session), session.owner, session.is_new, session.gone, session.external_key))
            session["polls"] = 1

        assert await site.do(late, write) == []
        assert seen == [({}, None, True, True, None)]
        await site.do(browser, lambda s: seen.append((dict(s), s.owner)))
        assert seen[1] == ({"n": 1}, "ann")
        assert site.heard == Counter(created=1, regenerated=1, superseded=1, gone=1)

    kind_of(name, request, tmp_path).run(play)


LATE: dict[str, Callable[[Any], Any]] = {
    "untouched": lambda s: None,
    "read": lambda s: s.get("n"),
    "write": lambda s: s.update(n=2),
    "save": lambda s: s.save(),
    "touch": lambda s: s.touch(),
    "regenerate": lambda s: (s.update(n=2), s.regenerate()),
    "replace": lambda s: s.replace({"n": 2}),
    "clear": lambda s: s.clear(),
    "max_age": lambda s: setattr(s, "max_age", 5),
}


@pytest.mark.parametrize("options", [{}, {"rolling": True}, {"allow_empty": True}], ids=["plain", "rolling", "allow_empty"])
@pytest.mark.parametrize("how", LATE)
@pytest.mark.parametrize("move", [lambda s: s.login("ann"), lambda s: s.regenerate()], ids=["login", "regenerate"])
async def test_nothing_of_a_late_request_is_stored_or_sent(move: Any, how: str, options: Any) -> None:
    site = Site(**options)
    _, late = await site.moved(move)
    records = len(site.store)
    assert await site.do(late, LATE[how]) == []
    assert len(site.store) == records
    assert (site.heard["superseded"], site.heard["created"]) == (1, 1)


async def test_what_a_late_request_wrote_is_dropped_but_not_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    _, late = await site.moved()
    with caplog.at_level(logging.INFO, "gingersnap"):
        await site.do(late, lambda s: None)
        assert caplog.messages == []
        await site.do(late, lambda s: s.update(secret="x"))
    assert caplog.messages == ["a request came with an id that a login had just replaced: what it changed is dropped"]


async def test_the_grace_ends() -> None:
    site = Site(regenerate_grace=timedelta(seconds=3))
    _, late = await site.moved()
    site.clock.now += 3.001
    assert await site.do(late, lambda s: s.update(n=2)) != []
    assert (site.heard["superseded"], site.heard["missed"]) == (0, 1)


async def test_no_grace_is_an_option() -> None:
    site = Site(regenerate_grace=0)
    _, late = await site.moved()
    assert len(site.store) == 1
    assert await site.do(late, lambda s: s.update(n=2)) != []
    assert site.heard["missed"] == 1


async def test_N01_a_logout_has_no_grace() -> None:
    site = Site()
    _, late = await site.moved(lambda s: s.logout())
    assert len(site.store) == 0
    assert await site.do(late, lambda s: s.update(n=2)) != []
    assert site.heard["missed"] == 1


async def test_a_login_in_a_late_request_begins_a_session_of_its_own() -> None:
    site = Site()
    _, late = await site.moved()
    assert len(await site.do(late, lambda s: (s.update(m=2), s.login("bob")))) == 2
    seen: list[Any] = []
    await site.do(late, lambda s: seen.append((dict(s), s.owner)))
    assert seen == [({"m": 2}, "bob")]


async def test_a_logout_in_a_late_request_removes_the_cookie() -> None:
    site = Site()
    browser, late = await site.moved()
    # The value after its signature: some clients carry out the last removal alone.
    assert (await site.do(late, lambda s: s.logout()))[-1].startswith("koa.sess=; path=/; expires=Thu, 01 Jan 1970")
    assert late.jar == {}
    seen: list[Any] = []
    await site.do(browser, lambda s: seen.append(s.owner))
    assert seen == ["ann"]


async def test_defer_has_the_same_grace() -> None:
    site = Site(defer=True)
    browser = site.browser()
    await site.do(browser, lambda s: s.update(n=1))
    late = site.browser(browser)

    async def login(session: Any) -> None:
        (await session.load()).login("ann")

    async def poll(session: Any) -> None:
        (await session.load())["polls"] = 1

    await site.do(browser, login)
    for handler in (poll, lambda s: s.replace({"n": 2})):
        assert await site.do(late, handler) == []
    assert site.heard["superseded"] == 2


async def test_D05_only_an_id_that_a_signature_vouches_for_is_looked_up() -> None:
    for options, cookie in (({}, b"koa.sess=%s; koa.sess.sig=x" % (b"a" * 43)), ({"external_key": HeaderKey("x-sid")}, b"")):
        store = RecordingStore()
        site = Site(store, **options)
        site.handler = lambda session: None
        await Browser(site.app).get(headers=[(b"cookie", cookie), (b"x-sid", b"a" * 43)])
        assert len(store.calls) == (1 if options else 0)


@pytest.mark.parametrize("preset", ["koa", "express", "koa-generic"])
async def test_a_preset_leaves_no_trace_of_an_id(preset: Any) -> None:
    site = Site(preset=preset)
    await site.moved(lambda s: s.regenerate())
    assert len(site.store) == 1
    with pytest.raises(ConfigError, match=r"^regenerate_grace: "):
        SessionOptions(keys=[KEY], store=MemoryStore(), preset=preset, regenerate_grace=5)
