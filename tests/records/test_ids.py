"""Ids: how they look, how random they are, which are believed, and the keys that stand for them in a store."""

# Names bear the ids of requirements as they are written.

import hashlib
import itertools
import re
from collections import Counter
from typing import Any

import pytest

from gingersnap import HeaderKey, SessionError, SessionOptions
from gingersnap._core import Keygrip
from gingersnap.records.ids import Ids, fingerprint
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Sessions, run
from tests.doubles import RecordingStore

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def ids_of(**given: Any) -> Ids:
    return Ids(SessionOptions(keys=[KEY], store=MemoryStore(), **given))


async def many(ids: Ids, count: int, old: str | None = None) -> list[str]:
    return [await ids.new({}, old) for _ in range(count)]


async def test_L01_an_id_is_43_characters_of_base64url() -> None:
    made = await many(ids_of(), 1_000)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", id) for id in made)


def chi_square(letters: list[str], alphabet: str) -> float:
    """Tell how far a sample is from an even one."""
    expected = len(letters) / len(alphabet)
    seen = Counter(letters)
    assert set(seen) <= set(alphabet)
    return sum((seen[letter] - expected) ** 2 / expected for letter in alphabet)


async def test_L01_a_hundred_thousand_ids_are_even_in_every_place() -> None:
    made = await many(ids_of(), 100_000)
    assert len(set(made)) == len(made)
    # The last letter has the last 4 of 256 bits: 16 letters are to be had there. The mean of a chi-square is its degrees of
    # freedom, here 63 and 15; a fair source passes these bounds in less than one run of 10^9.
    places = [(chi_square([id[place] for id in made], ALPHABET), 180.0) for place in range(42)]
    places.append((chi_square([id[42] for id in made], ALPHABET[::4]), 85.0))
    assert [(place, found) for place, (found, most) in enumerate(places) if found > most] == []


async def test_L01_neighbouring_ids_share_nothing() -> None:
    made = await many(ids_of(), 10_000)
    same = sum(a == b for one, two in itertools.pairwise(made) for a, b in zip(one[:42], two[:42], strict=True))
    # Of 419,958 pairs of letters one in 64 is equal; the bounds are 8 standard deviations away.
    assert abs(same - 9_999 * 42 / 64) < 8 * 81


WRONG_SHAPES = [
    *("", "a", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+", "a" * 42 + "/", "a" * 42 + " ", " " + "a" * 42),
    *(
        "a" * 42 + "\n",
        "a" * 43 + "\n",
        "a" * 42 + "é",
        "\uff41" * 43,
        "a" * 42 + "\0",
        "../" + "a" * 40,
        "{aaaa}" + "a" * 43,
        "é" * 43,
    ),
    *("\u0660" * 43, "a" * 42 + "\u017f", "a" * 43 + "." + "a" * 43, "sess:" + "a" * 43, "a" * 100_000),
]


@pytest.mark.parametrize("value", WRONG_SHAPES, ids=lambda item: ascii(item)[:24])
def test_L01_no_other_shape_is_an_id(value: str) -> None:
    assert not ids_of().is_id(value)
    assert not ids_of(prefix="p:").is_id("p:" + value)


@pytest.mark.parametrize("value", ["ATTACKERCHOSEN", *WRONG_SHAPES[1:]])
@pytest.mark.parametrize("way", ["signed", "header"])
async def test_L01_other_shapes_never_reach_the_store(value: str, way: str) -> None:
    store = RecordingStore()
    client = Sessions(store=store, **({"external_key": HeaderKey("x-session")} if way == "header" else {}))
    octets = value.encode("utf-8")
    if way == "header":
        headers = [(b"x-session", octets)]
    else:
        # Whoever has the key can sign anything: the shape is asked for all the same.
        digest = Keygrip([KEY.encode()], "sha256").sign(b"koa.sess=" + octets).encode()
        headers = [(b"cookie", b"koa.sess=" + octets + b"; koa.sess.sig=" + digest)]
    response = await client.browser.get(headers=headers)
    assert (response.status, store.keys_asked, len(store)) == (200, [], 0)


async def test_ids_of_our_own_are_believed() -> None:
    for given in ({}, {"prefix": "app:"}, {"preset": "koa"}, {"preset": "koa", "prefix": "app:"}):
        ids = ids_of(**given)
        for id in await many(ids, 100):
            assert ids.is_id(id)
            assert ids.is_id(await ids.new({}, id))


async def test_L03_a_moved_session_keeps_its_hash_tag_and_nothing_else() -> None:
    for prefix in ("", "app:"):
        ids = ids_of(prefix=prefix)
        [old] = await many(ids, 1)
        news = await many(ids, 200, old)
        tag = old[: len(prefix) + 4]
        assert {id[: len(tag)] for id in news} == {tag}
        assert {ids.key(id)[:6] for id in [old, *news]} == {f"{{{old[len(prefix) :][:4]}}}"}
        assert len({id[len(tag) :] for id in [old, *news]}) == 201
        # 234 bits stay unknown: every other place varies.
        assert all(len({id[place] for id in news}) > 10 for place in range(len(tag), len(tag) + 38))


async def test_L03_regenerating_again_and_again_keeps_the_tag() -> None:
    store = MemoryStore()
    client = Sessions(store=store)
    await client.do(lambda s: s.update(n=1))
    seen = {client.jar["koa.sess"]}
    for _ in range(20):
        await client.do(lambda s: s.regenerate())
        seen.add(client.jar["koa.sess"])
    assert len(seen) == 21
    assert len({id[:4] for id in seen}) == 1
    [key] = store._entries
    assert key == f"{{{client.jar['koa.sess'][:4]}}}{hashlib.sha256(client.jar['koa.sess'].encode()).hexdigest()}"


async def test_S02_a_key_is_the_sha256_of_the_id_behind_its_tag() -> None:
    ids = ids_of(prefix="app:")
    [id] = await many(ids, 1)
    assert ids.key(id) == f"{{{id[4:8]}}}{hashlib.sha256(id.encode()).hexdigest()}"
    assert fingerprint(id) == hashlib.sha256(id.encode()).hexdigest()


def test_a_key_is_what_a_store_takes() -> None:
    # Printable ASCII of 1 to 300 characters without blanks.
    longest = [(ids_of(prefix="p" * 64), "p" * 64 + "a" * 43), (ids_of(genid=lambda scope: ""), "!" * 256)]
    longest.append((ids_of(preset="koa"), "!" * 256))
    for ids, id in longest:
        assert ids.is_id(id)
        assert re.fullmatch(r"[!-~]{1,300}", ids.key(id))


def test_S02_an_id_of_genid_is_hashed_and_has_no_tag() -> None:
    ids = ids_of(genid=lambda scope: "ada-1")
    assert ids.key("ada-1") == hashlib.sha256(b"ada-1").hexdigest()


async def later(scope: Any) -> str:
    return f"id-of-{scope['path']}"


@pytest.mark.parametrize("genid", [later, lambda scope: f"id-of-{scope['path']}"], ids=["async", "sync"])
async def test_K17_genid_makes_the_id_from_the_scope(genid: Any) -> None:
    client = Sessions(store=MemoryStore(), genid=genid)
    await client.do(lambda s: s.update(n=1), path="/a")
    assert client.jar["koa.sess"] == "id-of-/a"
    assert await client.data() == {"n": 1}
    await client.do(lambda s: s.regenerate(), path="/b")
    assert client.jar["koa.sess"] == "id-of-/b"
    assert await client.data() == {"n": 1}


@pytest.mark.parametrize(
    "made", [None, 5, b"bytes", "", "a b", "a;b", 'a"b', "a,b", "a\\b", "a\r\nx: y", "é", "\u017f", "a" * 257, True]
)
@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_genid_that_makes_no_id_is_told_so_and_nothing_is_stored(made: Any, how: str) -> None:
    async def async_genid(scope: Any) -> Any:
        return made

    store = MemoryStore()
    client = Sessions(store=store, genid=async_genid if how == "async" else lambda scope: made)
    with pytest.raises(TypeError, match=r"^genid: its \w+ is no id; return 1 to 256 characters") as caught:
        await client.do(lambda s: s.update(n=1))
    assert (len(store), client.jar) == (0, {})
    assert type(made).__name__ in str(caught.value)


async def test_a_genid_that_fails_is_the_applications_own_failure() -> None:
    client = Sessions(store=MemoryStore(), genid=lambda scope: {}["no"])
    with pytest.raises(KeyError, match="no"):
        await client.do(lambda s: s.update(n=1))
    # It was no failure of the store: that one still works.
    assert (await client.do(lambda s: s.get("n"))).status == 200


@pytest.mark.parametrize("store", ["memory", "plain"])
async def test_S03_a_genid_that_repeats_itself_is_refused(store: str) -> None:
    from tests.stores.test_plain import Koa

    options = {"store": MemoryStore() if store == "memory" else Koa(), "genid": lambda scope: "same"}
    first, second = Sessions(**options), Sessions(**options)
    await first.do(lambda s: s.update(n=1))
    with pytest.raises(SessionError, match="genid must not repeat itself"):
        await second.do(lambda s: s.update(n=2))
    assert (await first.data(), second.jar) == ({"n": 1}, {})
    with pytest.raises(SessionError, match="genid must not repeat itself"):
        await first.do(lambda s: s.regenerate())


async def test_K17_a_prefix_goes_before_the_id_and_is_asked_for() -> None:
    store = RecordingStore()
    client = Sessions(store=store, prefix="app:")
    await client.do(lambda s: s.update(n=1))
    assert re.fullmatch(r"app:[A-Za-z0-9_-]{43}", client.jar["koa.sess"])
    assert await client.data() == {"n": 1}
    other = Sessions(store=store, prefix="other:")
    other.jar.update(client.jar)
    store.keys_asked.clear()
    assert (await other.data(), store.keys_asked) == ({}, [])


def test_a_prefix_is_no_pattern() -> None:
    ids = ids_of(prefix="a.b:")
    assert ids.is_id("a.b:" + "x" * 43)
    assert not ids.is_id("axb:" + "x" * 43)


UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


async def test_K17_under_koa_an_id_is_a_uuid_and_its_own_key() -> None:
    ids = ids_of(preset="koa", prefix="koa:")
    [id] = await many(ids, 1)
    assert re.fullmatch("koa:" + UUID, id)
    assert ids.key(id) == id
    # It keeps nothing of the one before.
    assert len({new[: len("koa:") + 4] for new in await many(ids, 200, id)}) > 100


async def test_K17_under_koa_ids_of_other_makers_are_asked_for() -> None:
    store = RecordingStore()
    client = Sessions(store=store, preset="koa")
    digest = Keygrip([KEY.encode()], "sha1").sign(b"koa.sess=somebody's-own.id:1").encode()
    await client.browser.get(headers=[(b"cookie", b"koa.sess=somebody's-own.id:1; koa.sess.sig=" + digest)])
    assert store.keys_asked == ["somebody's-own.id:1"]


def test_L01_no_id_costs_more_than_a_look() -> None:
    # A pattern that could be slow would be so here.
    assert not ids_of().is_id("a" * 10_000_000)
    assert not ids_of(preset="koa").is_id("a" * 10_000_000)
    assert run(many(ids_of(), 1))
