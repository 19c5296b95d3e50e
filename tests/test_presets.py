"""The other systems' layouts: their own cookies are read, and what is written is theirs."""

import warnings
from typing import Any

import pytest
from starlette.middleware.sessions import SessionMiddleware as StarletteMiddleware

from gingersnap import ConfigError, SessionMiddleware, SessionOptions
from gingersnap.formats import FORMATS
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser, Sessions, app_of


def options(**given: Any) -> SessionOptions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SessionOptions(allow_weak_keys=True, **given)


def test_E03_express_s_own_cookie_is_read_and_written() -> None:
    id = "gTqhhJbfy8s53FiVp80iiy7ixcWJ677y"
    line = f"connect.sid=s%3A{id}.Jd%2BsbdlcElFCncx0N6vytq5seTXt9TcJePRZbjrjS%2FA"
    layout = FORMATS["express"](options(keys=["n", "o"], preset="express", store=MemoryStore()))
    assert layout.read([(b"cookie", line.encode())]) == (id.encode(), 0)
    assert layout.cookie(False, None).lines(id.encode(), None) == [f"{line}; Path=/; HttpOnly".encode()]
    assert layout.read([(b"cookie", line.replace("s%3Ag", "s%3Ah").encode())]) == "tampered"


def test_C09_cookie_session_s_own_cookie_is_read_and_written() -> None:
    layout = FORMATS["cookie-session"](options(keys=["n", "o"], preset="cookie-session"))
    into: dict[str, Any] = {}
    loaded = layout.load([(b"cookie", b"session=eyJhIjoxfQ==; session.sig=vHy9rp8nJmgSaFO5XPU7cRda3dA")], into, 0)
    assert loaded is not None
    assert (loaded[:3], into) == ((b'{"a":1}', 0, True), {"a": 1})
    lines = layout.write(layout.cookie(False, None), b'{"a":1}', None, None, None, None, False)
    assert isinstance(lines, list)
    assert [line.split(b";")[0] for line in lines] == [b"session=eyJhIjoxfQ==", b"session.sig=vHy9rp8nJmgSaFO5XPU7cRda3dA"]


async def test_starlette_s_sessions_go_on_in_ours_and_back() -> None:
    def visit(scope: Any) -> None:
        scope["session"]["n"] = scope["session"].get("n", 0) + 1
        seen.append(dict(scope["session"]))

    seen: list[Any] = []
    theirs = Browser(StarletteMiddleware(app_of(visit), KEY))
    ours = Browser(SessionMiddleware(app_of(visit), keys=[KEY], preset="starlette"))
    ours.jar = theirs.jar
    for side in (theirs, ours, theirs, ours):
        (line,) = (await side.get()).cookies
        assert line.endswith("; path=/; Max-Age=1209600; httponly; samesite=lax")
    assert seen == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]


async def test_E34_a_record_of_express_holds_its_cookie() -> None:
    store = MemoryStore()
    client = Sessions(preset="express", store=store, max_age=60)
    await client.do(lambda s: s.update(a=1))
    seen: list[Any] = []
    await client.do(lambda s: seen.append((dict(s), s.external_key)))
    ((data, id),) = seen
    record = await store.load(id)
    assert data == {"a": 1}
    assert record is not None
    assert record.value.startswith(b'{"cookie":{"originalMaxAge":60000,"expires":"20')
    assert record.value.endswith(b'Z","httpOnly":true,"path":"/"},"a":1}')


@pytest.mark.parametrize("value", [b"{}", b"[]", b'{"a":1}', b'{"cookie":1}', b'{"cookie":{"originalMaxAge":"x"}}', b"\xff"])
@pytest.mark.parametrize("preset", ["express", "koa-generic"])
async def test_E23_a_record_that_makes_no_sense_is_a_new_session_and_stays(preset: Any, value: bytes) -> None:
    store = MemoryStore()
    client = Sessions(preset=preset, store=store)
    await client.do(lambda s: s.update(a=1))
    keys: list[str] = []
    await client.do(lambda s: keys.append(s.store_key))
    record = await store.load(keys[0])
    assert record is not None
    await store.replace(keys[0], value, 60_000, version=record.version)
    seen: list[Any] = []
    assert (await client.do(lambda s: seen.append(dict(s)))).status == 200
    left = await store.load(keys[0])
    assert left is not None
    assert (seen, left.value) == ([{}], value)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"preset": "express"}, "store"),
        ({"preset": "koa-generic"}, "store"),
        ({"preset": "cookie-session", "store": MemoryStore()}, "store"),
        ({"preset": "starlette", "store": MemoryStore()}, "store"),
        ({"preset": "starlette", "absolute_age": 5}, "absolute_age"),
    ],
)
def test_a_preset_that_cannot_work_says_what_to_do(given: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: "):
        SessionOptions(keys=[KEY], **given)
