"""A session in a store, from request to request: what the store is asked, what the client is told."""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from gingersnap import Event, HeaderKey, NotLoadedError, ReservedKeyError, SessionConflict, SessionTooLarge
from gingersnap._core import Keygrip
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, NOW, OLD_KEY, Clock, Response, Sessions
from tests.doubles import RecordingStore

# Names bear the ids of requirements as they are written.


class Place:
    """A store, a clock that both it and the middleware follow, and browsers at one application."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.store = RecordingStore(clock=self.clock)
        self.events: list[Event] = []
        listeners = dict.fromkeys(("missed", "expired", "corrupt", "gone", "conflict", "created", "saved"), self.events.append)
        self.options = {"store": self.store, "clock": self.clock, "listeners": listeners, **options}
        self.client = self.browser()

    def browser(self, like: "Sessions | None" = None) -> Sessions:
        client = Sessions(**self.options)
        if like is not None:
            client.jar.update(like.jar)
        return client

    def heard(self) -> Counter[str]:
        return Counter(event.name for event in self.events)


def ids(response: Response) -> list[str]:
    """Read the ids that a response sets; an empty one removes."""
    return [match[1] for line in response.cookies if (match := re.match(r"koa\.sess=([^;]*)", line))]


async def test_a_session_survives_and_the_cookie_holds_its_id_alone() -> None:
    place = Place()
    response = await place.client.do(lambda s: s.update(n=1, cart=[1]))
    assert await place.client.data() == {"n": 1, "cart": [1]}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", ids(response)[0])
    assert place.store.noted() == ["create", "load"]


async def test_S02_the_stores_key_is_the_hash_of_the_id_behind_its_tag() -> None:
    place = Place()
    [id] = ids(await place.client.do(lambda s: s.update(n=1)))
    [key] = {*place.store.keys_asked}
    assert re.fullmatch(r"\{[\w-]{4}\}[0-9a-f]{64}", key)
    assert key[1:5] == id[:4]
    assert id not in key


@pytest.mark.parametrize(
    ("handler", "calls"),
    [
        (lambda s: None, ["load"]),
        (lambda s: s["n"], ["load"]),
        (lambda s: s["cart"], ["load"]),
        (lambda s: s.__setitem__("n", 1), ["load"]),
        (lambda s: s.__setitem__("n", 2), ["load", "replace"]),
        (lambda s: s["cart"].append(2), ["load", "replace"]),
        (lambda s: s.save(), ["load", "replace"]),
        (lambda s: s.touch(), ["load", "touch"]),
        (lambda s: s.regenerate(), ["load", "move"]),
        (lambda s: s.login("u"), ["load", "move"]),
        (lambda s: s.logout(), ["load", "destroy"]),
        (lambda s: s.clear(), ["load", "destroy"]),
        (lambda s: setattr(s, "max_age", 5), ["load", "replace"]),
    ],
)
async def test_a_read_is_one_call_and_a_change_two_at_most(handler: Any, calls: list[str]) -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1, cart=[1]))
    place.store.noted()
    await place.client.do(handler)
    assert place.store.noted() == calls


async def test_a_request_without_a_session_asks_nothing_and_an_empty_one_is_not_stored() -> None:
    place = Place()
    response = await place.client.do(lambda s: s.get("n"))
    assert (place.store.noted(), response.cookies, len(place.store)) == ([], [], 0)


@pytest.mark.parametrize("options", [{}, {"signed": False}], ids=["signed", "unsigned"])
@pytest.mark.filterwarnings("ignore:signed=False")
async def test_L02_an_unknown_id_is_never_adopted(options: Any) -> None:
    place = Place(**options)
    attacker = place.browser()
    [known] = ids(await attacker.do(lambda s: s.update(n=1)))
    await attacker.do(lambda s: s.logout())
    victim = place.browser()
    victim.jar["koa.sess"] = known
    if not options:
        victim.jar["koa.sess.sig"] = Keygrip([KEY.encode()], "sha256").sign(f"koa.sess={known}".encode())
    response = await victim.do(lambda s: s.update(mine=1))
    assert ids(response) != [known]
    assert known not in str(response.headers)
    assert not [key for key in place.store.keys_asked if key.endswith(known)]


@pytest.mark.parametrize("value", ["ATTACKERCHOSEN", "a" * 42, "a" * 44, "a" * 42 + "+", "../../../etc/passwd", "é" * 43])
@pytest.mark.parametrize("transport", ["cookie", "header"])
@pytest.mark.filterwarnings("ignore:signed=False")
async def test_L01_other_shapes_of_ids_never_reach_the_store(value: str, transport: str) -> None:
    place = Place(signed=False, **({"external_key": HeaderKey("x-session")} if transport == "header" else {}))
    header = (b"x-session", value.encode()) if transport == "header" else (b"cookie", b"koa.sess=" + value.encode())
    await place.client.browser.get(headers=[header])
    assert place.store.noted() == []


async def test_L03_regenerate_ends_the_old_id_and_keeps_the_data() -> None:
    place = Place()
    [old] = ids(await place.client.do(lambda s: s.update(n=1)))
    thief = place.browser(place.client)
    [new] = ids(await place.client.do(lambda s: s.login("ada")))
    assert new != old
    assert await place.client.data() == {"n": 1}
    assert await thief.data() == {}
    response = await thief.do(lambda s: s.update(evil=1))
    assert ids(response) != [old]


async def test_L03_login_of_a_new_session_makes_one_with_its_owner() -> None:
    place = Place()
    await place.client.do(lambda s: s.login("ada"))
    assert [owned.data for owned in await place.store.sessions_of("ada")] == [{}]
    seen: list[Any] = []
    await place.client.do(lambda s: seen.append(s.owner))
    assert seen == ["ada"]


async def test_L10_destroy_all_keeps_the_session_that_asks() -> None:
    place = Place()
    devices = [place.browser() for _ in range(5)]
    for n, device in enumerate(devices):
        await device.do(lambda s, n=n: (s.update(device=n), s.login("ada")))

    async def everywhere_else(scope: Any) -> None:
        session = scope["session"]
        listed = await place.store.sessions_of(session.owner)
        assert sorted(owned.data["device"] for owned in listed) == [0, 1, 2, 3, 4]
        assert await place.store.destroy_all(session.owner, keep=session.store_key) == 4

    await devices[2].on_scope(everywhere_else)
    assert [await device.data() for device in devices] == [{}, {}, {"device": 2}, {}, {}]


async def test_L04_the_idle_end_is_the_servers() -> None:
    place = Place(max_age=60)
    await place.client.do(lambda s: s.update(n=1))
    jar = dict(place.client.jar)
    place.clock.now += 60
    assert await place.client.data() == {"n": 1}
    place.clock.now += 0.002
    place.client.jar.update(jar)
    assert await place.client.data() == {}
    assert place.heard()["expired"] == 1


@pytest.mark.parametrize("options", [{"rolling": True}, {"renew": True}, {}], ids=["rolling", "renew", "touched"])
async def test_L04_nothing_passes_the_absolute_end(options: Any) -> None:
    place = Place(max_age=60, absolute_age=150, **options)
    await place.client.do(lambda s: s.update(n=1))
    jar = dict(place.client.jar)
    for _ in range(4):
        place.clock.now += 35
        place.client.jar.update(jar)
        await place.client.do(lambda s: s.touch())
        assert await place.client.data() == {"n": 1}
        [entry] = place.store._entries.values()
        assert entry.end_ms <= (NOW + 150) * 1000 + 10_000
    place.clock.now += 15
    place.client.jar.update(jar)
    assert await place.client.data() == {}


async def test_rolling_adds_a_call_only_once_it_is_late_and_writes_no_data() -> None:
    place = Place(rolling=True, max_age=100)
    await place.client.do(lambda s: s.update(n=1))
    place.store.noted()
    # Nothing to tell until a tenth of the lifetime has gone; then the cookie is for a session that lives.
    place.clock.now += 9
    assert (await place.client.do(lambda s: s["n"])).cookies == []
    assert place.store.noted() == ["load"]
    place.clock.now += 41
    response = await place.client.do(lambda s: s["n"])
    assert place.store.noted() == ["load", "touch"]
    assert len(response.cookies) == 2
    place.clock.now += 90
    assert await place.client.data() == {"n": 1}


@pytest.mark.parametrize("rolling", [False, True])
async def test_L04_a_rolling_session_ends_as_any_other(rolling: bool) -> None:
    place = Place(rolling=rolling, max_age=5)
    await place.client.do(lambda s: s.update(n=1))
    jar = dict(place.client.jar)
    place.clock.now += 5.002
    place.client.jar.update(jar)
    assert await place.client.data() == {}


async def test_renew_touches_once_less_than_half_is_left() -> None:
    place = Place(renew=True, max_age=100)
    await place.client.do(lambda s: s.update(n=1))
    place.store.noted()
    place.clock.now += 49
    assert (await place.client.do(lambda s: s["n"])).cookies == []
    place.clock.now += 2
    assert len((await place.client.do(lambda s: s["n"])).cookies) == 2
    assert place.store.noted() == ["load", "load", "touch"]
    place.clock.now += 99
    assert await place.client.data() == {"n": 1}


async def test_N03_reads_and_touches_never_write_data() -> None:
    place = Place(rolling=True)
    await place.client.do(lambda s: s.update(n=1))
    place.store.noted()
    for n in range(1000):
        place.clock.now += 7
        await place.client.do((lambda s: s["n"]) if n % 2 else (lambda s: None))
    assert set(place.store.noted()) == {"load", "touch"}
    assert (place.heard()["created"], place.heard()["saved"]) == (1, 1)


async def test_L04_a_touch_that_meets_a_shorter_lifetime_does_not_undo_it() -> None:
    place = Place(max_age=86_400)
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        await other.do(lambda s: setattr(s, "max_age", 60))
        scope["session"].touch()

    await place.client.on_scope(slow)
    assert await place.client.data() == {"n": 1}
    place.clock.now += 80
    assert await place.client.data() == {}


async def test_D05_a_refused_session_whose_record_lives_too_long_leaves_none_of_its_own() -> None:
    place = Place(max_age=86_400)
    await place.client.do(lambda s: setattr(s, "max_age", 60))
    [key] = place.store._entries
    await place.store.touch(key, 86_400_000)
    place.options["valid"] = lambda scope, data: False
    client = place.browser(place.client)
    assert (await client.do(lambda s: s.touch())).cookies == []
    assert [*place.store._entries] == [key]


async def test_a_session_of_the_browser_is_kept_for_a_day_from_one_request_to_the_next() -> None:
    place = Place(max_age="session")
    response = await place.client.do(lambda s: s.update(n=1))
    assert "expires" not in response.cookies[0]
    for _ in range(5):
        place.clock.now += 60_000
        response = await place.client.do(lambda s: s["n"])
        assert response.cookies == []
    place.clock.now += 86_401
    assert await place.client.data() == {}


async def test_an_older_key_has_its_cookie_signed_anew_without_a_write() -> None:
    place = Place(keys=[OLD_KEY], max_age=100)
    first = await place.client.do(lambda s: s.update(n=1))
    place.store.noted()
    place.options["keys"] = [KEY, OLD_KEY]
    client = place.browser(place.client)
    place.clock.now += 10
    response = await client.do(lambda s: s["n"])
    assert (ids(response), place.store.noted()) == (ids(first), ["load", "touch"])
    expires = [re.search("expires=([^;]*)", line)[1] for line in (first.cookies + response.cookies)]  # type: ignore[index]
    assert len(set(expires)) == 1


@pytest.mark.parametrize("end", ["logout", "login"])
@pytest.mark.parametrize("how", ["rolling", "renew", "rotated", "read", "touch"])
async def test_N01_a_late_read_sends_no_cookie_of_a_session_that_has_ended(how: str, end: str) -> None:
    place = Place(keys=[OLD_KEY], max_age=100, **({how: True} if how in ("rolling", "renew") else {}))
    await place.client.do(lambda s: s.update(n=1))
    if how == "rotated":
        place.options["keys"] = [KEY, OLD_KEY]
    client = place.browser(place.client)
    place.clock.now += 60
    other = place.browser(client)

    async def slow(scope: Any) -> None:
        scope["session"].get("n")
        if how == "touch":
            scope["session"].touch()
        await other.do(lambda s: s.logout() if end == "logout" else s.login("ada"))

    response = await client.on_scope(slow)
    assert (response.status, response.cookies) == (200, [])


async def test_N01_a_late_write_neither_revives_a_session_nor_sends_a_cookie() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        scope["session"]["n"] = 2
        await other.do(lambda s: s.logout())

    response = await place.client.on_scope(slow)
    assert (response.status, response.cookies, len(place.store)) == (200, [], 0)
    assert place.heard()["gone"] == 1


@pytest.mark.parametrize("late", [lambda s: s.save(), lambda s: s.touch(), lambda s: s.regenerate(), lambda s: s.replace({"a": 1})])
async def test_N01_no_mark_revives_a_session(late: Any) -> None:
    place = Place(rolling=True)
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        late(scope["session"])
        await other.do(lambda s: s.logout())

    response = await place.client.on_scope(slow)
    assert (response.cookies, len(place.store)) == ([], 0)


async def test_a_login_that_meets_a_logout_begins_anew_with_what_it_brought() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(secret=1))
    other = place.browser(place.client)

    async def login(scope: Any) -> None:
        scope["session"]["user"] = "ada"
        scope["session"].login("ada")
        await other.do(lambda s: s.logout())

    await place.client.on_scope(login)
    assert await place.client.data() == {"user": "ada"}


@pytest.mark.parametrize("early", [False, True])
async def test_a_login_over_another_that_has_ended_keeps_its_user(early: bool) -> None:
    """Found by the commit, or by a ``commit()`` before the login: either way what the login's request set is kept."""
    place = Place(atomic_keys=["user", "role"])
    await place.client.do(lambda s: s.update(user="bob", role="admin", secret=1, cart={"old": 1}, hits=5))
    other = place.browser(place.client)

    async def login(scope: Any) -> None:
        session = scope["session"]
        session["user"] = "ada"
        session["cart"]["new"] = 2
        session.increment("hits")
        await other.do(lambda s: s.logout())
        if early:
            with suppress(SessionConflict):
                await session.commit()
        session.login("ada")

    await place.client.on_scope(login)
    assert await place.client.data() == {"user": "ada", "role": "admin", "cart": {"new": 2}, "hits": 1}


async def test_N02_parallel_requests_lose_no_key() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1, gone=1))
    others = [place.browser(place.client) for _ in range(3)]

    async def nested(scope: Any) -> None:
        scope["session"]["outer"] = 1
        for n, other in enumerate(others):
            await other.do(lambda s, n=n: s.update({f"inner{n}": n}))
        await others[0].do(lambda s: s.pop("gone"))

    await place.client.on_scope(nested)
    assert await place.client.data() == {"n": 1, "outer": 1, "inner0": 0, "inner1": 1, "inner2": 2}
    assert place.heard()["conflict"] == 1


@pytest.mark.parametrize(
    ("write", "left"),
    [
        (lambda s: s.replace({"only": 1}), {"only": 1}),
        (lambda s: (s.clear(), s.update(only=1)), {"only": 1}),
        (lambda s: s.update(n=5), {"n": 5, "theirs": 1}),
        (lambda s: s.pop("n"), {"theirs": 1}),
    ],
)
async def test_N05_what_was_replaced_whole_is_not_merged(write: Any, left: Any) -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        write(scope["session"])
        await other.do(lambda s: s.update(theirs=1))

    await place.client.on_scope(slow)
    assert await place.client.data() == left


async def test_N05_atomic_keys_stay_together() -> None:
    place = Place(atomic_keys=["user", "role"])
    await place.client.do(lambda s: s.update(user="a", role="guest"))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        scope["session"].update(role="admin", seen=1)
        await other.do(lambda s: s.update(user="b"))

    await place.client.on_scope(slow)
    assert await place.client.data() == {"user": "b", "role": "guest", "seen": 1}


async def test_a_login_merges_what_others_wrote_and_keeps_its_own_group() -> None:
    place = Place(atomic_keys=["user", "role"])
    await place.client.do(lambda s: s.update(user="a", role="guest"))
    other = place.browser(place.client)

    async def login(scope: Any) -> None:
        scope["session"].update(user="c", role="admin")
        scope["session"].login("c")
        await other.do(lambda s: s.update(user="b", cart=[1]))

    await place.client.on_scope(login)
    assert await place.client.data() == {"user": "c", "role": "admin", "cart": [1]}


async def test_on_conflict_overwrite_takes_mine_and_raise_raises() -> None:
    for word, left in (("overwrite", {"n": 1, "mine": 1}), ("raise", {"n": 1, "theirs": 1})):
        place = Place(on_conflict=word)
        await place.client.do(lambda s: s.update(n=1))
        other = place.browser(place.client)

        async def slow(scope: Any, other: Sessions = other, word: str = word) -> None:
            scope["session"]["mine"] = 1
            await other.do(lambda s: s.update(theirs=1))
            if word == "raise":
                with pytest.raises(SessionConflict):
                    await scope["session"].commit()
                await scope["session"].reload()

        await place.client.on_scope(slow)
        assert await place.client.data() == left


async def test_a_lifetime_that_another_request_set_outlives_a_merge() -> None:
    place = Place(max_age=60)
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def slow(scope: Any) -> None:
        scope["session"]["mine"] = 1
        await other.do(lambda s: setattr(s, "max_age", 600))

    await place.client.on_scope(slow)
    seen: list[Any] = []
    await place.client.do(lambda s: seen.append(s.max_age))
    assert seen == [600]


async def test_the_application_sees_what_was_merged() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)
    seen: list[Any] = []

    async def slow(scope: Any) -> None:
        session = scope["session"]
        session["mine"] = 1
        await other.do(lambda s: s.update(theirs=1))
        await session.commit()
        seen.append(dict(session))
        session["more"] = 1

    await place.client.on_scope(slow)
    assert seen == [{"n": 1, "theirs": 1, "mine": 1}]
    assert await place.client.data() == {"n": 1, "theirs": 1, "mine": 1, "more": 1}


async def test_S03_an_id_that_is_taken_is_not_used_and_its_record_is_left_alone() -> None:
    given = iter(["one", "one", "two"])
    place = Place(genid=lambda scope: next(given))
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser()
    response = await other.do(lambda s: s.update(n=2))
    assert ids(response) == ["two"]
    assert await place.client.data() == {"n": 1}


async def test_a_corrupt_record_is_a_new_session_and_stays_for_whoever_looks() -> None:
    place = Place()
    [old] = ids(await place.client.do(lambda s: s.update(n=1)))
    [entry] = place.store._entries.values()
    entry.value = b"[]"
    response = await place.client.do(lambda s: s.update(n=2))
    assert (response.status, place.heard()["corrupt"]) == (200, 1)
    assert ids(response) != [old]
    assert {entry.value for entry in place.store._entries.values()} >= {b"[]"}


async def test_D05_ten_thousand_requests_without_a_session_leave_no_record() -> None:
    place = Place()
    for _ in range(5_000):
        await place.client.do(lambda s: s.get("n"))
    assert place.store.noted() == []
    keygrip = Keygrip([KEY.encode()], "sha256")
    for n in range(5_000):
        place.client.jar["koa.sess"] = id = f"{n:043d}"
        place.client.jar["koa.sess.sig"] = keygrip.sign(f"koa.sess={id}".encode())
        await place.client.do(lambda s: s.get("n"))
    assert (len(place.store), Counter(place.store.noted())) == (0, Counter(load=5_000))


async def test_an_ended_and_refilled_session_is_another_one() -> None:
    place = Place()
    [old] = ids(await place.client.do(lambda s: s.update(n=1)))
    [new] = ids(await place.client.do(lambda s: (s.destroy(), s.update(m=1))))
    assert new != old
    assert await place.client.data() == {"m": 1}
    assert len(place.store) == 1


async def test_scope_session_can_be_set_to_none_or_a_dict() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    await place.client.on_scope(lambda scope: scope.__setitem__("session", {"m": 1}))
    assert await place.client.data() == {"m": 1}
    await place.client.on_scope(lambda scope: scope.__setitem__("session", None))
    assert len(place.store) == 0
    assert place.client.jar == {}


async def test_commit_and_reload_in_a_handler() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    other = place.browser(place.client)

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session["n"] = 2
        await session.commit()
        assert await other.data() == {"n": 2}
        await other.do(lambda s: s.update(n=3))
        session["n"] = 99
        await session.reload()
        assert dict(session) == {"n": 3}
        await other.do(lambda s: s.logout())
        await session.reload()
        assert (dict(session), session.is_new) == ({}, True)

    assert (await place.client.on_scope(handler)).status == 200


async def test_two_commits_of_a_new_session_are_one_record() -> None:
    place = Place()

    async def handler(scope: Any) -> None:
        scope["session"]["a"] = 1
        await scope["session"].commit()
        scope["session"]["b"] = 1

    response = await place.client.on_scope(handler)
    assert len(ids(response)) == 1
    assert await place.client.data() == {"a": 1, "b": 1}
    assert len(place.store) == 1


class Waiting(MemoryStore):
    """A real store that lets others go first."""

    async def create(self, *given: Any, **named: Any) -> bool:
        await asyncio.sleep(0)
        return await super().create(*given, **named)


async def test_two_commits_at_once_of_a_new_session_are_one_record() -> None:
    client = Sessions(store=(store := Waiting()))

    async def handler(scope: Any) -> None:
        scope["session"]["a"] = 1
        await asyncio.gather(*(scope["session"].commit() for _ in range(3)))

    await client.on_scope(handler)
    assert await client.data() == {"a": 1}
    assert len(store) == 1


async def test_auto_commit_off_writes_by_commit_alone() -> None:
    place = Place(auto_commit=False)
    response = await place.client.do(lambda s: s.update(n=1))
    assert (response.cookies, len(place.store)) == ([], 0)

    async def handler(scope: Any) -> None:
        scope["session"]["n"] = 1
        await scope["session"].commit()
        scope["session"]["n"] = 2

    assert len((await place.client.on_scope(handler)).cookies) == 2
    assert await place.client.data() == {"n": 1}


async def test_defer_asks_the_store_only_when_it_is_told_to() -> None:
    place = Place(defer=True)
    await place.client.do(lambda s: s.update(n=1))
    place.store.noted()

    async def unused(scope: Any) -> None:
        with pytest.raises(NotLoadedError):
            scope["session"].get("n")

    response = await place.client.on_scope(unused)
    assert (place.store.noted(), response.cookies) == ([], [])

    async def used(scope: Any) -> None:
        session = await scope["session"].load()
        assert await session.load() is session
        session["n"] += 1

    await place.client.on_scope(used)
    assert place.store.noted() == ["load", "replace"]


async def test_defer_warns_once_of_a_new_session_that_is_used_unloaded(caplog: pytest.LogCaptureFixture) -> None:
    async def loaded(scope: Any) -> None:
        (await scope["session"].load())["n"] = 1

    uses: list[tuple[Any, int]] = [
        (loaded, 0),
        (lambda scope: None, 0),
        (lambda scope: scope["session"].get("n"), 1),
        (lambda scope: scope["session"].update(n=1), 1),
    ]
    for use, warnings in uses:
        caplog.clear()
        place = Place(defer=True)
        for _ in range(2):
            place.client.browser.jar.clear()
            await place.client.on_scope(use)
        told = [record.getMessage() for record in caplog.records]
        assert [message.partition(";")[0] for message in told] == [
            "defer=True: a new session was used without `await session.load()`"
        ] * warnings


async def test_defer_lets_a_session_be_replaced_or_ended_unread() -> None:
    place = Place(defer=True)
    [old] = ids(await place.client.do(lambda s: s.update(n=1)))
    response = await place.client.do(lambda s: s.replace({"m": 1}))
    assert ids(response) == [old]

    async def read(scope: Any) -> None:
        assert dict(await scope["session"].load()) == {"m": 1}

    await place.client.on_scope(read)
    await place.client.do(lambda s: s.logout())
    assert len(place.store) == 0


async def test_a_header_carries_the_id_where_clients_keep_no_cookies() -> None:
    place = Place(external_key=HeaderKey("X-Session-Token"))
    response = await place.client.do(lambda s: s.update(n=1))
    token = response.get("x-session-token")
    assert token is not None
    assert (response.cookies, response.get("vary"), response.get("cache-control")) == ([], "x-session-token", "no-store")
    seen: dict[str, Any] = {}
    place.client.handler = lambda scope: seen.update(dict(scope["session"]))
    await place.client.browser.get(headers=[(b"x-session-token", token.encode())])
    assert seen == {"n": 1}
    place.client.handler = lambda scope: scope["session"].logout()
    response = await place.client.browser.get(headers=[(b"x-session-token", token.encode())])
    assert (response.get("x-session-token"), len(place.store)) == ("", 0)


async def test_before_save_runs_before_every_write_and_never_without_one() -> None:
    saved: list[Any] = []

    async def hook(scope: Any, session: Any) -> None:
        await asyncio.sleep(0)
        session["stamp"] = len(saved)
        saved.append(dict(session))

    place = Place(before_save=hook)
    await place.client.do(lambda s: s.update(n=1))
    await place.client.do(lambda s: s["n"])
    await place.client.do(lambda s: s.logout())
    assert saved == [{"n": 1, "stamp": 0}]


async def test_valid_refuses_a_session_and_the_next_one_has_another_id() -> None:
    place = Place(valid=lambda scope, data: data.get("n") != 13)
    [old] = ids(await place.client.do(lambda s: s.update(n=13)))
    response = await place.client.do(lambda s: s.update(n=1))
    assert ids(response) not in ([], [old])
    assert await place.client.data() == {"n": 1}


async def test_reload_asks_valid_too() -> None:
    revoked: list[int] = []
    place = Place(valid=lambda scope, data: data.get("n") not in revoked)
    await place.client.do(lambda s: s.update(n=1))

    async def handler(scope: Any) -> None:
        revoked.append(1)
        await scope["session"].reload()
        assert (dict(scope["session"]), scope["session"].is_new) == ({}, True)

    assert (await place.client.on_scope(handler)).status == 200


async def test_late_changes_are_saved_and_those_of_a_new_session_reported(caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    new = place.browser()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"]["late"] = 1
        await send({"type": "http.response.body", "body": b""})

    for client in (place.client, new):
        client.browser.app.app = late  # type: ignore[attr-defined]
        await client.browser.get()
    assert [entry.value for entry in place.store._entries.values()] == [b'{"n":1,"late":1,"_maxAge":86400000}']
    assert "late" in caplog.text


async def test_too_large_a_session_names_its_heaviest_keys_and_is_not_stored() -> None:
    place = Place()
    with pytest.raises(SessionTooLarge, match=r"65536 bytes of JSON; the largest keys are big \(\d+ bytes\)"):
        await place.client.do(lambda s: s.update(big="x" * 70_000))
    with pytest.raises(SessionTooLarge):
        await place.client.do(lambda s: s.update(big="x" * 65_520))
    assert len(place.store) == 0


async def test_reserved_names_are_refused() -> None:
    with pytest.raises(ReservedKeyError):
        await Place().client.do(lambda s: s.update(_owner="root"))


async def test_P02_events_carry_the_hash_of_the_id() -> None:
    place = Place()
    [id] = ids(await place.client.do(lambda s: s.update(n=1)))
    await place.client.do(lambda s: s.update(n=2))
    assert {event.key for event in place.events} == {next(iter(place.store.keys_asked))[6:]}
    assert id not in repr(place.events)


async def test_context_store_is_called_with_the_scope_of_each_request() -> None:
    stores: dict[str, MemoryStore] = {"/a": MemoryStore(), "/b": MemoryStore()}
    client = Sessions(context_store=lambda scope: stores[scope["path"]])
    await client.do(lambda s: s.update(n=1), path="/a")
    await client.do(lambda s: s.update(n=2), path="/b")
    assert [len(store) for store in stores.values()] == [1, 1]


class Meeting(MemoryStore):
    """A real store that lets another request go first, once, right after a replace."""

    async def replace(self, *given: Any, **named: Any) -> Any:
        answer = await super().replace(*given, **named)
        if (after := self.__dict__.pop("after", None)) is not None:
            await after()
        return answer


async def test_N02_emptying_a_session_ends_nobody_elses_write() -> None:
    store = Meeting()
    client = Sessions(store=store)
    await client.do(lambda s: s.update(flash=1))
    other = Sessions(store=store)
    other.jar.update(client.jar)
    seen: list[Any] = []

    async def write() -> None:
        seen.append(await other.do(lambda s: s.update(cart=1)))

    store.__dict__["after"] = write
    await client.do(lambda s: s.pop("flash"))
    # Whatever the other was told it has: with the session gone it began another one, and has the cookie of that.
    assert await other.data() == {"cart": 1}


async def test_what_a_handler_holds_stays_part_of_the_session_after_a_merge() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(cart=[]))
    other = place.browser(place.client)

    async def handler(scope: Any) -> None:
        session = scope["session"]
        cart = session["cart"]
        cart.append(1)
        await other.do(lambda s: s.update(theirs=1))
        await session.commit()
        cart.append(2)

    await place.client.on_scope(handler)
    assert await place.client.data() == {"cart": [1, 2], "theirs": 1}


async def test_a_session_that_is_gone_says_so_and_a_login_begins_anew() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(secret=1))
    other = place.browser(place.client)

    async def handler(scope: Any) -> None:
        session = scope["session"]
        assert session.gone is False
        session["n"] = 1
        await other.do(lambda s: s.logout())
        await session.commit()
        assert session.gone is True
        session.login("ada")

    response = await place.client.on_scope(handler)
    assert len(response.cookies) == 2
    assert await place.client.data() == {"n": 1}
    assert [owned.data for owned in await place.store.sessions_of("ada")] == [{"n": 1}]


async def test_L05_a_record_that_began_at_no_time_is_refused() -> None:
    place = Place()
    await place.client.do(lambda s: s.update(n=1))
    [entry] = place.store._entries.values()
    entry.value = b'{"a":1,"_created":99999999999999999999,"_maxAge":86400000}'
    response = await place.client.do(lambda s: s.login("ada"))
    assert (response.status, len(response.cookies)) == (200, 2)


async def test_valid_is_asked_of_a_session_that_was_replaced_unread() -> None:
    place = Place(defer=True, valid=lambda scope, data: "banned" not in data)
    [old] = ids(await place.client.do(lambda s: (s.update(banned=1), s.login("eve"))))
    response = await place.client.do(lambda s: s.replace({"m": 1}))
    assert ids(response) not in ([], [old])
    assert [owned.data for owned in await place.store.sessions_of("eve")] == [{"banned": 1}]
