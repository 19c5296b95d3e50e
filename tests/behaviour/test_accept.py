"""Taking over: sessions of earlier configurations go on under the current one, each until its deadline."""

import asyncio
import json
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.middleware.sessions import SessionMiddleware as StarletteMiddleware

from gingersnap import Accept, ConfigError, Event, HeaderKey, SessionMiddleware
from gingersnap.stores import MemoryStore, SQLiteStore
from tests.asgi import KEY, NOW, OLD_KEY, Browser, Clock, Sessions, app_of
from tests.doubles import FailingStore

LATER = NOW + 30 * 86_400
WEEK = 7 * 86_400


def names(cookies: list[str]) -> dict[str, bool]:
    """Give each cookie's name, and whether it is removed."""
    return {line.partition("=")[0]: "01 Jan 1970" in line for line in cookies}


class Move:
    """One browser, before and after the configuration changed; what was heard since."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any], *, until: Any = LATER, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.heard: list[Event] = []
        events = {"accepted", "missed", "tampered", "corrupt", "expired", "invalid", "duplicate", "destroyed", "created"}
        self.before = Sessions(clock=self.clock, **old)
        self.old_store, self.new_store = old.get("store"), new.get("store")
        given = {"keys": [KEY], **old}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            accept = [Accept(until=until, **given)]
        self.after = Sessions(clock=self.clock, accept=accept, listeners=dict.fromkeys(events, self.heard.append), **new)
        self.after.browser.jar = self.before.jar

    def told(self, name: str) -> list[str]:
        return [event.detail for event in self.heard if event.name == name]


MOVES = {
    "other keys": ({"keys": [OLD_KEY]}, {}),
    "another algorithm": ({"algorithm": "sha1"}, {}),
    "another name": ({"key": "sid"}, {}),
    "koa": ({"preset": "koa", "keys": [OLD_KEY]}, {}),
    "to koa": ({}, {"preset": "koa"}),
    "cookie-session": ({"preset": "cookie-session"}, {}),
    "cookie-session under one name and key": ({"preset": "cookie-session", "algorithm": "sha256"}, {"key": "session"}),
    "starlette": ({"preset": "starlette"}, {}),
    "to starlette": ({}, {"preset": "starlette"}),
    "to encrypted": ({}, {"encrypt": True}),
    "starlette to encrypted": ({"preset": "starlette"}, {"encrypt": True, "key": "session"}),
    "encrypted with another key": ({"encrypt": True, "keys": [OLD_KEY], "key": "sid"}, {"encrypt": True}),
}


@pytest.mark.parametrize("move", MOVES)
async def test_a_session_in_a_cookie_goes_on(move: str) -> None:
    both = Move(*MOVES[move])
    await both.before.do(lambda s: s.update(user="ada", n=1))
    old = {*both.before.jar}
    seen: list[Any] = []

    first = await both.after.do(lambda s: seen.append((dict(s), s.is_new)))

    assert seen == [({"user": "ada", "n": 1}, False)]
    assert len(both.told("accepted")) == 1
    assert len(both.heard) == 1
    sent = names(first.cookies)
    assert {name for name, removed in sent.items() if removed} == old - {name for name, removed in sent.items() if not removed}
    # From here on it is a session of the current configuration.
    assert await both.after.data() == {"user": "ada", "n": 1}
    assert len(both.told("accepted")) == 1


async def test_what_a_request_changes_as_it_takes_over_is_kept() -> None:
    both = Move({"preset": "starlette"}, {})
    await both.before.do(lambda s: s.update(n=1))
    await both.after.do(lambda s: s.update(n=2))
    assert await both.after.data() == {"n": 2}


async def test_a_request_that_does_not_touch_the_session_takes_it_over_too() -> None:
    both = Move({"preset": "koa", "keys": [OLD_KEY]}, {"preset": "koa", "key": "other"})
    await both.before.do(lambda s: s.update(n=1))
    sent = names((await both.after.do(lambda s: None)).cookies)
    assert sent == {"other": False, "other.sig": False, "koa.sess": True, "koa.sess.sig": True}


async def test_the_real_starlette_s_users_stay_logged_in() -> None:
    theirs = Browser(StarletteMiddleware(app_of(lambda scope: scope["session"].update(user="ada")), KEY))
    await theirs.get()
    accept = [Accept(until=datetime(2100, 1, 1, tzinfo=UTC), preset="starlette", keys=[KEY])]
    ours = Sessions(keys=[OLD_KEY], encrypt=True, accept=accept)
    ours.browser.jar = theirs.jar
    assert await ours.data() == {"user": "ada"}
    assert set(ours.jar) == {"koa.sess"}


async def test_L05_a_session_keeps_its_end() -> None:
    both = Move({"preset": "koa", "max_age": WEEK}, {"max_age": 30 * 86_400})
    await both.before.do(lambda s: s.update(n=1))
    ends: list[Any] = []
    both.clock.now += WEEK - 60
    await both.after.do(lambda s: ends.append(s.expires_at))
    assert ends == [NOW + WEEK]
    both.clock.now += 61
    assert await both.after.data() == {}


async def test_a_session_without_an_end_gets_one() -> None:
    both = Move({"preset": "cookie-session"}, {"max_age": 60})
    await both.before.do(lambda s: s.update(n=1))
    both.clock.now += 3600
    assert await both.after.data() == {"n": 1}
    both.clock.now += 61
    assert await both.after.data() == {}


async def test_L04_an_absolute_end_counts_from_the_beginning_that_is_known() -> None:
    both = Move({"max_age": WEEK, "keys": [OLD_KEY]}, {"max_age": WEEK, "absolute_age": WEEK, "rolling": True})
    await both.before.do(lambda s: s.update(n=1))
    both.clock.now += WEEK - 60
    assert await both.after.data() == {"n": 1}
    both.clock.now += 61
    assert await both.after.data() == {}


async def test_after_its_deadline_nothing_is_taken_over() -> None:
    both = Move({"preset": "starlette"}, {}, until=NOW + 60)
    await both.before.do(lambda s: s.update(n=1))
    both.clock.now += 60
    answer = await both.after.do(lambda s: s.get("n"))
    assert (await both.after.data(), answer.cookies, both.heard) == ({}, [], [])
    both.clock.now -= 1
    assert await both.after.data() == {"n": 1}


async def test_a_session_that_valid_refuses_leaves_nothing_of_itself() -> None:
    both = Move({"keys": [OLD_KEY]}, {"valid": lambda scope, data: False})
    await both.before.do(lambda s: (s.update(n=1), s.login("ada")))
    seen: list[Any] = []
    answer = await both.after.do(lambda s: seen.append((dict(s), s.owner, s.is_new, s.expires_at)))
    assert (seen, answer.cookies) == ([({}, None, True, None)], [])
    await both.after.do(lambda s: s.update(n=2))
    both.after.browser.app.options.__dict__["valid"] = None
    await both.after.do(lambda s: seen.append((dict(s), s.owner)))
    assert seen[1:] == [({"n": 2}, None)]


async def test_entries_are_asked_in_their_order() -> None:
    clock = Clock()
    heard: list[Event] = []
    olds = [Sessions(keys=[OLD_KEY], key=key, clock=clock) for key in ("a", "b")]
    for number, old in enumerate(olds):
        await old.do(lambda s, number=number: s.update(n=number))
    accept = [Accept(keys=[OLD_KEY], key=key, until=LATER) for key in ("a", "b")]
    new = Sessions(accept=accept, clock=clock, listeners={"accepted": heard.append})
    new.browser.jar = {**olds[1].jar, **olds[0].jar}
    assert await new.data() == {"n": 0}
    assert [event.detail for event in heard] == ["Gingersnap a"]
    assert {"b", "koa.sess"} <= {*new.jar}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda jar: {name: "x" + value for name, value in jar.items()}, ["tampered"]),
        (lambda jar: {name: value for name, value in jar.items() if not name.endswith(".sig")}, []),
    ],
    ids=["forged", "unsigned"],
)
async def test_X01_a_forged_cookie_of_an_earlier_kind_is_a_new_session(change: Any, told: list[str]) -> None:
    both = Move({"preset": "koa", "key": "old"}, {})
    await both.before.do(lambda s: s.update(n=1))
    both.after.browser.jar = change(both.before.jar)
    seen: list[Any] = []
    answer = await both.after.do(lambda s: seen.append(dict(s)))
    assert (answer.status, answer.cookies, seen) == (200, [], [{}])
    assert [event.name for event in both.heard] == told


async def test_our_own_ended_session_is_not_taken_for_an_earlier_one() -> None:
    # The earlier configuration has no end, and reads the same cookie: it must not bring back what has expired.
    both = Move({"preset": "cookie-session", "algorithm": "sha256"}, {"key": "session", "max_age": 60})
    await both.after.do(lambda s: s.update(n=1))
    both.clock.now += 61
    assert await both.after.data() == {}
    assert (both.told("expired"), both.told("accepted")) == (["expired"], [])


async def test_X06_a_sealed_session_never_falls_back_to_a_readable_one() -> None:
    both = Move({"key": "sid"}, {"encrypt": True})
    await both.before.do(lambda s: s.update(admin=True))
    readable = {**both.before.jar}
    await both.after.do(lambda s: s.update(admin=False))
    sealed = both.after.jar["koa.sess"]
    both.after.browser.jar = {**readable, "koa.sess": sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")}
    assert await both.after.data() == {}
    assert both.told("tampered") == ["tampered"]


async def test_the_end_of_a_session_removes_every_earlier_cookie_too() -> None:
    both = Move({"preset": "starlette"}, {})
    await both.before.do(lambda s: s.update(n=1))
    old = {**both.before.jar}
    await both.after.do(lambda s: s.get("n"))
    # A copy that the browser has kept, since a response got lost.
    both.after.jar.update(old)
    sent = names((await both.after.do(lambda s: s.destroy())).cookies)
    assert sent == {"koa.sess": True, "koa.sess.sig": True, "session": True}
    assert await both.after.data() == {}


async def test_its_old_cookie_is_removed_where_it_was() -> None:
    both = Move({"key": "koa.sess", "keys": [OLD_KEY], "path": "/app", "domain": "example.com"}, {})
    await both.before.do(lambda s: s.update(n=1))
    lines = (await both.after.do(lambda s: s.get("n"))).cookies
    gone = [line for line in lines if "01 Jan 1970" in line]
    assert [line.partition("=")[0] for line in gone] == ["koa.sess.sig", "koa.sess"]
    assert all("; path=/app; expires=Thu, 01 Jan 1970 00:00:01 GMT; max-age=0; domain=example.com" in line for line in gone)
    assert len(lines) == 4


# --- Into a store.

STORED = {
    "other keys": ({"keys": [OLD_KEY]}, {}),
    "another store": ({}, {}),
    "express": ({"preset": "express"}, {}),
    "to express": ({}, {"preset": "express", "allow_empty": False, "resave": False}),
    "koa-generic": ({"preset": "koa-generic"}, {}),
    "koa": ({"preset": "koa"}, {}),
    "to koa": ({"preset": "koa-generic"}, {"preset": "koa"}),
    "to koa-generic": ({"preset": "express"}, {"preset": "koa-generic"}),
    "express with a later load": ({"preset": "express"}, {"defer": True}),
}


def stored(move: str, **more: Any) -> Move:
    old, new = STORED[move]
    return Move({**old, "store": MemoryStore()}, {**new, "store": MemoryStore(), **more})


async def seen_by(client: Sessions) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def look(scope: Any) -> None:
        seen.update(dict(await scope["session"].load()))

    await client.on_scope(look)
    return seen


@pytest.mark.parametrize("move", STORED)
async def test_a_session_in_a_store_goes_on(move: str) -> None:
    both = stored(move)
    await both.before.do(lambda s: s.update(user="ada", n=1))
    old = {*both.before.jar}
    assert await seen_by(both.after) == {"user": "ada", "n": 1}
    assert (len(both.told("accepted")), len(both.old_store), len(both.new_store)) == (1, 0, 1)
    assert {*both.after.jar}.isdisjoint(old - {"koa.sess", "koa.sess.sig"})
    # From here on it is a session of the current configuration.
    assert await seen_by(both.after) == {"user": "ada", "n": 1}
    assert len(both.told("accepted")) == 1
    assert {event.name for event in both.heard} == {"accepted"}


@pytest.mark.parametrize("move", ["koa", "cookie-session", "starlette", "to encrypted"])
async def test_a_session_goes_from_its_cookie_into_a_store(move: str) -> None:
    both = Move({**MOVES[move][0], "key": "old"}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(user="ada"))
    assert await both.after.data() == {"user": "ada"}
    assert len(both.new_store) == 0
    await both.after.do(lambda s: s.update(n=1))
    assert len(both.new_store) == 1
    assert await both.after.data() == {"user": "ada", "n": 1}
    assert len(both.told("accepted")) == 1
    assert not any(name.startswith("old") for name in both.after.jar)


@pytest.mark.parametrize("rolling", [{"rolling": True}, {"renew": True}], ids=["rolling", "renew"])
async def test_an_old_cookie_gets_a_record_where_its_session_is_to_be_renewed(rolling: dict[str, Any]) -> None:
    both = Move({"key": "old"}, {"store": MemoryStore(), **rolling})
    await both.before.do(lambda s: s.update(user="ada"))
    assert await both.after.data() == {"user": "ada"}
    assert (len(both.new_store), "old" in both.after.jar) == (1, False)


@pytest.mark.parametrize("move", ["koa", "cookie-session", "starlette", "to encrypted", "another algorithm"])
async def test_an_old_cookie_makes_no_record_before_its_session_is_changed(move: str) -> None:
    both = Move({**MOVES[move][0], "key": "old"}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(user="ada", list=[1]))
    jar = {**both.before.jar}

    async def visit(handler: Any) -> Any:
        both.after.browser.jar = {**jar}
        return await both.after.do(handler)

    for _ in range(20):
        assert (await visit(lambda s: None)).cookies == []
        assert (await visit(lambda s: s["list"])).cookies == []
    # Ended without a record, its cookies go all the same.
    assert names((await visit(lambda s: s.logout())).cookies)["old"]
    assert (len(both.new_store), both.told("accepted")) == (0, [])
    await visit(lambda s: dict.__getitem__(s, "list").append(2))
    assert len(both.new_store) == 1
    assert await both.after.data() == {"user": "ada", "list": [1, 2]}
    assert (len(both.new_store), len(both.told("accepted"))) == (1, 1)


async def test_an_old_cookie_of_a_session_that_is_reloaded_or_ended_and_filled_goes_on() -> None:
    both = Move({"key": "old"}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(user="ada"))
    jar = {**both.before.jar}
    seen: list[Any] = []

    async def reload(scope: Any) -> None:
        await scope["session"].reload()
        seen.append(dict(scope["session"]))

    both.after.browser.jar = {**jar}
    await both.after.on_scope(reload)
    assert (seen, await both.after.data()) == ([{"user": "ada"}], {"user": "ada"})
    both.after.browser.jar = {**jar}
    await both.after.do(lambda s: (s.destroy(), s.update(new=1)))
    assert await both.after.data() == {"new": 1}


async def test_two_browsers_with_the_same_data_do_not_share_a_session() -> None:
    both = Move({"preset": "cookie-session"}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(theme="dark"))
    jar = {**both.before.jar}
    ids: list[Any] = []
    for _ in range(2):
        both.after.browser.jar = {**jar}
        await both.after.do(lambda s: ids.append(s.external_key))
    assert ids[0] != ids[1]


async def test_N02_parallel_requests_take_a_session_over_once() -> None:
    both = stored("express")
    await both.before.do(lambda s: s.update(n=0))
    jar = {**both.before.jar}
    ids: list[Any] = []

    async def visit() -> None:
        mine = Browser(both.after.browser.app)
        mine.jar = {**jar}
        await mine.get()

    def write(scope: Any) -> None:
        scope["session"][f"k{len(ids)}"] = 1
        ids.append(scope["session"].external_key)

    both.after.handler = write
    await asyncio.gather(*(visit() for _ in range(8)))
    assert len({*ids}) == 1
    assert len(both.new_store) == 1
    both.after.browser.jar = jar
    data = await both.after.data()
    assert {f"k{number}" for number in range(8)} <= {*data}


async def test_a_response_that_got_lost_logs_nobody_out() -> None:
    both = stored("koa")
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    await both.after.do(lambda s: s.update(n=2))
    # The browser has never seen the new cookie.
    both.after.browser.jar = jar
    assert await both.after.data() == {"n": 2}
    assert len(both.new_store) == 1


async def test_N01_a_logout_after_it_was_taken_over_is_final() -> None:
    both = stored("koa")
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    await both.after.do(lambda s: s.get("n"))
    await both.after.do(lambda s: s.logout())
    both.after.browser.jar = jar
    assert await both.after.data() == {}
    assert (len(both.old_store), len(both.new_store)) == (0, 0)


@pytest.mark.parametrize("defer", [False, True])
async def test_N01_a_logout_that_never_read_the_session_ends_it(defer: bool) -> None:
    both = stored("express", defer=defer)
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    sent = names((await both.after.do(lambda s: s.destroy())).cookies)
    assert sent == {"connect.sid": True}
    both.after.browser.jar = jar
    assert await seen_by(both.after) == {}
    assert (len(both.old_store), len(both.new_store)) == (0, 0)


class Held(MemoryStore):
    """A store whose next ``load`` is answered once it is told so: real, but slow."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.slow = False

    async def load(self, key: str, *, roll: bool = False) -> Any:
        record = await super().load(key, roll=roll)
        if self.slow:
            self.slow = False
            self.reached.set()
            await self.go.wait()
        return record


async def test_N01_a_request_that_read_the_old_record_before_a_logout_revives_nothing() -> None:
    old = Held()
    both = Move({"store": old, "keys": [OLD_KEY]}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    slow = Browser(both.after.browser.app)
    slow.jar = {**jar}
    old.slow = True
    seen: list[Any] = []
    both.after.handler = lambda scope: seen.append(dict(scope["session"]))
    waiting = asyncio.create_task(slow.get())
    await old.reached.wait()
    await both.after.do(lambda s: s.get("n"))
    await both.after.do(lambda s: s.logout())
    both.after.handler = lambda scope: seen.append(dict(scope["session"]))
    old.go.set()
    await waiting
    assert seen == [{}]
    assert (len(old), len(both.new_store)) == (0, 0)


async def moved(both: Move, *, fails: str, store: FailingStore) -> None:
    """Take a session over, but for the call that fails."""
    store.before = {fails: OSError()}
    assert (await both.after.do(lambda s: s.get("n"))).status == 503
    store.before = {}


@pytest.mark.parametrize("fails", ["load", "destroy"])
async def test_O01_a_takeover_that_the_old_store_cut_short_is_gone_on_with(fails: str) -> None:
    old = FailingStore()
    both = Move({"preset": "koa", "store": old}, {"store": MemoryStore(), "store_breaker": False})
    await both.before.do(lambda s: s.update(n=1))
    await moved(both, fails=fails, store=old)
    assert await both.after.data() == {"n": 1}
    assert (len(old), len(both.new_store)) == (0, 1)


async def test_O01_a_takeover_that_the_new_store_cut_short_is_gone_on_with() -> None:
    new = FailingStore()
    both = Move({"preset": "koa", "store": MemoryStore()}, {"store": new, "store_breaker": False})
    await both.before.do(lambda s: s.update(n=1))
    await moved(both, fails="create", store=new)
    # What a claim was made for, and then not: it is in the way until it expires, and nobody is logged out meanwhile.
    await moved(both, fails="replace", store=new)
    assert (await both.after.do(lambda s: s.get("n"))).status == 503
    new._purge(10, 2**62)
    assert await both.after.data() == {"n": 1}
    assert (len(both.old_store), len(new)) == (0, 1)


@pytest.mark.parametrize("how", ["goes on", "is cancelled", "fails"])
async def test_N01_whoever_has_read_the_old_record_before_a_logout_leaves_nothing_behind(how: str) -> None:
    old = FailingStore()
    both = Move({"store": old, "keys": [OLD_KEY]}, {"store": MemoryStore(), "store_breaker": False})
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    late = Browser(both.after.browser.app)
    late.jar = {**jar}
    old.hang, old.answers = {"load"}, True
    waiting = asyncio.create_task(late.get())
    await old.hanging.wait()
    old.hang = set()
    await both.after.do(lambda s: s.get("n"))
    await both.after.do(lambda s: s.logout())
    if how == "is cancelled":
        waiting.cancel()
    if how == "fails":
        old.before = {"load": OSError(), "destroy": OSError()}
    old.released.set()
    await asyncio.gather(waiting, return_exceptions=True)
    old.before = {}
    # Whatever it left is no session: it is a claim at most, that expires.
    both.new_store._purge(10, 2**62) if how != "goes on" else None
    both.after.browser.jar = jar
    assert await both.after.data() == {}
    assert len(both.new_store) == 0


@pytest.mark.parametrize("mark", ["gingersnap/claimed", "gingersnap/moved"])
async def test_L01_the_id_of_an_ended_session_shows_none_that_is_being_taken_over(mark: str) -> None:
    both = stored("koa")
    await both.before.do(lambda s: s.update(n=1))
    keys: list[Any] = []
    await both.after.do(lambda s: keys.append(s.store_key))
    jar = {**both.after.jar}
    await both.after.do(lambda s: s.logout())
    text = b'{"%s":true,"_maxAge":60000}' % mark.encode()
    assert await both.new_store.create(keys[0], text, 60_000)
    both.after.browser.jar = jar
    await both.after.do(lambda s: s.update(planted=1))
    record = await both.new_store.load(keys[0])
    assert record is not None
    assert (record.value, both.told("missed")) == (text, ["missed"])


async def test_S05_a_request_that_is_cancelled_as_it_takes_over_is_in_nobody_s_way() -> None:
    new = FailingStore()
    both = Move({"preset": "koa", "store": MemoryStore()}, {"store": new, "store_breaker": False})
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    new.hang = {"replace"}
    late = Browser(both.after.browser.app)
    late.jar = {**jar}
    task = asyncio.create_task(late.get())
    await new.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    new.hang = set()
    new.released.set()
    assert await both.after.data() == {"n": 1}


async def test_N01_a_session_that_was_ended_and_filled_unread_leaves_nothing_of_the_old_one() -> None:
    both = stored("express", defer=True)
    await both.before.do(lambda s: s.update(n=1))
    jar = {**both.before.jar}
    sent = names((await both.after.do(lambda s: (s.destroy(), s.replace({"new": 1})))).cookies)
    assert sent == {"koa.sess": False, "koa.sess.sig": False, "connect.sid": True}
    assert await seen_by(both.after) == {"new": 1}
    both.after.browser.jar = jar
    assert await seen_by(both.after) == {}
    assert (len(both.old_store), len(both.new_store)) == (0, 1)


async def test_two_entries_may_read_the_same_cookie() -> None:
    stores, clock = [MemoryStore(), MemoryStore()], Clock()
    before = Sessions(preset="express", store=stores[1], clock=clock)
    await before.do(lambda s: s.update(n=1))
    accept = [Accept(preset="express", keys=[KEY], store=store, until=LATER) for store in stores]
    after = Sessions(store=MemoryStore(), accept=accept, clock=clock)
    after.browser.jar = before.jar
    assert await after.data() == {"n": 1}
    assert [len(store) for store in stores] == [0, 0]


async def test_equal_ids_of_two_entries_are_two_sessions() -> None:
    clock, new = Clock(), MemoryStore()
    olds = [Sessions(keys=[key], preset="koa", store=MemoryStore(), genid=lambda scope: "7", clock=clock) for key in (KEY, OLD_KEY)]
    accept = [Accept(old.browser.app.options, until=LATER) for old in olds]
    seen = []
    for name, old in zip(("ann", "bob"), olds, strict=True):
        await old.do(lambda s, name=name: s.update(user=name))
        after = Sessions(store=new, accept=accept, clock=clock)
        after.browser.jar = old.jar
        seen.append(await after.data())
    assert seen == [{"user": "ann"}, {"user": "bob"}]


async def test_L05_a_session_keeps_its_end_where_others_end_with_the_browser() -> None:
    both = Move({"preset": "koa", "max_age": WEEK, "store": MemoryStore()}, {"max_age": "session", "store": MemoryStore()})
    await both.before.do(lambda s: s.update(n=1))
    both.clock.now += WEEK - 60
    both.old_store._clock = both.new_store._clock = both.clock
    ends: list[Any] = []
    await both.after.do(lambda s: ends.append(s.expires_at))
    assert ends[0] is not None
    assert ends[0] - both.clock.now < WEEK


@pytest.mark.parametrize("new", [{"external_key": HeaderKey("x-session")}, {"preset": "express"}], ids=["header", "express"])
async def test_an_old_cookie_goes_whose_name_the_new_one_would_have(new: dict[str, Any]) -> None:
    name = "connect.sid" if "preset" in new else "koa.sess"
    both = Move({"preset": "starlette", "key": name}, {**new, "store": MemoryStore()})
    await both.before.do(lambda s: s.update(n=1))
    sent = names((await both.after.do(lambda s: s.logout())).cookies)
    assert sent == {name: True}
    assert await both.after.data() == {}


async def test_a_cookie_that_is_partitioned_from_now_on_leaves_none_behind() -> None:
    given = {"secure": True, "same_site": "none"}
    both = Move({"keys": [OLD_KEY], **given}, {**given, "partitioned": True})
    await both.before.do(lambda s: s.update(n=1), scheme="https")
    lines = (await both.after.do(lambda s: s.get("n"), scheme="https")).cookies
    assert [("partitioned" in line, "01 Jan 1970" in line) for line in lines] == [(False, True)] * 2 + [(True, False)] * 2


async def test_a_session_that_does_not_fit_stays_in_its_old_cookie(caplog: pytest.LogCaptureFixture) -> None:
    both = Move({"preset": "cookie-session", "key": "old"}, {"encrypt": True, "max_cookie_bytes": 600})
    await both.before.do(lambda s: s.update(text="x" * 600))
    answer = await both.after.do(lambda s: None)
    assert (answer.status, answer.cookies) == (200, [])
    assert await both.after.data() == {"text": "x" * 600}
    assert "too large to be sent again" in caplog.text


async def test_a_record_that_does_not_fit_stays_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    both = Move({"preset": "koa", "store": MemoryStore()}, {"preset": "koa-generic", "store": MemoryStore()})
    await both.before.do(lambda s: s.update(text="x" * 65_460))
    assert await both.after.data() == {}
    assert (both.told("corrupt"), len(both.old_store), len(both.new_store)) == (["corrupt"], 1, 0)
    assert "a session of Koa koa.sess is too large for the current layout" in caplog.text


async def test_another_codec_with_the_same_keys_goes_on() -> None:
    codec = {
        "encode": lambda data: "x" + json.dumps(data).encode().hex(),
        "decode": lambda text: json.loads(bytes.fromhex(text[1:])),
    }
    both = Move(codec, {})
    await both.before.do(lambda s: s.update(n=1))
    assert await both.after.data() == {"n": 1}


async def test_L10_an_owner_goes_along() -> None:
    both = stored("other keys")
    await both.before.do(lambda s: s.login("ada"))
    assert await both.after.data() == {}
    assert len(await both.new_store.sessions_of("ada")) == 1
    owners: list[Any] = []
    await both.after.do(lambda s: owners.append(s.owner))
    assert owners == ["ada"]


async def test_O01_an_old_store_that_fails_is_no_logout(tmp_path: Any) -> None:
    both = Move({"store": SQLiteStore(tmp_path / "old"), "keys": [OLD_KEY]}, {"store": MemoryStore()})
    await both.before.do(lambda s: s.update(n=1))
    await both.old_store.aclose()
    for name in ("old", "old-wal", "old-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "old").write_bytes(b"no database at all" * 100)
    answer = await both.after.do(lambda s: s.get("n"))
    assert (answer.status, answer.cookies) == (503, [])
    assert len(both.new_store) == 0


async def test_a_record_that_makes_no_sense_is_a_new_session_and_stays() -> None:
    both = stored("express")
    await both.before.do(lambda s: s.update(n=1))
    key = both.before.jar["connect.sid"].partition(".")[0].removeprefix("s%3A")
    record = await both.old_store.load(key)
    await both.old_store.replace(key, b'{"cookie":7}', 60_000, version=record.version)
    assert await both.after.data() == {}
    assert (both.told("corrupt"), len(both.old_store), len(both.new_store)) == (["corrupt"], 1, 0)


async def test_an_id_in_a_header_takes_over_a_cookie() -> None:
    clock, store = Clock(), MemoryStore()
    before = Sessions(preset="express", store=store, clock=clock)
    await before.do(lambda s: s.update(n=1))
    accept = [Accept(preset="express", keys=[KEY], store=store, until=LATER)]
    after = Sessions(store=MemoryStore(), external_key=HeaderKey("x-session"), accept=accept, clock=clock)
    after.browser.jar = before.jar
    answer = await after.do(lambda s: s.update(n=2))
    assert answer.get("x-session")
    assert names(answer.cookies) == {"connect.sid": True}


@pytest.mark.parametrize("old", [{"preset": "starlette"}, {"preset": "express", "store": MemoryStore()}], ids=["cookie", "store"])
async def test_what_the_new_layout_has_no_place_for_is_told_once(old: Any, caplog: pytest.LogCaptureFixture) -> None:
    both = Move(old, {"preset": "koa", "store": MemoryStore()})
    for _ in range(2):
        both.before.jar.clear()
        await both.before.do(lambda s: s.update(n=1, populated="x"))
        assert await both.after.data() == {"n": 1}
    assert caplog.text.count("Koa has no place for populated, which sessions of ") == 1


# --- Construction.


@pytest.mark.parametrize(
    ("entry", "given", "cure"),
    [
        ({"store": MemoryStore()}, {}, "pass store="),
        ({"encrypt": True}, {}, "pass encrypt=True or store="),
        ({"signed": False}, {}, "leave out the entry with signed=False"),
        ({"store": MemoryStore()}, {"store": MemoryStore(), "keys": [], "external_key": HeaderKey("x")}, "pass keys="),
    ],
    ids=["store into cookie", "sealed into readable", "unsigned", "no keys"],
)
def test_what_cannot_be_taken_over_is_refused(entry: dict[str, Any], given: dict[str, Any], cure: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accept = [Accept(until=LATER, **{"keys": [OLD_KEY], **entry})]
    with pytest.raises(ConfigError, match=f"^accept: .*{cure}"):
        SessionMiddleware(app_of(lambda scope: None), **{"keys": [KEY], "accept": accept, **given})


@pytest.mark.parametrize("until", [None, "2027", True, -1, 2**60, NOW * 1000, datetime(2027, 1, 1)], ids=repr)  # noqa: DTZ001 (on purpose)
def test_a_deadline_is_a_time_with_its_zone(until: Any) -> None:
    with pytest.raises(ConfigError, match=r"^accept: until cannot be"):
        Accept(until=until, keys=[KEY])


def test_an_entry_has_no_entries_of_its_own() -> None:
    with pytest.raises(ConfigError, match=r"^accept: an entry has entries"):
        Accept(until=LATER, keys=[KEY], accept=[Accept(until=LATER, keys=[OLD_KEY])])


def test_an_entry_takes_its_options_once() -> None:
    with pytest.raises(ConfigError, match=r"^accept: its options were given both"):
        Accept(Sessions().browser.app.options, until=LATER, key="x")


def test_an_entry_s_options_come_by_name() -> None:
    with pytest.raises(ConfigError, match=r"^accept: an entry's options cannot be list; pass keys=") as caught:
        Accept([KEY], until=LATER)  # type: ignore[arg-type]
    assert KEY not in str(caught.value)


def test_a_deadline_that_has_passed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    accept = Accept(until=1, preset="starlette", keys=[KEY])
    assert "the deadline of Starlette session has passed" in caplog.text
    assert repr(accept) == "Accept('Starlette session', until_ms=1000)"
