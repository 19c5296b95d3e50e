"""The store of the page "write your own store" keeps the contract; each test of the contract catches a store that does not."""

import asyncio
import subprocess
import sys
import types
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gingersnap.stores import MemoryStore
from gingersnap.testing import StoreContract
from tests.stores.broken import BROKEN, Broken
from tests.stores.broken.calls import ReplaceIsAnUpsert
from tests.stores.broken.races import LooksAndWritesLater
from tests.stores.own_store_page import MappingStore, names

TestMappingStore, TestShelf = names["TestMappingStore"], names["TestShelf"]

TESTS = [name for name in dir(StoreContract) if name.startswith("test_")]


class TestS01MemoryStore(StoreContract):
    has_owners = True

    @asynccontextmanager
    async def store(self):
        yield MemoryStore()


class Held(StoreContract):
    """The contract of a store that is made as it is told, as long as others run it: a broken one has to be caught."""

    races = 100

    def __init__(self, make: Any) -> None:
        self.make = make

    @asynccontextmanager
    async def store(self):
        yield self.make()

    @asynccontextmanager
    async def read_only(self, store):
        rows, store.rows = store.rows, types.MappingProxyType(store.rows)
        yield
        store.rows = rows


def named(part: str) -> str:
    [name] = [name for name in TESTS if part in name]
    return name


@pytest.mark.parametrize(
    ("store", "test"),
    [(store, named(part)) for store, parts in BROKEN for part in parts],
    ids=lambda case: getattr(case, "__name__", case),
)
def test_S01_a_store_that_breaks_a_promise_is_told(store: type, test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(Held(store), test)()


def test_S01_each_test_of_the_contract_catches_a_broken_store() -> None:
    assert {named(part) for _, parts in BROKEN for part in parts} == set(TESTS)


def test_a_failure_says_what_was_promised_and_what_came() -> None:
    with pytest.raises(AssertionError, match=r"^replace of what never was: expected Gone; got Saved\(\)$"):
        Held(ReplaceIsAnUpsert).test_replace_never_creates()


class Locked(Broken):
    """Right as long as nobody else has another one over the same rows."""

    def __init__(self, rows: dict[str, Any]) -> None:
        super().__init__(rows)
        self.lock = asyncio.Lock()

    async def replace(self, key, value, ttl_ms, *, version):
        async with self.lock:
            refused = self._refused(key, version)
            await asyncio.sleep(0)
            return refused or self._put(key, value, ttl_ms)


class HeldLocked(StoreContract):
    @asynccontextmanager
    async def store(self):
        yield Locked({})


class HeldWithAnother(HeldLocked):
    @asynccontextmanager
    async def other(self, store):
        yield Locked(store.rows)


def test_a_lock_inside_of_a_store_does_not_help_against_another_one() -> None:
    HeldLocked().test_N02_no_write_is_lost()
    with pytest.raises(AssertionError, match="each write that answered Saved is there"):
        HeldWithAnother().test_N02_no_write_is_lost()


def test_an_index_of_owners_that_was_promised_is_not_skipped() -> None:
    contract = Held(lambda: MappingStore({}))
    with pytest.raises(pytest.skip.Exception):
        contract.test_L10_any_string_can_be_an_owner()
    contract.has_owners = True
    with pytest.raises(AssertionError, match="sessions_of and destroy_all"):
        contract.test_L10_any_string_can_be_an_owner()


def test_a_store_that_is_not_atomic_is_not_raced() -> None:
    contract = Held(type("Said", (LooksAndWritesLater,), {"atomic": False}))
    contract.atomic = False
    contract.test_what_a_store_says_of_itself_can_be_used()
    with pytest.raises(pytest.skip.Exception):
        contract.test_N02_no_write_is_lost()


def test_a_contract_without_a_store_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match=r"StoreContract\.store\(\) is to give"):
        StoreContract().test_replace_never_creates()


def test_pytest_is_loaded_by_who_tests_alone() -> None:
    code = "import sys, gingersnap.stores; from gingersnap.stores import MemoryStore; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
