"""Ids that an application chooses itself: whatever the Node package takes for one is the same session on both sides."""

# Names bear the rows of tests/parity/table.py.

import random
from typing import Any

import pytest

from tests.asgi import NOW
from tests.interop.koa_stores import SHARED
from tests.interop.node_and_ours import Answer
from tests.interop.paired_applications import Pair, store
from tests.interop.system_options import EXPRESS, KOA_GENERIC, System
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

LINE = ["bob smith", 'q"q', "a,b\\c", "%41+%20", "a=b==", "x" * 300, "!", "s:dotted.id"]
"""What a cookie's line can hold as it stands."""
TEXT = [*LINE, "x;y", '"', "éü", "🍪", "\u2028", " padded ", "é" * 300]
CASES = [*((EXPRESS, id) for id in TEXT), *((KOA_GENERIC, id) for id in LINE)]


@pytest.mark.parametrize(
    ("system", "id"), CASES, ids=lambda value: value.preset if isinstance(value, System) else ascii(value)[:20]
)
async def test_R03_an_id_that_genid_chose_is_the_same_session(
    request: Any, valkey: Server, system: System, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = request.getfixturevalue(system.preset.replace("-", "_"))
    async with store(system, valkey, SHARED) as opened:
        for first in ("theirs", "ours"):
            both = Pair(system, peer, valkey, opened, random.Random(0), genid=lambda scope: id)
            theirs, ours = both.original(both.mine), both.ours()
            theirs.setup["genid"] = id
            one, other = (theirs, ours) if first == "theirs" else (ours, theirs)
            await one.do(["set", "n", 1], now=NOW)
            assert (await other.do(["see"], ["set", "n", 2], now=NOW)).seen == [{"n": 1}]
            assert (await one.do(["see"], ["id"], now=NOW)).seen == [{"n": 2}, id]
    assert "signed session id" not in caplog.text


@pytest.mark.parametrize(
    ("id", "why"), [("x" * 1025, "its length, over 1024 characters"), ("a\0b", "a character"), ("a\nb", "a character")]
)
async def test_R03_what_cannot_be_an_id_here_is_told_once(
    express: Any, valkey: Server, id: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with store(EXPRESS, valkey, SHARED) as opened:
        both = Pair(EXPRESS, express, valkey, opened, random.Random(0), resave=False, allow_empty=False)
        theirs, ours = both.original(both.mine), both.ours()
        theirs.setup["genid"] = id
        await theirs.do(["set", "n", 1], now=NOW)
        for _ in range(2):
            assert await ours.do(["see"], now=NOW) == Answer([], [{}])
    assert caplog.text.count(f"a signed session id is no id here because of {why}") == 1
    assert id not in caplog.text
