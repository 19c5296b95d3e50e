"""When a response renews a session that it did not change: ``rolling``, ``renew``, ``lazy_rolling``, in a cookie and in a store."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from gingersnap import Event, SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Browser, Clock, app_of

LIFE = 3600
LATE = 60
"""How long after its last renewal a session of that lifetime is renewed again."""


def _untouched(session: Any) -> None:
    pass


def _read(session: Any) -> None:
    session.get("n")


class Site:
    """One application, its sessions in cookies or in a store, under a clock that both follow."""

    def __init__(self, *, stored: bool, headers: Any = None, **options: Any) -> None:
        self.clock = Clock()
        self.handler: Callable[[Any], Any] = _untouched
        self.events: list[Event] = []
        given: dict[str, Any] = {"keys": [KEY], "max_age": LIFE, "clock": self.clock, **options}
        if stored:
            given["store"] = MemoryStore(clock=self.clock)
        given["listeners"] = {"renewed": self.events.append}
        self.app = SessionMiddleware(app_of(self._handle, headers), **given)
        self.browser = Browser(self.app)

    def _handle(self, scope: Any) -> Any:
        # A session that was fetched counts as used, whatever became of it.
        return None if self.handler is _untouched else self.handler(scope["session"])

    async def do(self, handler: Callable[[Any], Any]) -> list[str]:
        self.handler = handler
        return (await self.browser.get()).cookies


stores = pytest.mark.parametrize("stored", [False, True], ids=["cookie", "store"])


@stores
@pytest.mark.parametrize("how", ["rolling", "renew"])
@pytest.mark.parametrize(("handler", "lazily"), [(_untouched, False), (_read, True)], ids=["untouched", "read"])
async def test_lazy_rolling_renews_only_what_was_touched(stored: bool, how: str, handler: Any, lazily: bool) -> None:
    for lazy in (False, True):
        site = Site(stored=stored, lazy_rolling=lazy, **{how: True})
        await site.do(lambda s: s.update(n=1))
        site.clock.now += LIFE * 0.6
        assert bool(await site.do(handler)) is (lazily or not lazy)
        assert len(site.events) == (lazily or not lazy)
        # What was not renewed ends as it was to end.
        site.clock.now += LIFE * 0.6
        seen: list[Any] = []
        await site.do(lambda s, seen=seen: seen.append(dict(s)))
        assert seen == [{"n": 1} if lazily or not lazy else {}]


@pytest.mark.parametrize("given", [{}, {"lazy_rolling": True}], ids=["default", "asked"])
async def test_K07_koa_with_a_store_renews_untouched_sessions_unless_asked_otherwise(given: dict[str, Any]) -> None:
    site = Site(stored=True, preset="koa", rolling=True, **given)
    await site.do(lambda s: s.update(n=1))
    assert bool(await site.do(_untouched)) is not bool(given)


async def test_K07_koa_in_a_cookie_renews_what_was_touched_each_time() -> None:
    site = Site(stored=False, preset="koa", rolling=True)
    await site.do(lambda s: s.update(n=1))
    assert (bool(await site.do(_untouched)), bool(await site.do(_read))) == (False, True)


@stores
async def test_an_untouched_response_sends_no_cookie_soon_after_a_renewal(stored: bool) -> None:
    site = Site(stored=stored, rolling=True)
    await site.do(lambda s: s.update(n=1))
    sent = []
    for _ in range(2 * LATE):
        site.clock.now += 1
        sent.append(bool(await site.do(_untouched)))
    assert [second for second, cookie in enumerate(sent, 1) if cookie] == [LATE, 2 * LATE]


@pytest.mark.parametrize("name", ["login", "logout"])
async def test_an_untouched_response_that_is_late_undoes_nothing(name: str) -> None:
    """A page and its picture are asked for at once; the picture's response comes last."""
    site = Site(stored=False, rolling=True, max_age=LIFE)
    await site.do(lambda s: s.update(n=1))
    picture = Browser(site.app)
    picture.jar.update(site.browser.jar)
    site.clock.now += 1
    await site.do((lambda s: s.login("ann")) if name == "login" else (lambda s: s.logout()))
    site.handler = _untouched
    site.browser.keep((await picture.get()).cookies)
    seen: list[Any] = []
    await site.do(lambda s: seen.append(s.owner))
    assert seen == ["ann" if name == "login" else None]
    assert bool(site.browser.jar) is (name == "login")


@stores
async def test_L04_a_renewal_that_would_gain_nothing_is_not_sent(stored: bool) -> None:
    site = Site(stored=stored, rolling=True, absolute_age=LIFE)
    await site.do(lambda s: s.update(n=1))
    site.clock.now += LIFE / 2
    assert await site.do(_untouched) == []


PUBLIC = [b"public, max-age=60", b"max-age=60, Public", b"s-maxage=9"]


@stores
@pytest.mark.parametrize("value", PUBLIC)
@pytest.mark.parametrize("handler", [_untouched, _read], ids=["untouched", "read"])
async def test_no_renewal_goes_with_a_public_response(
    stored: bool, value: bytes, handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(stored=stored, rolling=True, headers=[(b"Cache-Control", value)])
    assert await site.do(lambda s: s.update(n=1)) != []
    with caplog.at_level(logging.WARNING, "gingersnap"):
        for _ in range(3):
            site.clock.now += LIFE / 4
            assert await site.do(handler) == []
    assert [record.message.split(" renews")[0] for record in caplog.records] == ["a response with Cache-Control: public"]
    assert site.events == []
    assert await site.do(lambda s: s.touch()) != []


@pytest.mark.parametrize("rolling", [False, True])
async def test_a_public_response_carries_no_cookie_of_a_session_that_is_saved_again(rolling: bool) -> None:
    site = Site(stored=True, resave=True, rolling=rolling, headers=[(b"cache-control", b"public, max-age=60")])
    await site.do(lambda s: s.update(n=1))
    site.clock.now += LIFE / 4
    assert await site.do(_untouched) == []


async def test_a_public_response_renews_no_session_of_the_starlette_preset() -> None:
    """Starlette has no ``rolling``, so that there is nothing to be alike."""
    site = Site(stored=False, preset="starlette", rolling=True, headers=[(b"cache-control", b"public, max-age=60")])
    await site.do(lambda s: s.update(n=1))
    site.clock.now += LIFE / 4
    assert await site.do(_untouched) == []


@stores
@pytest.mark.parametrize("value", [b"private, max-age=60", b"no-store", b"max-age=60", b'private="public"'])
async def test_a_response_that_is_not_public_renews(stored: bool, value: bytes) -> None:
    site = Site(stored=stored, rolling=True, headers=[(b"cache-control", value)])
    await site.do(lambda s: s.update(n=1))
    site.clock.now += LIFE / 2
    assert await site.do(_untouched) != []


@stores
async def test_X05_a_public_response_carries_no_new_signature(stored: bool) -> None:
    site = Site(stored=stored, headers=[(b"cache-control", b"public")], keys=[OLD_KEY])
    await site.do(lambda s: s.update(n=1))
    site.clock.now += LIFE / 5
    options = site.app.options.replace(keys=[KEY, OLD_KEY])
    for headers, sends in (([(b"cache-control", b"public")], False), ([], True)):
        later = Browser(SessionMiddleware(app_of(_untouched, headers), options))
        later.jar.update(site.browser.jar)
        assert bool((await later.get()).cookies) is sends


@pytest.mark.parametrize("layout", [{}, {"encrypt": True}, {"preset": "starlette"}, {"max_age": "session"}])
async def test_a_response_that_never_used_the_session_waits_with_a_new_signature(layout: Any) -> None:
    """It may come after a logout, or after a newer cookie: with the new key it would bring back what it was given."""
    site = Site(stored=False, **{"keys": [OLD_KEY], **layout})
    await site.do(lambda s: s.update(n=1))
    options = site.app.options.replace(keys=[KEY, OLD_KEY])
    for handler, later, sends in (
        (_untouched, 0.0, False),
        (_read, 0.0, True),
        (_untouched, LIFE / 5, options.max_age_ms is not None),
    ):
        site.clock.now += later
        browser = Browser(
            SessionMiddleware(
                app_of(lambda scope, handler=handler: handler(scope["session"]) if handler is _read else None), options
            )
        )
        browser.jar.update(site.browser.jar)
        assert bool((await browser.get()).cookies) is sends


async def test_a_rolling_session_under_a_key_that_is_being_replaced_is_signed_anew_at_once() -> None:
    site = Site(stored=True, rolling=True, keys=[OLD_KEY])
    await site.do(lambda s: s.update(n=1))
    later = Browser(SessionMiddleware(app_of(_untouched), site.app.options.replace(keys=[KEY, OLD_KEY])))
    later.jar.update(site.browser.jar)
    assert len((await later.get()).cookies) == 2
    assert (await later.get()).cookies == []


@pytest.mark.parametrize(
    ("before", "now", "sends"), [("session", LIFE, True), (LIFE, "session", True), ("session", "session", False)]
)
async def test_an_unused_rolling_session_is_sent_at_once_where_its_end_was_moved_to_or_from_the_browsers(
    before: Any, now: Any, sends: bool
) -> None:
    site = Site(stored=False, rolling=True, max_age=before)
    await site.do(lambda s: s.update(n=1))
    later = Browser(SessionMiddleware(app_of(lambda scope: None), site.app.options.replace(max_age=now)))
    later.jar.update(site.browser.jar)
    assert bool((await later.get()).cookies) is sends
