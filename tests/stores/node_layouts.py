"""The contract of a store that keeps Node's records: what their layout has no room for is left out, all else holds."""

from typing import Any

import pytest

from gingersnap.stores.store import Record
from gingersnap.testing import StoreContract
from gingersnap.testing.suite import LONG, absent, answered, kept, made, new_key, same, text, with_store

NO_LIFETIME = "a record of Node's does not tell what lifetime it was given: the layer above touches it"

JSON = [
    b"{}",
    b'{"a":1,"a":2, "b" : [ 1.0,1e3,-0 ]}',
    '{"name":"Zo\u00eb \U0001f36a \u2028","odd":"\\u0000 \\ud800 \\\\ \'; --"}'.encode(),
    b'{"blob":"' + b"x" * (66 * 1024) + b'"}',
]


class NodeContract(StoreContract):
    """The contract of a layout without owners and without the lifetime given."""

    has_owners = False

    @pytest.mark.skip(NO_LIFETIME)
    def test_a_rolling_load_starts_the_lifetime_again(self) -> None: ...


class NodeTableContract(NodeContract):
    """The contract of one whose values are text of JSON as well, and whose keys are no longer than ``longest``."""

    longest = 300

    @with_store
    async def test_any_octets_come_back_as_they_were(self, store: Any) -> None:
        """Any JSON, that is, letter by letter."""
        for value in JSON:
            key = new_key()
            record = await made(store, key, value)
            rolled = answered(await store.load(key, roll=True), Record, "load(roll=True) of a live record")
            same((rolled.value, rolled.version), (value, record.version), "a rolling load answers with the same data and version")
            saved = await store.replace(key, b'{"n":1}', LONG, version=record.version)
            await store.replace(key, value, LONG, version=saved.version)
            await kept(store, key, value, "load answers with the octets that replace was given")

    @with_store
    async def test_keys_differ_by_a_single_character_or_its_case(self, store: Any) -> None:
        keys = ["a", "A", "b", "k_1", "k%1", "kx1", "k*1", *("k" * (self.longest - 1) + end for end in ("", "a", "A", "b"))]
        for index, key in enumerate(keys):
            same(await store.create(key, text(n=index), LONG), True, f"{key!r} is a key of its own: create makes a record")
        for index, key in enumerate(keys):
            await kept(store, key, text(n=index), f"{key!r} is a key of its own, with its own record")
        for key in keys:
            same(await store.destroy(key), True, f"{key!r} is a key of its own: destroy removes its record and no other")
            await absent(store, key, f"destroy({key!r}) removes the record")
