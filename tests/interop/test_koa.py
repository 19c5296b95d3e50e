"""Sessions go both ways between koa-session and us, and come out as they went in."""

import base64

import pytest

from gingersnap import ReservedKeyError
from tests.asgi import KEY
from tests.interop.node_and_ours import Answer, Koa, Ours, Peer
from tests.interop.sessions import same, sessions

pytestmark = pytest.mark.interop

COUNT = 1000


def payload(value: str) -> bytes:
    """Decode a cookie's value."""
    return base64.b64decode(value, validate=True)


async def test_what_koa_writes_is_read_equal_and_unchanged(peer: Peer) -> None:
    koa, ours = Koa(peer, keys=[KEY]), Ours(keys=[KEY])
    for data in sessions(COUNT):
        await koa.do(["replace", data])

        read = await ours.read(koa.browser.header())

        assert same(read.seen) == same([data])
        assert read.cookies == []


async def test_what_is_written_here_koa_reads_equal_and_unchanged(peer: Peer) -> None:
    koa, ours = Koa(peer, keys=[KEY]), Ours(keys=[KEY])
    for data in sessions(COUNT):
        await ours.do(["replace", data])

        read = await koa.read(ours.browser.header())

        assert same(read.seen) == same([data])
        assert read.cookies == []


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
async def test_W01_both_sign_alike_with_every_algorithm_of_both(both, algorithm: str) -> None:
    pair = both(algorithm=algorithm)

    first = await pair.do(["set", "user", "Zoë"])
    second = await pair.do(["see"])

    assert len(first.cookies) == 2
    assert second.seen == [{"user": "Zoë"}]


async def test_a_session_goes_back_and_forth(peer: Peer) -> None:
    """One browser at an application half of which is Koa's and half ours."""
    koa, ours = Koa(peer, keys=[KEY], maxAge=3_600_000), Ours(keys=[KEY], maxAge=3_600_000)
    ours.browser.jar = koa.browser.jar
    await koa.do(["replace", {"trail": []}])
    for turn in range(20):
        await (koa, ours)[turn % 2].do(["push", ["trail"], {"turn": turn, "by": "🍪"}])

    seen = (await koa.do(["see"])).seen

    assert seen == [{"trail": [{"turn": turn, "by": "🍪"} for turn in range(20)]}]


@pytest.mark.parametrize(("written", "wire"), [(2.0, "2.0"), (1e20, "100000000000000000000.0"), (-0.0, "-0.0")])
async def test_whole_floats_keep_their_point_here_and_are_the_same_numbers_there(peer: Peer, written: float, wire: str) -> None:
    # not koa: JavaScript has one type of number; a float that came back as an int would be a change of the session.
    ours = Ours(keys=[KEY])
    await ours.do(["set", "v", written])

    read = await Koa(peer, keys=[KEY]).read(ours.browser.header())

    assert f'"v":{wire},'.encode() in payload(ours.browser.jar["koa.sess"])
    assert read.seen == [{"v": written}]


@pytest.mark.parametrize("name", ["_requireSave", "__proto__", "isNew"])
async def test_K34_names_that_koa_session_loses_are_refused_here(peer: Peer, name: str) -> None:
    koa, ours = Koa(peer, keys=[KEY]), Ours(keys=[KEY])
    await koa.do(["set", "kept", 1], ["set", name, 0])

    assert (await koa.do(["see"])).seen == [{"kept": 1}]
    with pytest.raises(ReservedKeyError):
        await ours.do(["set", "kept", 1], ["set", name, 0])


# What Authlib's Starlette client, Flask-like flash messages and others call theirs.
FRAMEWORKS = {
    "_state_google_8J2bXk": {"data": {"nonce": "x"}, "exp": 1795525495.5},
    "_flashes": [["info", "Saved"]],
    "_user_id": "7",
}


async def test_K34_other_keys_with_an_underscore_are_kept_here_until_koa_writes(peer: Peer) -> None:
    koa, ours = Koa(peer, keys=[KEY]), Ours(keys=[KEY])
    await ours.do(["set", "kept", 1], *(["set", name, value] for name, value in FRAMEWORKS.items()))
    assert (await ours.do(["set", "kept", 2], ["see"])).seen == [{"kept": 2, **FRAMEWORKS}]
    koa.browser.jar = ours.browser.jar
    # Koa does not show them, and leaves the cookie as it is while nothing else changes.
    assert await koa.do(["see"]) == Answer([], [{"kept": 2}])
    assert (await ours.do(["see"])).seen == [{"kept": 2, **FRAMEWORKS}]
    await koa.do(["set", "kept", 3])
    assert (await ours.do(["see"])).seen == [{"kept": 3}]
