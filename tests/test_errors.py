"""Errors: one root, messages with a cure, and never a value."""

# Names bear the ids of requirements as they are written.

import base64
import inspect
import pickle
import re
import traceback
from typing import Any

import pytest

import gingersnap
from gingersnap import (
    ConfigError,
    CookieTooLarge,
    DegradedError,
    NotLoadedError,
    ReservedKeyError,
    SessionConflict,
    SessionError,
    SessionMiddleware,
    SessionSealed,
    SessionTooLarge,
    SessionUnavailable,
    StoreUnfit,
    UnserializableError,
    UnstorableError,
    errors,
)
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser, Response, Sessions, request

SECRET = "Zx9-marker-of-a-secret"
CLASSES = [value for value in vars(errors).values() if inspect.isclass(value)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_a_session_error_and_public(kind: type[Exception]) -> None:
    assert issubclass(kind, SessionError)
    assert getattr(gingersnap, kind.__name__) is kind
    assert kind.__name__ in gingersnap.__all__


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        *((ConfigError, ValueError), (ReservedKeyError, KeyError), (UnserializableError, TypeError), (CookieTooLarge, ValueError)),
        *((SessionTooLarge, UnserializableError), (SessionConflict, SessionUnavailable)),
        *((StoreUnfit, RuntimeError), (SessionSealed, RuntimeError), (NotLoadedError, RuntimeError), (DegradedError, RuntimeError)),
    ],
)
def test_errors_are_also_what_python_calls_them(kind: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)


HOLDS = "a session holds dict, list, str, int, float, bool and None"
MESSAGES: list[tuple[SessionError, str]] = [
    (ConfigError("path", "it cannot be int", "give a path"), "path: it cannot be int; give a path"),
    (ReservedKeyError("_expire"), "the key '_expire' is reserved for the session itself; choose another name"),
    (UnserializableError("cart[2]", "Cart"), "cart[2]: Cart; a session holds dict, list, str, int, float, bool and None"),
    (UnserializableError("", "Cart"), "the session: Cart; a session holds dict, list, str, int, float, bool and None"),
    (UnserializableError("at", "datetime"), f"at: datetime; store .isoformat(); {HOLDS}"),
    (UnserializableError("price", "Decimal"), f"price: Decimal; store str(...); {HOLDS}"),
    (UnserializableError("id", "UUID"), f"id: UUID; store str(...); {HOLDS}"),
    (UnserializableError("seen", "set"), f"seen: set; store list(...); {HOLDS}"),
    (UnserializableError("token", "bytes"), f"token: bytes; store .hex() or base64 text; {HOLDS}"),
    (UnserializableError("by", "a key of type int, not str"), f"by: a key of type int, not str; store str(...); {HOLDS}"),
    (
        CookieTooLarge(5000, 4096, [("cart", 3000), ("name", 20)]),
        (
            "the session cookie would take 5000 of 4096 bytes; the largest keys are cart (3000 bytes), name (20 bytes); "
            "keep ids in the session and the data itself elsewhere"
        ),
    ),
    (
        SessionTooLarge("", "more than 65536 bytes of JSON"),
        "the session: more than 65536 bytes of JSON; keep ids in the session and the data itself elsewhere",
    ),
    (SessionUnavailable("load"), "the session store could not load a session; try again in 1 s"),
    (
        SessionUnavailable("create", 2, "RedisStore (redis.internal:6379)"),
        "RedisStore (redis.internal:6379) could not create a session; try again in 2 s",
    ),
    (SessionUnavailable("move", 5), "the session store could not give a session its new id; try again in 5 s"),
    (SessionConflict("save"), "other requests kept writing this session, so this one's changes were not saved; try again"),
    (
        UnstorableError("cart.note", "a character that its column cannot hold"),
        "cart.note: a character that its column cannot hold; it was not saved: leave that out, or keep sessions in another store",
    ),
    (StoreUnfit("it is a replica; give the primary"), "it is a replica; give the primary"),
    (SessionSealed("cart, user"), "the session changed after its response had started, and the change is lost: cart, user"),
    (NotLoadedError(), "defer=True puts off loading this session: await session.load() before using it"),
    (
        DegradedError(),
        "the session store does not answer, so this empty session is read-only: ask session.degraded before writing",
    ),
]


@pytest.mark.parametrize(("error", "message"), MESSAGES, ids=lambda item: type(item).__name__)
def test_a_message_says_what_where_and_the_cure(error: SessionError, message: str) -> None:
    assert str(error) == message


def test_errors_carry_their_facts() -> None:
    assert ConfigError("path", "", "").option == "path"
    assert ReservedKeyError("_expire").key == "_expire"
    assert (UnserializableError("a", "set").path, UnserializableError("a", "set").problem) == ("a", "set")
    large = CookieTooLarge(1, 2, [("a", 3)])
    assert (large.size, large.limit, large.largest) == (1, 2, [("a", 3)])
    assert SessionSealed("a, b").keys == "a, b"


def test_every_error_is_in_the_table_of_messages() -> None:
    assert {type(error) for error, _ in MESSAGES} == {*CLASSES} - {SessionError}


@pytest.mark.parametrize("kind", [SessionUnavailable, SessionConflict])
@pytest.mark.parametrize("given", [("load",), ("save", 7)])
def test_O01_an_outage_tells_frameworks_that_ask_what_to_answer(kind: type[SessionUnavailable], given: Any) -> None:
    error = kind(*given)
    retry_after = given[1] if len(given) > 1 else 1
    assert (error.call, error.retry_after, error.status_code) == (given[0], retry_after, 503)
    assert error.headers == {"Retry-After": str(retry_after)}
    # Anybody may read it: it names no call.
    said = {
        SessionUnavailable: "The session store does not answer; try again.",
        SessionConflict: "Too many requests wrote this session at once; try again.",
    }
    assert error.detail == said[kind]


@pytest.mark.parametrize("error", [error for error, _ in MESSAGES], ids=lambda item: type(item).__name__)
def test_errors_survive_pickling(error: SessionError) -> None:
    # Worker pools and test runners send exceptions from process to process.
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


# --- What an application meets.


async def failed(kind: type[SessionError], client: Sessions, **data: Any) -> Any:
    """Put data into a session and give the error of the commit."""
    with pytest.raises(kind) as caught:
        await client.do(lambda session: session.update(data))
    return caught.value


@pytest.mark.parametrize("value", [{1}, b"x", object(), float("nan"), 10**21, {"\ud83d\ude00": 1}, [[{"deep": 1j}]]], ids=repr)
async def test_what_cannot_be_written_names_its_path_and_sends_nothing(value: Any) -> None:
    client = Sessions()
    error = await failed(UnserializableError, client, fine=1, cart={"items": [0, value]})
    assert error.path.startswith("cart.items[1]")
    assert client.jar == {}


@pytest.mark.parametrize("key", ["_expire", "_maxAge", "_session", "_created", "_owner"])
async def test_a_reserved_key_is_refused_and_sends_nothing(key: str) -> None:
    client = Sessions()
    error = await failed(ReservedKeyError, client, **{key: 1})
    assert error.key == key
    assert client.jar == {}


@pytest.mark.parametrize("preset", [None, "koa"])
@pytest.mark.parametrize(("key", "octets", "sent"), [("s" * 7, 4095, True), ("s" * 8, 4096, True), ("s" * 9, 4097, False)])
async def test_C02_a_cookie_of_4096_octets_is_sent_and_one_of_4097_is_not(preset: Any, key: str, octets: int, sent: bool) -> None:
    attributes = "; path=/; httponly" if preset else "; path=/; samesite=lax; httponly"
    beside = len("=") + len(attributes)
    client = Sessions(preset=preset, key=key, max_age="session", max_cookie_bytes=4096 + beside)
    # {"a":"...","_session":true} of 3,066 octets, and 4,088 of base64.
    data = {"a": "x" * (3_066 - 24)}
    if not sent:
        error = await failed(CookieTooLarge, client, **data)
        assert (error.size, error.limit) == (octets + beside, 4096 + beside)
        return
    response = await client.do(lambda session: session.update(data))
    assert len(response.cookies[0]) == octets + beside
    assert await client.data() == data


async def test_C02_a_cookie_too_large_names_the_largest_keys_alone() -> None:
    error = await failed(CookieTooLarge, Sessions(), small=1, large=["x" * 3_000], middle="y" * 500, tiny=None, less="z" * 100)
    assert error.largest == [("large", 3_012), ("middle", 511), ("less", 109)]
    assert "large (3012 bytes), middle (511 bytes), less (109 bytes)" in str(error)
    assert "xxx" not in str(error)


@pytest.mark.parametrize("store", [None, MemoryStore])
async def test_R01_errors_show_a_key_with_half_an_emoji_so_that_any_log_holds_it(store: Any) -> None:
    for data in ({"\ud83d": "x" * 70_000}, {"\ud83d": {1}}, {"a": {"\ud83d": [b""]}}, {"_owner": "\ud83d"}):
        with pytest.raises(SessionError) as caught:
            await Sessions(store=store and store()).do(lambda session, data=data: session.update(data))
        "".join(traceback.format_exception_only(caught.value)).encode()
    with pytest.raises(CookieTooLarge, match=re.escape(r"\ud83d (5013 bytes)")):
        await Sessions().do(lambda session: session.update({"\ud83d": "x" * 5_002}))


async def test_R01_a_late_change_of_such_a_key_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        scope["session"]["\ud83d"] = "\ude00"

    await Browser(SessionMiddleware(answers, keys=[KEY])).get()
    assert r"\ud83d" in caplog.text
    caplog.text.encode()


@pytest.mark.parametrize("owner", ["\ud83d", "ada \udfff", "\ude00\ud83d"], ids=ascii)
async def test_R01_an_owner_may_have_half_an_emoji(owner: str) -> None:
    store = MemoryStore()
    for client in (Sessions(store=store), Sessions()):
        seen: list[str | None] = []
        await client.do(lambda session: session.login(owner))
        await client.do(lambda session, seen=seen: (seen.append(session.owner), session.update(n=1)))
        await client.do(lambda session, seen=seen: seen.append(session.owner))
        assert seen == [owner, owner]
    assert len(await store.sessions_of(owner)) == 1
    assert await store.destroy_all(owner) == 1


async def test_R01_an_owner_with_the_halves_of_a_pair_apart_is_refused() -> None:
    # It would be written as another text, under which no destroy_all finds it.
    with pytest.raises(ValueError, match="halves"):
        await Sessions().do(lambda session: session.login("\ud83d\ude00"))


async def test_C02_a_cookie_too_large_sends_nothing_at_all() -> None:
    client = Sessions()
    client.handler = lambda scope: scope["session"].update(a="x" * 5_000)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(CookieTooLarge):
        await client.browser.app({"type": "http", "scheme": "http", "headers": [], "path": "/"}, None, send)  # type: ignore[arg-type]
    assert sent == []


async def test_C02_after_a_cookie_too_large_the_error_page_goes_out_without_a_cookie() -> None:
    client = Sessions()
    client.handler = lambda scope: scope["session"].update(a="x" * 5_000)

    async def error_page(scope: Any, receive: Any, send: Any) -> None:
        try:
            await client.browser.app(scope, receive, send)
        except CookieTooLarge:
            await send({"type": "http.response.start", "status": 500, "headers": []})

    response: Response = await request(error_page)
    assert (response.status, response.cookies) == (500, [])


async def test_C02_the_limit_is_an_option() -> None:
    attributes = "; path=/; samesite=lax; httponly"
    client = Sessions(max_cookie_bytes=65 + len(attributes), max_age="session")
    response = await client.do(lambda session: session.update(a="x" * 18))
    assert len(response.cookies[0]) == 65 + len(attributes)
    error = await failed(CookieTooLarge, client, a="x" * 19)
    assert (error.size, error.limit) == (69 + len(attributes), 65 + len(attributes))


async def test_C02_a_custom_encode_is_held_to_the_limit() -> None:
    client = Sessions(key="s" * 8, encode=lambda data: "v" * data["n"], decode=lambda text: {"n": len(text)})
    attributes = (await client.do(lambda session: session.update(n=1))).cookies[0].partition(";")[2]
    fitting = 4_096 - len("ssssssss=;" + attributes)
    response = await client.do(lambda session: session.update(n=fitting))
    assert len(response.cookies[0]) == 4_096
    error = await failed(CookieTooLarge, client, n=fitting + 1)
    assert (error.size, error.largest) == (4_097, [("n", 8)])


async def test_D02_a_custom_encode_gets_the_whole_session_or_an_error() -> None:
    # A compressing codec: what is large for JSON is small for the cookie.
    encoded: list[dict[str, Any]] = []

    def encode(data: dict[str, Any]) -> str:
        encoded.append(data)
        return base64.b64encode(b"small").decode()

    client = Sessions(encode=encode, decode=lambda text: dict(encoded[-1]))
    data = {"a": "x" * 70_000}
    try:
        await client.do(lambda session: session.update(data))
    except SessionError:
        assert encoded == []
    else:
        assert encoded[0]["a"] == data["a"]


async def test_P01_errors_show_no_data() -> None:
    shown = []
    for data in (
        {"a": SECRET * 300},
        {"a": {SECRET: 1}, "b": {SECRET.encode()}},
        {"_owner": SECRET},
        {"a": {"\ud800" + SECRET: 1}, "b": {1}},
        {"a": "\ud800" + SECRET, "b": {1}},
        {"a": object()},
    ):
        with pytest.raises(SessionError) as caught:
            await Sessions().do(lambda session, data=data: session.update(data))
        error = caught.value
        shown.append(repr(error) + repr(error.args) + "".join(traceback.format_exception_only(error)))
    assert [text for text in shown if SECRET in text] == []


async def test_P01_errors_of_a_store_show_no_data_no_id_and_no_key() -> None:
    class Talkative(MemoryStore):
        async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Any:
            raise OSError(f"SET {key} {value!r}")

    store = Talkative()
    client = Sessions(store=store, on_store_error="raise")
    await client.do(lambda session: session.update(a=SECRET))
    id, [key] = client.jar["koa.sess"], store._entries
    with pytest.raises(SessionUnavailable) as caught:
        await client.do(lambda session: session.update(b=SECRET))
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.args) + caught.value.detail
    assert [text for text in (SECRET, id, key) if text in shown] == []
    # The cause is the store's own word, for whoever looks there.
    assert key in str(caught.value.__cause__)


async def test_P01_a_session_too_large_for_a_store_shows_no_data() -> None:
    with pytest.raises(SessionTooLarge) as caught:
        await Sessions(store=MemoryStore()).do(lambda session: session.update(a=SECRET * 5_000))
    assert SECRET not in "".join(traceback.format_exception_only(caught.value)) + repr(caught.value.args)
    assert "the largest keys are a (" in str(caught.value)
