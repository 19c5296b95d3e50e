"""The limits of a session: what is saved is read again in every layout, and what passes them is refused as it is written."""

import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap import Accept, UnserializableError
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Sessions, run

EXPRESS = {"preset": "express", "resave": False, "allow_empty": False}
LAYOUTS: dict[str, dict[str, Any]] = {
    "native": {},
    "express": EXPRESS,
    "koa": {"preset": "koa"},
    "koa-generic": {"preset": "koa-generic"},
}
LATER = datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC)


class Koa:
    """A plain store."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}

    def get(self, key: str, max_age: Any, *, rolling: bool, scope: Any) -> Any:
        return self.rows.get(key)

    def set(self, key: str, session: Any, max_age: Any, *, rolling: bool, changed: bool, scope: Any) -> None:
        self.rows[key] = session

    def destroy(self, key: str, *, scope: Any) -> None:
        self.rows.pop(key, None)


STORES = {"memory": MemoryStore, "plain": Koa}


def nested(depth: int) -> Any:
    """Make a list in lists; the session itself is one level more."""
    value: Any = 0
    for _ in range(depth - 1):
        value = [value]
    return value


async def comes_back(data: dict[str, Any], layout: str, store: str) -> bool:
    """Save it and read it; ``False`` where the write was refused."""
    client = Sessions(store=STORES[store](), **LAYOUTS[layout])
    try:
        response = await client.do(lambda s: s.update(data))
    except UnserializableError:
        return False
    assert response.status == 200
    assert await client.data() == data
    # What was read can be written, too.
    await client.do(lambda s: s.update({name: data[name] for name in reversed(data)}))
    await client.do(lambda s: s.save())
    assert await client.data() == data
    return True


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("data", "fits"),
    [
        *(({"x": [0] * (values - 2)}, values <= 10_000) for values in (9_990, 9_999, 10_000, 10_001)),
        ({f"k{number}": 0 for number in range(9_999)}, None),
        *(({"x": nested(depth)}, depth <= 100) for depth in (99, 100, 101)),
        ({"x": 10**21 - 1}, True),
        ({"x": 10**21}, False),
        *(({"x": "y" * octets}, None) for octets in range(65_536 - 250, 65_540, 41)),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
async def test_D02_what_save_accepts_load_accepts(data: dict[str, Any], fits: bool | None, layout: str, store: str) -> None:
    saved = await comes_back(data, layout, store)
    assert fits in (None, saved)


@settings(max_examples=15, deadline=None)
@given(wide=st.integers(9_900, 10_010), deep=st.integers(1, 103), octets=st.integers(0, 60_000), layout=st.sampled_from([*LAYOUTS]))
def test_D02_any_session_near_a_limit_is_refused_or_read(wide: int, deep: int, octets: int, layout: str) -> None:
    run(comes_back({"wide": [0] * (wide - deep - 3), "deep": nested(deep), "long": "y" * octets}, layout, "plain"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("values", [9_998, 9_999, 10_000])
async def test_D02_a_session_at_the_limit_is_taken_over(values: int, layout: str) -> None:
    old, data = MemoryStore(), {"x": [0] * (values - 2)}
    before = Sessions(store=old, key="old.sess", **LAYOUTS[layout])
    await before.do(lambda s: s.update(data))
    accept = [Accept(until=LATER, store=old, key="old.sess", keys=[KEY], **LAYOUTS[layout])]
    after = Sessions(store=MemoryStore(), keys=[OLD_KEY], accept=accept, **LAYOUTS[layout])
    after.browser.jar = {**before.jar}
    assert await after.data() == data
    assert await after.data() == data
    assert len(old) == 0
