"""Sessions that cannot be used as they are: whatever is done to one is refused by its own error, and none passes for empty."""

# Names bear the ids of requirements as they are written.

import asyncio
import contextlib
import copy
import inspect
import json
import operator
import pickle
from typing import Any

import pytest

from gingersnap import DegradedError, NotLoadedError, Session, SessionUnavailable
from gingersnap.server_side.unloaded import DeferredSession, DegradedSession, UnavailableSession
from gingersnap.session import WatchedSession
from gingersnap.stores import MemoryStore
from tests.asgi import Sessions
from tests.doubles import FailingStore, RecordingStore

KINDS: dict[str, tuple[type[Session], type[Exception], dict[str, Any]]] = {
    "unavailable": (UnavailableSession, SessionUnavailable, {}),
    "degraded": (DegradedSession, DegradedError, {"on_store_error": "anonymous"}),
    "deferred": (DeferredSession, NotLoadedError, {"defer": True}),
}

# Every method of dict that says something of what it holds, and every one that changes it: how it is called.
READS: dict[str, Any] = {
    "__contains__": lambda s: "n" in s,
    "__iter__": lambda s: [*s],
    "__len__": len,
    "__reversed__": lambda s: [*reversed(s)],
    "__eq__": lambda s: s == {},
    "__ne__": lambda s: s != {},
    "__getitem__": lambda s: s["n"],
    "__or__": lambda s: s | {"m": 1},
    "__ror__": lambda s: {"m": 1} | s,
    "get": lambda s: s.get("n"),
    "keys": lambda s: s.keys(),
    "items": lambda s: s.items(),
    "values": lambda s: s.values(),
    "copy": lambda s: s.copy(),
}
WRITES: dict[str, Any] = {
    "__setitem__": lambda s: s.__setitem__("n", 2),
    "__delitem__": lambda s: s.__delitem__("n"),
    "__ior__": lambda s: s.__ior__({"n": 2}),
    "clear": lambda s: s.clear(),
    "pop": lambda s: s.pop("n", None),
    "popitem": lambda s: s.popitem(),
    "setdefault": lambda s: s.setdefault("n", 2),
    "update": lambda s: s.update(n=2),
}
# What tells nothing of the data, or is no session's own.
NEUTRAL = {
    *("__class__", "__class_getitem__", "__delattr__", "__dir__", "__doc__", "__format__", "__getattribute__", "__getstate__"),
    *(
        "__init__",
        "__init_subclass__",
        "__new__",
        "__repr__",
        "__setattr__",
        "__sizeof__",
        "__str__",
        "__subclasshook__",
        "fromkeys",
    ),
    # A dict has no order and no hash; how it is copied and pickled is looked at below.
    *("__ge__", "__gt__", "__le__", "__lt__", "__hash__", "__reduce__", "__reduce_ex__"),
}


def _match(session: Any) -> Any:
    match session:
        case {"n": n}:
            return n
    return None


# What Python does with a dict by other ways than its methods' names.
WAYS: dict[str, Any] = {
    "bool": bool,
    "not": lambda s: not s,
    "dict": dict,
    "list": list,
    "**": lambda s: dict(**s),
    "{**}": lambda s: {**s},
    "update": {}.update,
    "|=": {"m": 1}.__ior__,
    "== from the left": lambda s: operator.eq({}, s),
    "!= from the left": lambda s: operator.ne({}, s),
    "match": _match,
    "format_map": "{n}".format_map,
    "sorted": sorted,
    "max": lambda s: max(s, default=None),
    "json": json.dumps,
    "json, indented": lambda s: json.dumps(s, indent=1),
    "json, inside": lambda s: json.dumps({"session": s}),
    "pickle": pickle.dumps,
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
}
MARKS: dict[str, Any] = {
    "save": lambda s: s.save(),
    "touch": lambda s: s.touch(),
    "regenerate": lambda s: s.regenerate(),
    "login": lambda s: s.login("ada"),
    "destroy": lambda s: s.destroy(),
    "logout": lambda s: s.logout(),
    "replace": lambda s: s.replace({"m": 1}),
    "increment": lambda s: s.increment("n"),
    "max_age=": lambda s: setattr(s, "max_age", 5),
}
# What a session tells of itself: each is a read.
PROPERTIES = ["is_new", "populated", "changed", "owner", "max_age", "expires_at", "created_at"]


def test_the_tables_know_every_method_of_dict_and_of_a_session() -> None:
    assert {*READS, *WRITES, *NEUTRAL} == set(dir(dict))
    own = {name for name in vars(Session) if not name.startswith("_")}
    told = {*PROPERTIES, "accessed", "cookie", "degraded", "external_key", "gone", "store_key"}
    assert own - {*WRITES} == {name.rstrip("=") for name in MARKS} | told | {"commit", "load", "reload", "mark_accessed"}


async def closed(kind: str, use: Any, **options: Any) -> tuple[Any, Any]:
    """Use a closed session in a request; give what came of it, and what the session is like in the next one."""
    of, _, given = KINDS[kind]
    store = FailingStore()
    client = Sessions(store=store, store_breaker=False, **{**given, **options})
    await client.do(lambda s: s.update(n=1))
    jar = dict(client.jar)
    store.down = kind != "deferred"
    came: list[Any] = []

    async def handler(scope: Any) -> None:
        session = scope["session"]
        assert type(session) is of
        try:
            answer = use(session)
            came.append(await answer if inspect.isawaitable(answer) else answer)
        except Exception as error:
            came.append(error)

    await client.on_scope(handler)
    store.down = False
    client.jar.clear()
    client.jar.update(jar)
    left: dict[str, Any] = {}

    async def look(scope: Any) -> None:
        left.update(await scope["session"].load())

    await client.on_scope(look)
    return came[0], left


USES = {**READS, **WRITES, **{f"way {name}": way for name, way in WAYS.items()}}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("kind", ["unavailable", "deferred"])
async def test_O01_a_session_that_was_not_loaded_refuses_every_use(kind: str, use: Any) -> None:
    came, left = await closed(kind, use)
    assert type(came) is KINDS[kind][1]
    assert left == {"n": 1}


@pytest.mark.parametrize("use", WRITES.values(), ids=WRITES)
async def test_O01_a_degraded_session_refuses_every_write(use: Any) -> None:
    came, left = await closed("degraded", use)
    assert (type(came), left) == (DegradedError, {"n": 1})


EMPTY: dict[str, Any] = {
    **dict.fromkeys(("__contains__", "__ne__", "way bool"), False),
    **dict.fromkeys(("__eq__", "way not", "way == from the left"), True),
    **{name: [] for name in ("__iter__", "__reversed__", "way list", "way sorted")},
    **dict.fromkeys(("get", "way match", "way max"), None),
    **{name: {"m": 1} for name in ("__or__", "__ror__", "way |=")},
    **{name: {} for name in ("copy", "way dict", "way **", "way {**}", "way copy.copy", "way copy.deepcopy")},
    "__len__": 0,
    "way json": "{}",
}


@pytest.mark.parametrize("name", EMPTY)
async def test_O01_a_degraded_session_reads_as_an_empty_one(name: str) -> None:
    came, left = await closed("degraded", USES[name])
    assert (came, left) == (EMPTY[name], {"n": 1})


@pytest.mark.parametrize("name", ["__getitem__", "popitem"])
async def test_a_degraded_session_has_no_key(name: str) -> None:
    came, _ = await closed("degraded", USES[name])
    assert isinstance(came, KeyError if name in READS else DegradedError)


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
@pytest.mark.parametrize("kind", ["unavailable", "degraded"])
async def test_O03_a_session_that_could_not_be_loaded_takes_no_mark(kind: str, mark: Any) -> None:
    came, left = await closed(kind, mark)
    # Whoever wants to end it, or to give it a new id, is told of the outage in any case.
    ends = mark in [MARKS[name] for name in ("regenerate", "login", "destroy", "logout")]
    assert (type(came), left) == (SessionUnavailable if ends else KINDS[kind][1], {"n": 1})


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark not in ("destroy", "logout", "replace")])
async def test_a_deferred_session_takes_no_mark_that_asks_for_its_data(mark: str) -> None:
    came, left = await closed("deferred", MARKS[mark])
    assert (type(came), left) == (NotLoadedError, {"n": 1})


@pytest.mark.parametrize(("mark", "left"), [("destroy", {}), ("logout", {}), ("replace", {"m": 1})])
async def test_a_deferred_session_can_be_ended_or_replaced_as_it_is(mark: str, left: Any) -> None:
    assert await closed("deferred", MARKS[mark]) == (None, left)


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("kind", ["unavailable", "deferred"])
async def test_O01_a_session_that_was_not_loaded_tells_nothing_of_itself(kind: str, name: str) -> None:
    came, _ = await closed(kind, lambda s: getattr(s, name))
    assert type(came) is KINDS[kind][1]


async def test_a_degraded_session_tells_of_an_anonymous_one() -> None:
    came, _ = await closed("degraded", lambda s: [getattr(s, name) for name in PROPERTIES])
    assert came == [True, False, False, None, 86_400, None, None]


@pytest.mark.parametrize("kind", KINDS)
async def test_degraded_can_always_be_asked(kind: str) -> None:
    came, _ = await closed(kind, lambda s: s.degraded)
    assert came is (kind != "deferred")


@pytest.mark.parametrize("kind", KINDS)
async def test_P01_repr_never_raises_and_shows_nothing(kind: str) -> None:
    came, _ = await closed(kind, lambda s: f"{s!r} {s} {type(s).__name__}")
    shown = "<Session: 0 keys>" if kind == "degraded" else "<Session: not loaded>"
    assert came == f"{shown} {shown} Session"


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_a_session_and_a_dict_like_any_other(kind: str) -> None:
    came, _ = await closed(kind, lambda s: (isinstance(s, Session), isinstance(s, dict), type(s).__hash__))
    assert came == (True, True, None)


def test_every_refused_method_says_its_name_and_takes_what_it_takes() -> None:
    for of, _, _ in KINDS.values():
        for name, method in vars(of).items():
            if callable(method) and name.strip("_") == name:
                assert method.__name__ == name
                assert callable(getattr(Session, name))


async def test_the_error_names_its_cause_each_time_anew() -> None:
    def twice(session: Any) -> list[Any]:
        errors = []
        for use in (len, bool):
            with pytest.raises(SessionUnavailable) as caught:
                use(session)
            errors.append(caught.value)
        return errors

    (one, two), _ = await closed("unavailable", twice)
    assert one is not two
    assert one.__cause__ is two.__cause__
    assert isinstance(one.__cause__, OSError)
    assert one.call == "load"


# --- The way out.


async def test_reload_opens_a_session_that_could_not_be_loaded_once_the_store_answers() -> None:
    for options in ({}, {"on_store_error": "anonymous"}):
        store = FailingStore()
        client = Sessions(store=store, store_breaker=False, **options)
        await client.do(lambda s: s.update(n=1))
        store.down = True

        async def handler(scope: Any, store: FailingStore = store) -> None:
            session = scope["session"]
            with pytest.raises(SessionUnavailable):
                await session.reload()
            store.down = False
            assert await session.reload() is session
            assert (dict(session), session.degraded, session.is_new) == ({"n": 1}, False, False)
            session["n"] = 2

        response = await client.on_scope(handler)
        assert response.status == 200
        assert await client.data() == {"n": 2}


async def test_load_of_a_session_that_could_not_be_loaded_raises_again() -> None:
    came, _ = await closed("unavailable", lambda s: s.load())
    assert type(came) is SessionUnavailable
    came, _ = await closed("degraded", lambda s: s.load())
    assert came == {}


@pytest.mark.parametrize("kind", ["unavailable", "degraded"])
@pytest.mark.parametrize("defer", [False, True], ids=["at once", "deferred"])
async def test_load_asks_anew_where_an_earlier_try_failed(kind: str, defer: bool) -> None:
    store, word = FailingStore(), KINDS[kind][2]
    client = Sessions(store=store, store_breaker=False, defer=defer, **word)
    await client.do(lambda s: s.update(n=1))
    store.down = True

    async def handler(scope: Any) -> None:
        session = scope["session"]
        for _ in range(2):
            with contextlib.suppress(SessionUnavailable):
                await session.load()
            assert type(session) is KINDS[kind][0]
        store.down = False
        assert await session.load() is session
        assert (dict(session), session.degraded, session.is_new) == ({"n": 1}, False, False)
        # It is there now, and nobody asks again.
        store.down = True
        assert await (await session.load()).load() is session
        session["n"] = 2

    assert (await client.on_scope(handler)).status == 200
    store.down = False
    reader = Sessions(store=store)
    reader.jar.update(client.jar)
    assert await reader.data() == {"n": 2}


async def test_what_an_application_answers_after_a_load_that_was_repeated_is_its_own() -> None:
    store = FailingStore()
    client = Sessions(store=store, store_breaker=False)
    await client.do(lambda s: s.update(n=1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(SessionUnavailable):
            len(scope["session"])
        store.down = False
        await scope["session"].load()
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"of its own"})

    client.browser.app.app = app  # type: ignore[attr-defined]
    store.down = True
    response = await client.browser.get()
    assert (response.status, response.body) == (500, b"of its own")


async def test_a_load_that_is_repeated_finds_that_the_session_has_ended() -> None:
    store = FailingStore()
    client = Sessions(store=store, store_breaker=False)
    await client.do(lambda s: s.update(n=1))
    store.down = True

    async def handler(scope: Any) -> None:
        store.down = False
        [key] = store._entries
        await store.destroy(key)
        session = await scope["session"].load()
        assert (dict(session), session.is_new) == ({}, True)

    response = await client.on_scope(handler)
    assert (response.status, response.cookies) == (200, [])


async def test_a_record_that_is_no_session_is_not_asked_for_again() -> None:
    store = RecordingStore()
    client = Sessions(store=store, on_store_error="raise")
    await client.do(lambda s: s.update(n=1))
    [entry] = store._entries.values()
    entry.value = b"[]"
    store.noted()
    with pytest.raises(SessionUnavailable, match="could not read a record that is no session"):
        await client.do(lambda s: s.load())
    assert store.noted() == ["load"]


async def test_load_opens_a_deferred_session() -> None:
    async def use(session: Any) -> Any:
        assert await session.load() is session
        return type(session), session.is_new, dict(session)

    came, _ = await closed("deferred", use)
    assert came == (WatchedSession, False, {"n": 1})


@pytest.mark.parametrize("word", ["unavailable", "raise"])
async def test_a_deferred_load_that_fails_raises_and_closes_the_session(word: str) -> None:
    store = FailingStore()
    client = Sessions(store=store, store_breaker=False, defer=True, on_store_error=word)
    await client.do(lambda s: s.update(n=1))
    store.down = True
    seen: list[Any] = []

    async def handler(scope: Any) -> None:
        for _ in range(2):
            with pytest.raises(SessionUnavailable):
                await scope["session"].load()
        seen.append(type(scope["session"]))
        with pytest.raises(SessionUnavailable):
            len(scope["session"])

    response = await client.on_scope(handler)
    assert (seen, response.status, response.cookies) == ([UnavailableSession], 200, [])


async def test_O01_a_deferred_load_that_fails_gives_the_anonymous_session_that_was_asked_for() -> None:
    store = FailingStore()
    client = Sessions(store=store, store_breaker=False, defer=True, on_store_error="anonymous")
    await client.do(lambda s: s.update(n=1))
    store.down = True
    seen: list[Any] = []

    async def handler(scope: Any) -> None:
        session = await scope["session"].load()
        seen.extend([type(session), dict(session), session.degraded])

    assert (await client.on_scope(handler)).status == 200
    assert seen == [DegradedSession, {}, True]


async def test_N02_a_deferred_session_that_was_replaced_and_then_reloaded_covers_nobody() -> None:
    store = FailingStore()
    client, other = Sessions(store=store, defer=True), Sessions(store=store)
    await client.do(lambda s: s.update(n=1))
    other.jar.update(client.jar)

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session.replace({"m": 1})
        await session.reload()
        session["mine"] = 1
        await other.do(lambda s: s.update(theirs=1))

    await client.on_scope(handler)
    assert await other.data() == {"n": 1, "mine": 1, "theirs": 1}


@pytest.mark.parametrize("down", [False, True])
async def test_two_tasks_that_load_a_deferred_session_at_once_both_get_it(down: bool) -> None:
    class Slow(FailingStore):
        loads = 0

        async def load(self, key: str, *, roll: bool = False) -> Any:
            self.loads += 1
            await asyncio.sleep(0)
            return await super().load(key, roll=roll)

    store = Slow()
    client = Sessions(store=store, store_breaker=False, defer=True)
    await client.do(lambda s: s.update(n=1))
    store.down = down
    came: list[Any] = []

    async def handler(scope: Any) -> None:
        async def use() -> Any:
            return dict(await scope["session"].load())

        for _ in range(2):
            came.append(await asyncio.gather(*(use() for _ in range(3)), return_exceptions=True))
            loads.append(store.loads)

    loads: list[int] = []
    store.loads = 0
    await client.on_scope(handler)
    assert [type(each) for each in came[0] + came[1]] == ([SessionUnavailable] if down else [dict]) * 6
    assert down or came == [[{"n": 1}] * 3] * 2
    # A call that broke down is made twice; those who ask at once share what became of it.
    assert loads == ([2, 4] if down else [1, 1])


async def test_D03_a_record_that_is_no_session_closes_it_where_that_is_to_be_raised() -> None:
    store = MemoryStore()
    client = Sessions(store=store, on_store_error="raise")
    await client.do(lambda s: s.update(n=1))
    [entry] = store._entries.values()
    entry.value = b"[]"
    for use in (len, json.dumps, lambda s: s.save()):
        with pytest.raises(SessionUnavailable, match="could not read a record that is no session"):
            await client.do(use)
    assert (await client.do(lambda s: None)).status == 200


async def test_fetching_a_deferred_session_is_no_use_of_it() -> None:
    client = Sessions(store=MemoryStore(), defer=True)
    await client.do(lambda s: s.update(n=1))
    response = await client.do(lambda s: s.mark_accessed())
    assert response.headers == []


async def test_C07_who_touched_a_closed_session_gets_an_answer_that_varies() -> None:
    for kind in ("unavailable", "degraded"):
        store = FailingStore()
        client = Sessions(store=store, store_breaker=False, **KINDS[kind][2])
        await client.do(lambda s: s.update(n=1))
        store.down = True

        def handler(session: Any) -> None:
            session.mark_accessed()

        assert (await client.do(handler)).get("vary") == "Cookie"
