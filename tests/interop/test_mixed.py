"""One client and one store, and each request goes at random to the Node system or to ours: both are one to the client.

The same program is played on the original alone beside it; every answer, record and lifetime must be the same.
"""

import random
from functools import partial
from typing import Any

import pytest

from tests.interop.generated_system_programs import COUNT, SEEDS, play
from tests.interop.koa_stores import SHARED
from tests.interop.paired_applications import Pair, store
from tests.interop.system_options import COOKIE_SESSION, EXPRESS, KOA_GENERIC, System
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

# Some 100 in all where each system alone has 200, and as many as each has where it has 2,000.
SOME = COUNT // 6 if COUNT < 1000 else COUNT // 3 + 1


@pytest.mark.parametrize("system", [COOKIE_SESSION, EXPRESS, KOA_GENERIC], ids=lambda system: system.preset)
async def test_E34_G04_J09_each_request_may_go_to_either(request: Any, valkey: Server, system: System) -> None:
    peer = request.getfixturevalue(system.preset.replace("-", "_"))
    server = None if system.prefix is None else valkey
    async with store(system, server, SHARED) as opened:
        for seed in SEEDS[:SOME]:
            await play(partial(Pair, system, peer, server, opened, random.Random(seed)), system.preset, seed)
