"""Generated programs of koa-session in cookies: the same octets from both sides, and from both in turn."""

import random

import pytest

from tests.asgi import KEY, NOW
from tests.interop.generated_programs import program
from tests.interop.generated_system_programs import SEEDS, Steps
from tests.interop.koa_stores import carry
from tests.interop.node_and_ours import Koa, Ours, Peer

pytestmark = pytest.mark.interop


def read_first(steps: Steps) -> Steps:
    """Have a session be read before it is replaced: koa-session forgets the lifetime, and the data, of one that was not."""
    verbs = [verb for verb, *_ in steps]
    return [["see"], *steps] if "replace" in verbs and "see" not in verbs[: verbs.index("replace")] else steps


async def play(peer: Peer, seed: int, dice: random.Random | None = None) -> None:
    """Have koa-session take a program's requests, and us beside it. ``dice``: those of the other client go to either."""
    made, after, keys = program(seed), 0.0, [KEY]
    jars: tuple[dict[str, str], ...] = ({}, {})
    for index, request in enumerate(made.requests):
        after += request.wait
        if request.client == "rotate":
            keys = [f"{KEY}{index}", *keys]
        is_ours = dice is None or dice.random() < 0.5
        alone = Koa(peer, keys=keys, **made.options)
        beside = Ours(keys=keys, **made.options) if is_ours else Koa(peer, keys=keys, **made.options)
        alone.browser.jar, beside.browser.jar = jars
        for jar in jars:
            carry(jar, request.client, keys[0])
        steps = read_first(request.steps)
        theirs = await alone.do(*steps, now=NOW + after)
        ours = await beside.do(*steps, now=NOW + after)
        assert (ours, jars[1]) == (theirs, jars[0]), f"program({seed}), request {index} of {made}"


@pytest.mark.usefixtures("silent")
async def test_K35_K37_programs_are_the_same_on_both_sides(peer: Peer) -> None:
    for seed in SEEDS:
        await play(peer, seed)


@pytest.mark.usefixtures("silent")
async def test_K35_K40_each_request_may_go_to_either(peer: Peer) -> None:
    for seed in SEEDS:
        await play(peer, seed, random.Random(seed))
