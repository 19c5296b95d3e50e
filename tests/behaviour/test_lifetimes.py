"""How long a session lives when the option ``max_age`` is changed, and when the application sets its lifetime itself."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from gingersnap import Accept, ConfigError, Event, SessionMiddleware, SessionOptions
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, NOW, OLD_KEY, Browser, Clock, app_of

HOUR, DAY = 3600, 86_400
MONTH = 30 * DAY
KINDS = ("cookie", "encrypted", "store")
kinds = pytest.mark.parametrize("kind", KINDS)


class Site:
    """One application whose options an operator changes; its store, where it has one, follows the same clock."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.clock = Clock()
        self.events: list[str] = []
        self.given: dict[str, Any] = {"keys": [KEY], "clock": self.clock, "listeners": {"expired": self._note}, **options}
        self.given |= {"store": {"store": MemoryStore(clock=self.clock)}, "encrypted": {"encrypt": True}}.get(kind, {})
        self.handler: Callable[[Any], Any] = lambda session: None
        self.browser = Browser(self._app())

    def _note(self, event: Event) -> None:
        self.events.append(event.name)

    def _app(self) -> SessionMiddleware:
        return SessionMiddleware(app_of(lambda scope: self.handler(scope["session"])), **self.given)

    def change(self, **options: Any) -> None:
        self.given.update(options)
        self.browser.app = self._app()

    async def do(self, handler: Callable[[Any], Any]) -> list[str]:
        self.handler = handler
        return (await self.browser.get()).cookies

    async def lives(self) -> bool:
        seen: list[Any] = []
        await self.do(lambda s: seen.append(s.get("n")))
        return seen == [1]


def _fill(session: Any) -> None:
    session["n"] = 1


def _remember(life: Any) -> Callable[[Any], None]:
    def handler(session: Any) -> None:
        session["n"] = 1
        session.max_age = life

    return handler


HOW = [{}, {"rolling": True}, {"renew": True}, {"rolling": True, "lazy_rolling": True}, {"absolute_age": 2 * MONTH}]
hows = pytest.mark.parametrize("how", HOW, ids=["plain", "rolling", "renew", "lazy", "absolute"])


@kinds
@hows
async def test_a_shorter_max_age_ends_sessions_of_before(kind: str, how: dict[str, Any]) -> None:
    site = Site(kind, max_age=MONTH, **how)
    await site.do(_fill)
    site.change(max_age=HOUR)
    site.clock.now += HOUR - 1
    assert await site.lives()
    site.clock.now += DAY
    assert not await site.lives()
    assert site.events == ["expired"] or (kind == "store" and site.events == [])


@pytest.mark.parametrize("how", [{}, {"rolling": True}, {"renew": True}], ids=["plain", "rolling", "renew"])
@pytest.mark.parametrize("handler", [lambda session: None, lambda session: session.get("n")], ids=["untouched", "read"])
async def test_a_shorter_max_age_sends_no_cookie_with_a_public_response(how: dict[str, Any], handler: Callable[[Any], Any]) -> None:
    site = Site("store", max_age=MONTH, **how)
    await site.do(_fill)
    site.given["max_age"] = HOUR
    site.clock.now += HOUR / 2
    public = Browser(
        SessionMiddleware(app_of(lambda scope: handler(scope["session"]), [(b"cache-control", b"public")]), **site.given)
    )
    public.jar.update(site.browser.jar)
    assert (await public.get()).cookies == []
    site.change()
    assert len(await site.do(handler)) == 2


@kinds
@hows
async def test_a_shorter_max_age_ends_a_session_that_nobody_used_since(kind: str, how: dict[str, Any]) -> None:
    site = Site(kind, max_age=MONTH, **how)
    await site.do(_fill)
    site.clock.now += HOUR + 1
    site.change(max_age=HOUR)
    assert not await site.lives()
    assert site.events == ["expired"]


@kinds
@pytest.mark.parametrize("how", [{"rolling": True}, {"renew": True}], ids=["rolling", "renew"])
async def test_a_longer_max_age_reaches_living_sessions_at_their_next_renewal(kind: str, how: dict[str, Any]) -> None:
    site = Site(kind, max_age=HOUR, **how)
    await site.do(_fill)
    site.change(max_age=MONTH)
    site.clock.now += HOUR / 2
    assert await site.lives()
    site.clock.now += MONTH - 1
    assert await site.lives()


@kinds
async def test_a_longer_max_age_waits_for_a_renewal(kind: str) -> None:
    site = Site(kind, max_age=HOUR)
    await site.do(_fill)
    site.change(max_age=MONTH)
    site.clock.now += HOUR / 2
    assert await site.lives()
    site.clock.now += HOUR
    assert not await site.lives()


@kinds
@pytest.mark.parametrize("how", [{}, {"rolling": True}], ids=["plain", "rolling"])
async def test_a_lifetime_that_the_application_set_stays(kind: str, how: dict[str, Any]) -> None:
    """Remember me: longer than the option, from request to request, through writes and changes of the option."""
    site = Site(kind, max_age=DAY, **how)
    await site.do(_remember(MONTH))
    for option in (HOUR, 2 * MONTH, "session", DAY):
        site.change(max_age=option)
        site.clock.now += 20 * DAY
        assert await site.lives()
        await site.do(lambda s: s.update(times=s.get("times", 0) + 1))
        seen: list[Any] = []
        await site.do(lambda s, seen=seen: seen.append((s.max_age, dict(s).keys())))
        assert seen == [(MONTH, {"n": 1, "times": 1}.keys())]
    site.clock.now += MONTH + 1
    assert not await site.lives()


@kinds
async def test_a_shorter_lifetime_that_the_application_set_stays(kind: str) -> None:
    site = Site(kind, max_age=DAY)
    await site.do(_remember(HOUR))
    site.change(max_age=MONTH)
    site.clock.now += HOUR / 2
    await site.do(lambda s: s.update(m=1))
    site.clock.now += HOUR + 1
    assert not await site.lives()


@kinds
@pytest.mark.parametrize("how", [{}, {"rolling": True}], ids=["plain", "rolling"])
async def test_a_session_that_the_application_gave_to_the_browser_stays_so(kind: str, how: dict[str, Any]) -> None:
    site = Site(kind, max_age=MONTH, **how)
    lines = await site.do(_remember("session"))
    assert "expires" not in lines[0]
    site.change(max_age=HOUR)
    for n in range(3):
        site.clock.now += HOUR * 5
        lines = await site.do(lambda s, n=n: s.update(m=n))
        assert all("expires" not in line for line in lines)
        seen: list[Any] = []
        await site.do(lambda s, seen=seen: seen.append((s.max_age, s["n"])))
        assert seen == [("session", 1)]


@kinds
async def test_sessions_of_the_browser_get_an_end_once_there_is_one(kind: str) -> None:
    site = Site(kind, max_age="session")
    await site.do(_fill)
    site.change(max_age=HOUR)
    site.clock.now += HOUR * 2
    lines = await site.do(lambda s: None)
    assert "expires" in lines[0]
    site.clock.now += HOUR - 1
    assert await site.lives()
    site.clock.now += HOUR + 1
    assert not await site.lives()


@kinds
async def test_dated_sessions_end_with_the_browser_from_their_next_renewal_on(kind: str) -> None:
    site = Site(kind, max_age=HOUR)
    await site.do(_fill)
    site.change(max_age="session")
    site.clock.now += 1
    lines = await site.do(lambda s: s.update(n=1, m=2))
    if kind != "store":
        assert "expires" not in lines[0]
    site.clock.now += HOUR * 2
    assert await site.lives()


@pytest.mark.parametrize("stored", [False, True])
async def test_K05_koa_keeps_the_lifetime_that_a_session_was_written_with(stored: bool) -> None:
    site = Site("store" if stored else "cookie", preset="koa", max_age=MONTH)
    await site.do(_fill)
    site.change(max_age=HOUR)
    site.clock.now += DAY
    assert await site.lives()


@pytest.mark.parametrize("preset", ["express", "koa-generic"])
async def test_the_lifetime_in_a_record_of_node_stays(preset: Any) -> None:
    site = Site("store", preset=preset, max_age=MONTH)
    await site.do(_fill)
    site.change(max_age=HOUR)
    site.clock.now += DAY
    assert await site.lives()


@pytest.mark.parametrize("kind", ["cookie", "store"])
async def test_a_lifetime_of_its_own_is_taken_over(kind: str) -> None:
    """An earlier configuration's session that the application remembers for a month stays so under the new keys."""
    site = Site("cookie", keys=[OLD_KEY], max_age=DAY)
    await site.do(_remember(MONTH))
    earlier = Accept(keys=[OLD_KEY], until=NOW + 2 * MONTH)
    site.change(keys=[KEY], accept=[earlier], **({"store": MemoryStore(clock=site.clock)} if kind == "store" else {}))
    await site.do(lambda s: s.update(m=1))
    site.clock.now += 20 * DAY
    assert await site.lives()


async def test_a_codec_of_the_application_keeps_a_lifetime_of_its_own() -> None:
    site = Site("cookie", max_age=DAY, encode=_encode, decode=_decode)
    await site.do(_remember(MONTH))
    site.change(max_age=HOUR)
    site.clock.now += DAY
    assert await site.lives()


def _encode(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _decode(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return data


@kinds
@pytest.mark.parametrize("how", HOW[:4], ids=["plain", "rolling", "renew", "lazy"])
async def test_L04_no_session_is_idle_for_longer_than_the_option_or_ends_before_it_has_to(kind: str, how: dict[str, Any]) -> None:
    """Programs of uses, waits and changes of the option: nothing idle for longer lives, nothing renewed lately enough ends."""
    for seed in range(40):
        choose = random.Random(seed)
        option = least = choose.choice([HOUR, DAY, MONTH])
        site = Site(kind, max_age=option, **how)
        await site.do(_fill)
        written = used = site.clock.now
        for _ in range(12):
            site.clock.now += choose.choice([1, HOUR // 2, HOUR, 5 * HOUR, DAY]) * choose.random()
            if choose.random() < 0.3:
                option = choose.choice([HOUR, DAY, MONTH])
                least = min(least, option)
                site.change(max_age=option)
            lives = await site.lives()
            idle = site.clock.now - used
            assert not lives or idle <= option + 0.001, seed
            assert lives or site.clock.now - written >= least - 0.001, seed
            if not lives:
                break
            used = site.clock.now
            if choose.random() < 0.3:
                await site.do(lambda s, t=used: s.update(n=1, t=t))
                written, least = used, option


@pytest.mark.parametrize("ttl", [HOUR, lambda data: HOUR * data["n"]], ids=["seconds", "function"])
async def test_ttl_says_how_long_the_record_of_a_session_of_the_browser_is_kept(ttl: Any) -> None:
    site = Site("store", max_age="session", ttl=ttl)
    assert "expires" not in (await site.do(_fill))[0]
    for _ in range(3):
        site.clock.now += HOUR * 0.6
        assert await site.lives()
    site.clock.now += HOUR + 1
    assert not await site.lives()


async def test_ttl_says_nothing_of_a_session_with_a_lifetime_of_its_own() -> None:
    site = Site("store", max_age="session", ttl=HOUR)
    await site.do(_remember(DAY))
    site.clock.now += DAY - 1
    assert await site.lives()


@pytest.mark.parametrize("given", [{}, {"max_age": DAY}, {"preset": "koa", "max_age": "session"}])
def test_ttl_needs_sessions_of_the_browser(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^ttl: a record lives as long as its session"):
        SessionOptions(keys=[KEY], store=MemoryStore(), ttl=HOUR, **given)
