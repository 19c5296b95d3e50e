"""Half an emoji: JavaScript cuts texts between the halves of a surrogate pair, and any session of Node's may hold one."""

# Names bear the rows of tests/parity/table.py.

import random
from typing import Any

import pytest

from tests.asgi import NOW
from tests.interop.koa_stores import SHARED
from tests.interop.node_and_ours import Answer, Koa, Ours
from tests.interop.paired_applications import Pair, store
from tests.interop.system_options import COOKIE_SESSION, EXPRESS, KOA_GENERIC, System
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

HALVES: dict[str, Any] = {
    "first": "cut \ud83d",
    "second": "\ude00 cut",
    "turned": "\ude00\ud83d",
    "two": "\ud83d\ud83d 😀\udfff",
    "\ud83d": {"\ude00": ["\udbff", {"in": "\udc00"}]},
    "whole": "😀",
}


@pytest.mark.parametrize("system", [COOKIE_SESSION, EXPRESS, KOA_GENERIC], ids=lambda system: system.preset)
@pytest.mark.parametrize("seed", range(3))
async def test_R01_half_an_emoji_is_read_kept_and_written_as_there(request: Any, valkey: Server, system: System, seed: int) -> None:
    peer = request.getfixturevalue(system.preset.replace("-", "_"))
    server = None if system.prefix is None else valkey
    async with store(system, server, SHARED) as opened:
        both = Pair(system, peer, server, opened, random.Random(seed))
        # Lines and records are compared octet for octet, whichever side answers.
        await both.do(*(["set", key, value] for key, value in HALVES.items()))
        for turn in range(4):
            answer = await both.do(["see"], ["set", "n", turn], ["set", f"\udfff{turn}", "\ud83d"])
            assert {key: answer.seen[0][key] for key in HALVES} == HALVES


async def test_R01_halves_that_meet_are_the_character_there_too(both: Any) -> None:
    pair = both()
    # JSON has no way to bring them apart to the peer; what ours is given so is written as the character.
    await pair.koa.do(["set", "v", "\ud83d\ude00"])
    await pair.ours.do(["set", "v", "\ud83d\ude00"])
    assert pair.ours.browser.jar == pair.koa.browser.jar
    assert (await pair.do(["see"])).seen == [{"v": "😀"}]


async def test_R01_either_side_goes_on_with_what_the_other_wrote(both: Any) -> None:
    pair = both()
    sides: list[Koa | Ours] = [pair.koa, pair.ours, pair.koa, pair.ours]
    jar: dict[str, str] = {}
    for turn, side in enumerate(sides):
        side.browser.jar = jar
        answer: Answer = await side.do(
            *([] if turn else [["set", key, value] for key, value in HALVES.items()]), ["set", "n", turn]
        )
        assert answer.cookies
        assert (await side.do(["see"], now=NOW)).seen == [{**HALVES, "n": turn}]
