"""What Gingersnap promises of sessions in a store, through the middleware, on every store that ships."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Event, SessionMiddleware
from gingersnap._core import Keygrip
from gingersnap.records.record_writer import TRIES
from tests.asgi import KEY, Browser, app_of
from tests.stores import store_contents
from tests.stores.shipped_stores import KINDS, SHARED, Kind, kind_of

# Names bear the ids of requirements as they are written.

LONG = os.environ.get("GINGERSNAP_LONG") == "1"
"""Whether every figure is to be shown in full: ``make figures``."""
ABREAST = 25
"""How many races run at a time: those of one batch are on different sessions."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Give each kind of store in turn."""
    return kind_of(request.param, request, tmp_path)


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Give each kind that processes share."""
    return kind_of(request.param, request, tmp_path)


class Site:
    """One application over one store; the handler of each request travels in its scope."""

    def __init__(self, store: Any, **options: Any) -> None:
        self.events: list[str] = []
        listeners = dict.fromkeys(("gone", "conflict", "missed"), self._note)
        self.app = SessionMiddleware(app_of(self._handle), keys=[KEY], store=store, listeners=listeners, **options)

    def _note(self, event: Event) -> None:
        self.events.append(event.name)

    @staticmethod
    def _handle(scope: Any) -> Any:
        return scope["handler"](scope["session"])

    def browser(self, like: Browser | None = None) -> Browser:
        browser = Browser(self.app)
        browser.jar.update({} if like is None else like.jar)
        return browser


async def play(browser: Browser, handler: Callable[[Any], Any]) -> Any:
    return await browser.get(handler=handler)


async def in_batches(races: int, race: Callable[[int], Awaitable[None]]) -> None:
    for start in range(0, races, ABREAST):
        await asyncio.gather(*(race(number) for number in range(start, min(start + ABREAST, races))))


def move(session: Any) -> None:
    session.regenerate()


LATE: list[Callable[[Any], Any]] = [
    lambda s: s.update(late=1),
    lambda s: s.save(),
    lambda s: s.touch(),
    move,
    lambda s: s.replace({"late": 1}),
    lambda s: setattr(s, "max_age", 50),
    lambda s: s.pop("n", None),
    lambda s: s.get("n"),
]


def test_N01_a_thousand_logouts_are_final(kind: Kind) -> None:
    """Every other race has the late request wait for the logout; the rest meet as they will."""

    async def races(store: Any) -> tuple[int, int]:
        sites, revived, cookies = [Site(store), Site(store, rolling=True)], 0, 0

        async def race(number: int) -> None:
            nonlocal revived, cookies
            waits, write = bool(number % 2), LATE[number // 2 % len(LATE)]
            site = sites[number // (2 * len(LATE)) % 2]
            late, other = site.browser(), site.browser()
            await play(late, lambda s: s.update(n=number))
            other.jar.update(late.jar)
            old = dict(late.jar)
            loaded, gone = asyncio.Event(), asyncio.Event()

            async def handler(session: Any) -> None:
                write(session)
                loaded.set()
                if waits:
                    await gone.wait()

            async def logout() -> None:
                if waits:
                    await loaded.wait()
                await play(other, lambda s: s.logout())
                gone.set()

            response, _ = await asyncio.gather(play(late, handler), logout())
            assert response.status == 200
            cookies += waits and bool(response.cookies)
            # A new id that was there before the logout is another session; the old one lets nobody in, and its data is gone.
            moved = write is move and not waits
            for jar in (old, other.jar, {} if moved else late.jar):
                seen: dict[str, Any] = {}
                thief = site.browser()
                thief.jar.update(jar)
                await play(thief, lambda s, seen=seen: seen.update(dict(s)))
                revived += "n" in seen or bool(seen and waits)

        await in_batches(1000, race)
        return revived, cookies

    assert kind.run(races) == (0, 0)


def test_N02_N06_eight_processes_lose_no_write_and_none_tries_for_ever(shared: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    async def begin(store: Any) -> str:
        browser = Site(store).browser()
        await play(browser, lambda s: s.update(n=1))
        return json.dumps(browser.jar)

    jar = shared.run(begin)
    writes = 100 if LONG else 25
    command = [sys.executable, "-m", "tests.stores.session_writer", shared.name, shared.address, jar, str(writes)]
    writers = [subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True) for number in range(8)]
    reports = [json.loads(writer.communicate(timeout=300)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8

    async def read(store: Any) -> dict[str, Any]:
        browser, seen = Site(store).browser(), {}
        browser.jar.update(json.loads(jar))
        await play(browser, lambda s: seen.update(dict(s)))
        return seen

    seen = shared.run(read)
    lost = {f"w{number}.{write}" for number in range(8) for write in range(writes)} - set(seen)
    slowest = max(report["slowest_ms"] for report in reports)
    most = max(report["most_tries"] for report in reports)
    answers = sum((Counter(report["answers"]) for report in reports), Counter[str]())
    refused = sum((Counter(report["refused"]) for report in reports), Counter[str]())
    with capsys.disabled():
        print(
            f"\nN-02, N-06 {shared.name}: 8 processes x {writes} writes, {len(lost)} lost; "
            f"slowest save {slowest:.0f} ms, at most {most} tries; {answers['503']} answered with 503 and made again: "
            f"{dict(refused)}"
        )
    assert lost == set()
    # Each was saved, or refused for what others wrote and for nothing else; and met others, but not without end.
    assert (answers["200"], answers["503"]) == (8 * writes, refused["SessionConflict"])
    assert set(refused) <= {"SessionConflict"}
    assert 1 < most <= TRIES


INSIDE: dict[str, tuple[Callable[[Any, int], Any], Callable[[Any], Any]]] = {
    # Name: what each request does inside of one key, and what is left of them all.
    "count": (lambda s, n: s.increment("tries"), lambda data: data["tries"]),
    "append": (lambda s, n: s["cart"].append("the same"), lambda data: len(data["cart"])),
    "add to a dict": (lambda s, n: s["files"].update({f"f{n}": {"size": n}}), lambda data: len(data["files"])),
    "add deep inside": (lambda s, n: s["a"]["b"].setdefault("c", {}).update({f"f{n}": n}), lambda data: len(data["a"]["b"]["c"])),
}


@pytest.mark.parametrize("inside_of_one_key", INSIDE)
def test_N02_parallel_writes_inside_one_key_are_all_kept(kind: Kind, inside_of_one_key: str) -> None:
    write, left = INSIDE[inside_of_one_key]

    async def race(store: Any) -> tuple[Any, set[int]]:
        site, abreast = Site(store), asyncio.Barrier(8)
        first = site.browser()
        await play(first, lambda s: s.update(tries=0, cart=[], files={}, a={"b": {}}))

        async def request(number: int) -> int:
            async def handler(session: Any) -> None:
                await abreast.wait()
                write(session, number)

            return int((await play(site.browser(first), handler)).status)

        statuses = {*await asyncio.gather(*(request(number) for number in range(8)))}
        seen: dict[str, Any] = {}
        await play(first, lambda s: seen.update(dict(s)))
        return left(seen), statuses

    assert kind.run(race) == (8, {200})


def test_N02_under_raise_one_of_several_that_write_the_same_is_served(kind: Kind) -> None:
    async def race(store: Any) -> Counter[int]:
        site, abreast = Site(store, on_conflict="raise"), asyncio.Barrier(5)
        first = site.browser()
        await play(first, lambda s: s.update(tries=0))

        async def request() -> int:
            async def handler(session: Any) -> None:
                await abreast.wait()
                session["tries"] = 1

            return int((await play(site.browser(first), handler)).status)

        return Counter(await asyncio.gather(*(request() for _ in range(5))))

    assert kind.run(race) == {200: 1, 503: 4}


def test_N03_a_thousand_reads_write_no_data(kind: Kind) -> None:
    async def reads(store: Any) -> list[Any]:
        site = Site(store, rolling=True)
        browser = site.browser()
        await play(browser, lambda s: s.update(n=1))
        key = ""

        def note(session: Any) -> None:
            nonlocal key
            key = session.store_key

        await play(browser, note)
        before = await store.load(key)
        for number in range(1000):
            await play(browser, (lambda s: s["n"]) if number % 2 else (lambda s: None))
        after = await store.load(key)
        return [before.version == after.version, before.value == after.value, site.events]

    assert kind.run(reads) == [True, True, []]


BOGUS: list[Callable[[str], dict[str, str]]] = [
    lambda bogus: {},
    lambda bogus: {"koa.sess": bogus, "koa.sess.sig": Keygrip([KEY.encode()], "sha256").sign(f"koa.sess={bogus}".encode())},
    lambda bogus: {"koa.sess": bogus},
    lambda bogus: {"koa.sess": bogus, "koa.sess.sig": "x" * 43},
    lambda bogus: {"koa.sess": bogus[:20], "koa.sess.sig": bogus},
]
"""The jars of a flood: empty, a signed id of nobody's, and what is no signed id at all."""
FLOOD: list[Callable[[Any], Any]] = [lambda s: s.get("n"), len, lambda s: s.touch(), lambda s: s.clear(), lambda s: s.logout()]


@pytest.mark.parametrize(
    ("options", "looks"),
    [({}, 2), ({"rolling": True}, 2), ({"regenerate_grace": 0}, 1)],
    ids=["plain", "rolling", "no grace"],
)
def test_D05_ten_thousand_requests_without_a_session_leave_no_record(kind: Kind, options: Any, looks: int) -> None:
    async def flood(store: Any) -> list[Any]:
        await store_contents.clear(kind)
        await store.ping()
        site, calls = Site(store, **options), store_contents.counted(store)

        async def bogus(number: int) -> None:
            browser = site.browser()
            browser.jar = BOGUS[number % len(BOGUS)](f"{number:043d}")
            handler = FLOOD[number // len(BOGUS) % len(FLOOD)]
            assert (await play(browser, handler)).status == 200

        count = 10_000 if LONG or kind.name == "memory" else 500
        await in_batches(count, bogus)
        # Only an id that a key of this site has signed is looked for: its record, then the note of a login that replaced it.
        assert calls == {"load": looks * count // len(BOGUS)}
        assert site.events.count("missed") == count // len(BOGUS)
        left = await store_contents.records(kind, store)
        await play(site.browser(), lambda s: s.update(n=1))
        return [left, await store_contents.records(kind, store)]

    # The one that is a session counts.
    assert kind.run(flood) == [0, 1]


def test_L03_an_old_id_is_dead_after_login(kind: Kind) -> None:
    async def logins(store: Any) -> None:
        site = Site(store)
        browser = site.browser()
        await play(browser, lambda s: s.update(n=1))
        old = site.browser(browser)
        await play(browser, lambda s: s.login("ada"))
        seen: list[Any] = []
        await play(old, lambda s: seen.append(dict(s)))
        await play(browser, lambda s: seen.append((dict(s), s.owner)))
        assert seen == [{}, ({"n": 1}, "ada")]

    kind.run(logins)


def test_L10_log_out_everywhere_else(kind: Kind) -> None:
    async def devices(store: Any) -> None:
        site = Site(store)
        browsers = [site.browser() for _ in range(5)]
        for number, browser in enumerate(browsers):
            await play(browser, lambda s, number=number: (s.update(device=number), s.login("ada@example.org")))

        async def everywhere_else(session: Any) -> None:
            listed = await store.sessions_of(session.owner)
            assert sorted(owned.data["device"] for owned in listed) == [0, 1, 2, 3, 4]
            assert await store.destroy_all(session.owner, keep=session.store_key) == 4

        await play(browsers[2], everywhere_else)
        seen: list[Any] = []
        for browser in browsers:
            await play(browser, lambda s: seen.append(dict(s)))
        assert seen == [{}, {}, {"device": 2}, {}, {}]
        await play(browsers[2], lambda s: s.logout())
        assert await store.sessions_of("ada@example.org") == []

    kind.run(devices)


@pytest.mark.parametrize("owner", ["a\0b", "x" * 6000, " ", "Ada", "ada ", "\u00fc\U0001f36a"], ids=ascii)
def test_L10_any_name_can_log_in(kind: Kind, owner: str) -> None:
    async def login(store: Any) -> None:
        browser = Site(store).browser()
        assert (await play(browser, lambda s: s.login(owner))).status == 200
        assert [len(await store.sessions_of(name)) for name in (owner, "ada", owner + "x")] == [1, 0, 0]
        assert await store.destroy_all(owner) == 1

    kind.run(login)


def test_L04_both_ends_are_the_servers(kind: Kind) -> None:
    async def ends(store: Any) -> None:
        site = Site(store, max_age=0.3, absolute_age=0.75, rolling=True)
        browser = site.browser()
        await play(browser, lambda s: s.update(n=1))
        jar = dict(browser.jar)
        begun = asyncio.get_running_loop().time()
        seen: list[Any] = []
        alive_at = 0.0
        while not seen or seen[-1]:
            await asyncio.sleep(0.1)
            browser.jar.update(jar)
            now = asyncio.get_running_loop().time()
            await play(browser, lambda s: seen.append(dict(s)))
            if seen[-1]:
                alive_at = now
        # Used every tenth of a second it outlives its idle lifetime, and never its absolute one.
        assert alive_at - begun <= 0.76
        idle = site.browser()
        await play(idle, lambda s: s.update(n=1))
        await asyncio.sleep(0.4)
        await play(idle, lambda s: seen.append(dict(s)))
        assert seen[-1] == {}

    kind.run(ends)


def test_S03_a_repeated_id_overwrites_nothing(kind: Kind) -> None:
    async def collide(store: Any) -> None:
        given = iter(["same", "same", "other"])
        site = Site(store, genid=lambda scope: next(given))
        first, second = site.browser(), site.browser()
        await play(first, lambda s: s.update(n=1))
        await play(second, lambda s: s.update(n=2))
        seen: list[Any] = []
        for browser in (first, second):
            await play(browser, lambda s: seen.append((s.external_key, dict(s))))
        assert seen == [("same", {"n": 1}), ("other", {"n": 2})]

    kind.run(collide)


@pytest.mark.parametrize("seed", range(4))
def test_N04_requests_of_one_session_are_as_if_one_came_after_the_other(kind: Kind, seed: int) -> None:
    """Counters that only one client each writes: none goes back, whatever the others do meanwhile."""

    async def requests(store: Any) -> None:
        site, chance = Site(store), random.Random(seed)
        first = site.browser()
        await play(first, lambda s: s.update(n=1))

        async def client(name: str) -> None:
            browser = site.browser(first)
            for count in range(1, 11):

                async def handler(session: Any, count: int = count) -> None:
                    assert session.get(name, 0) == count - 1
                    session[name] = count
                    await asyncio.sleep(chance.random() / 500)

                while (await play(browser, handler)).status == 503:
                    pass

        await asyncio.gather(*(client(name) for name in "abcd"))
        seen: dict[str, Any] = {}
        await play(first, lambda s: seen.update(dict(s)))
        assert seen == {"n": 1, "a": 10, "b": 10, "c": 10, "d": 10}

    kind.run(requests)
