"""koa-session's external store and ours over the same kind of records: the same answers, rows and lifetimes.

``Pair.do`` plays steps on both sides and compares; what a test itself asserts says what both did.
"""

import json
import random
import re
from typing import Any, get_args

import pytest

from tests.asgi import KEY, NOW
from tests.interop.generated_programs import Model, program
from tests.interop.generated_system_programs import SEEDS
from tests.interop.koa_stores import DAY_MS, OURS, SHARED, UNKNOWN, Kind, Pair, Side, carry, pair, store
from tests.interop.node_and_ours import Koa, Ours, Peer
from tests.interop.sessions import same, sessions
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

HOUR = 3_600
HOUR_MS = HOUR * 1000
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

each_kind = pytest.mark.parametrize("kind", get_args(Kind))


# Generated.


@each_kind
async def test_K12_programs_are_the_same_on_both_sides(peer: Peer, valkey: Server, kind: Kind) -> None:
    async with store(kind, f"{valkey.url}/{OURS}") as opened:
        for seed in SEEDS:
            try:
                await play(Pair(peer, valkey, opened, **program(seed).options), seed)
            except AssertionError as error:
                error.add_note(f"program({seed}) of {kind}: {program(seed)}")
                raise


async def play(both: Pair, seed: int) -> None:
    """Have both sides take a program's requests, and a model with them."""
    model, after, options = Model(program(seed).options), 0.0, program(seed).options
    for request in program(seed).requests:
        after += request.wait
        if request.client == "rotate":
            both.make((f"{KEY}{len(both.keys)}", *both.keys), **options)
        both.carry(request.client)
        seen = model.request(request, after * 1000)
        answer = await both.do(*request.steps, after=after)
        assert (same(answer.seen), answer.error is None) == (same(seen), request.steps[-1:] != [["fail"]])


async def test_K12_a_session_goes_from_server_to_server(peer: Peer, valkey: Server) -> None:
    """One client, one store; each request goes to Koa or to either of ours."""
    url = f"{valkey.url}/{SHARED}"
    async with store("redis", url) as redis, store("plain", url) as plain:
        for seed in SEEDS:
            await wander(peer, valkey, [redis, plain], seed)


async def wander(peer: Peer, valkey: Server, stores: list[Any], seed: int) -> None:
    """Have a program's requests served by three servers, as dice will have it, and see that each sees what the model does."""
    made, keys, after, dice = program(seed), (KEY,), 0.0, random.Random(seed)
    jar, model = Side(valkey.port, SHARED).jar, Model(made.options)
    for index, request in enumerate(made.requests):
        after += request.wait
        if request.client == "rotate":
            keys = (f"{KEY}{index}", *keys)
        carry(jar, request.client, keys[0])
        sides = [Ours(keys=[*keys], store=each, **made.options) for each in stores]
        sides.append(Koa(peer, keys=[*keys], redis=[valkey.port, SHARED], **made.options))
        side = dice.choice(sides)
        side.browser.jar = jar
        answer = await side.do(*request.steps, now=NOW + after)
        seen = model.request(request, after * 1000)
        assert same(answer.seen) == same(seen), f"program({seed}), request {index} at {side}: {made}"


@pytest.mark.parametrize("first", ["koa", "ours"])
async def test_every_session_comes_out_of_the_store_as_it_went_in(peer: Peer, valkey: Server, first: str) -> None:
    async with store("redis", f"{valkey.url}/{SHARED}") as opened:
        jar = Side(valkey.port, SHARED).jar
        koa, ours = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED]), Ours(keys=[KEY], store=opened)
        koa.browser.jar = ours.browser.jar = jar
        one, other = (koa, ours) if first == "koa" else (ours, koa)
        for data in sessions(500):
            await one.do(["replace", data])

            read = await other.do(["see"])

            assert same(read.seen) == same([data])
            assert read.cookies == []


# When it is written.


@each_kind
async def test_K07_rolling_writes_cookie_and_record_of_every_request_touched_or_not(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, rolling=True, maxAge=HOUR_MS) as both:
        await both.do(["set", "n", 1])

        for after, steps in enumerate([[], [["see"]], []], start=1):
            answer = await both.do(*steps, after=after)
            [(_, text, _)] = both.compare()
            assert len(answer.cookies) == 2
            assert json.loads(text)["_expire"] == int(NOW + after) * 1000 + HOUR_MS


@each_kind
async def test_K07_rolling_never_writes_a_new_empty_session(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, rolling=True) as both:
        assert (await both.do(["see"])).cookies == []
        assert both.compare() == []


@each_kind
@pytest.mark.parametrize(("after", "written"), [(HOUR / 2, 0), (HOUR / 2 + 1, 2), (HOUR + 1, 0)])
async def test_K08_renew_writes_in_the_second_half_of_a_life_touched_or_not(peer, valkey, kind, after, written) -> None:
    async with pair(peer, valkey, kind, renew=True, maxAge=HOUR_MS) as both:
        await both.do(["set", "n", 1])

        assert len((await both.do(after=after)).cookies) == written


@each_kind
async def test_K04_without_autoCommit_a_commit_writes_the_record(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, autoCommit=False) as both:
        await both.do(["set", "n", 1])
        assert both.compare() == []

        await both.do(["set", "n", 1], ["commit"])
        assert len(both.compare()) == 1


# How long it lives.


@each_kind
@pytest.mark.parametrize(
    ("max_age", "ttl_ms"), [(None, DAY_MS + 10_000), (1500, 11_500), (HOUR_MS, HOUR_MS + 10_000), ("session", DAY_MS)]
)
async def test_K13_the_store_keeps_it_ten_seconds_longer_and_learns_of_session(peer, valkey, kind, max_age, ttl_ms) -> None:
    async with pair(peer, valkey, kind, **({"maxAge": max_age} if max_age else {})) as both:
        await both.do(["set", "n", 1])

        [(_, text, left_ms)] = both.compare()
        # koa-redis and ours round up to a second.
        assert ttl_ms - 5000 < left_ms < ttl_ms + 1000
        assert ("_session" in json.loads(text), "_expire" in json.loads(text)) == (max_age == "session", max_age != "session")


@each_kind
async def test_K36_a_record_keeps_the_lifetime_it_was_written_with(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, maxAge=HOUR_MS) as both:
        await both.do(["set", "n", 1])
        both.make(both.keys, maxAge=60_000)

        for steps in ([["see"], ["set", "n", 2]], [["replace", {"n": 3}]]):
            answer = await both.do(*steps, after=10)
            assert "expires=Tue, 24 Nov 2026 13:05:05 GMT" in answer.cookies[0]


# Its id.


@each_kind
@pytest.mark.parametrize("prefix", [None, "koa:sess:"])
async def test_K17_ids_are_random_UUIDs_behind_the_prefix_and_the_record_s_key(peer, valkey, kind, prefix) -> None:
    async with pair(peer, valkey, kind, **({"prefix": prefix} if prefix else {})) as both:
        await both.koa.do(["set", "n", 1])
        await both.ours.do(["set", "n", 1])

        for side in (both.theirs, both.mine):
            id = side.jar["koa.sess"]
            assert re.fullmatch((prefix or "") + UUID, id)
            assert side.client.keys() == [id.encode()]


@each_kind
async def test_K30_a_loaded_session_knows_its_id(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind) as both:
        await both.do(["set", "n", 1])

        for side in (both.koa, both.ours):
            assert (await side.do(["key"])).seen == [side.browser.jar["koa.sess"]]


@each_kind
async def test_K32_regenerate_moves_the_same_content_to_a_new_id(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, maxAge=HOUR_MS) as both:
        await both.do(["replace", {"b": 1, "a": [2]}])

        answer = await both.do(["regenerate"], after=1)

        assert answer.cookies[0].startswith("koa.sess=id 1; ")
        assert [name for name, _, _ in both.compare()] == ["id 1"]
        assert (await both.do(["see"])).seen == [{"b": 1, "a": [2]}]


@each_kind
@pytest.mark.parametrize("steps", [[["see"]], [["set", "n", 2]], [["save"]], [["regenerate"]], [["null"]], [["replace", {"n": 3}]]])
async def test_K47_an_unknown_id_is_never_used_again(peer, valkey, kind, steps) -> None:
    async with pair(peer, valkey, kind) as both:
        both.carry("unknown")
        fixed = both.mine.jar["koa.sess"]

        await both.do(*steps)

        assert both.theirs.client.exists(fixed) == both.mine.client.exists(fixed) == 0


@each_kind
@pytest.mark.filterwarnings("ignore:signed=False")
async def test_K47_an_unknown_id_is_never_used_again_unsigned_either(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, signed=False) as both:
        both.carry("unknown")

        await both.do(["set", "n", 1])

        assert both.theirs.jar["koa.sess"] != UNKNOWN != both.mine.jar["koa.sess"]


@each_kind
async def test_K24_null_removes_record_and_cookie(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind) as both:
        await both.do(["set", "n", 1])

        answer = await both.do(["null"])

        assert both.compare() == []
        assert all("expires=Thu, 01 Jan 1970 00:00:00 GMT" in line for line in answer.cookies)
        assert len((await both.do(["null"])).cookies) == 2


@each_kind
@pytest.mark.parametrize("steps", [[], [["see"]], [["set", "n", 2]]])
async def test_K48_a_bad_signature_is_removed_touched_or_not(peer, valkey, kind, steps) -> None:
    async with pair(peer, valkey, kind) as both:
        await both.do(["set", "n", 1])
        both.carry("forge")

        answer = await both.do(*steps)

        removal = "koa.sess.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"
        assert (removal in answer.cookies) == (["set", "n", 2] not in steps)


# When something fails.


@each_kind
async def test_K45_a_failing_application_s_session_is_saved_and_its_cookie_lost(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind) as both:
        answer = await both.do(["set", "n", 1], ["fail"])

        assert (answer.cookies, answer.error) == ([], "Internal Server Error")
        assert [name for name, _, _ in both.compare()] == [""]
