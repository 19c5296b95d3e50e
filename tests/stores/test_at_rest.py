"""What whoever reads a store's files or its server learns: no id that a client was ever given, and no signature."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.stores import store_contents
from tests.stores.shipped_stores import KINDS, Kind, kind_of
from tests.stores.test_guarantees import Site, play

# Names bear the ids of requirements as they are written.

CANARY = "what-the-session-says"
PIECE = 8
"""So many characters of an id are found nowhere by chance: 48 bits. Its first few are its key's hash tag on purpose."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Give each kind of store in turn."""
    return kind_of(request.param, request, tmp_path)


def pieces(secret: str) -> set[bytes]:
    """Give all of it, what it stands for, and what is left of it wherever a part was cut off."""
    octets = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    cut = {secret[at : at + PIECE].encode() for at in range(len(secret) - PIECE + 1)}
    return {secret.encode(), octets, octets.hex().encode(), secret.encode().hex().encode(), *cut}


@pytest.mark.parametrize("options", [{}, {"rolling": True, "absolute_age": 3600}], ids=["plain", "rolling"])
def test_S02_a_dump_tells_no_id_and_no_signature(kind: Kind, options: Any) -> None:
    async def use(store: Any) -> tuple[list[dict[str, str]], str, list[bytes]]:
        await store_contents.clear(kind)
        browser, jars, dumps, key = Site(store, **options).browser(), [], [], ""

        def note(session: Any) -> None:
            nonlocal key
            key = session.store_key
            assert session["says"] == CANARY

        for handler in (
            lambda s: s.update(says=CANARY),
            lambda s: s.update(n=[1]),
            lambda s: s.login("ada"),
            lambda s: s.touch(),
            lambda s: s.regenerate(),
            note,
        ):
            assert (await play(browser, handler)).status == 200
            jars.append(dict(browser.jar))
            dumps.append(await store_contents.dump(kind, store))
        return jars, key, dumps

    jars, key, dumps = kind.run(use)
    assert len({jar["koa.sess"] for jar in jars}) == 3
    # What is there is found: the data, and the key that the id was hashed to.
    assert CANARY.encode() in dumps[0]
    assert key.encode() in dumps[-1]
    secrets = set().union(*(pieces(value) for jar in jars for value in jar.values()))
    assert [found for found in secrets for dump in dumps if found in dump] == []


def test_S02_an_id_that_is_there_is_found(kind: Kind) -> None:
    """One that the application itself writes into its session: finding none says something."""

    async def use(store: Any) -> tuple[dict[str, str], bytes]:
        await store_contents.clear(kind)
        browser = Site(store).browser()
        await play(browser, lambda s: s.update(n=1))
        await play(browser, lambda s: s.update(own=s.external_key))
        return browser.jar, await store_contents.dump(kind, store)

    jar, dump = kind.run(use)
    found = {piece for piece in pieces(jar["koa.sess"]) if piece in dump}
    assert len(found) == len(jar["koa.sess"]) - PIECE + 2
