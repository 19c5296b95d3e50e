"""KeyValueStore over stores of py-key-value-aio: in memory, in files, and on real servers."""

import logging
from contextlib import asynccontextmanager

import pytest
from key_value.aio.stores.redis import RedisStore
from key_value.aio.stores.simple import SimpleStore

from gingersnap import stores
from gingersnap.errors import ConfigError
from gingersnap.stores import Conflict, Gone, KeyValueStore, Record, Saved, Taken
from gingersnap.stores import key_locks as turns
from gingersnap.testing import StoreContract
from gingersnap.testing.races import Races
from gingersnap.testing.suite import LONG, kept, made, new_key, new_keys

# py-key-value-aio says so of the stores that it may change.
pytestmark = pytest.mark.filterwarnings("ignore:A configured store is unstable")


class Contract(StoreContract):
    atomic = False
    has_owners = False


class TestOverSimpleStore(Contract):
    @asynccontextmanager
    async def store(self):
        yield KeyValueStore(SimpleStore())


class TestOverMemoryStore(Contract):
    @asynccontextmanager
    async def store(self):
        pytest.importorskip("cachetools")
        from key_value.aio.stores.memory import MemoryStore

        yield KeyValueStore(MemoryStore())


# A read of that store that is cancelled leaves its file to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning")
class TestOverFiles(Contract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        pytest.importorskip("aiofile")
        self.folder = tmp_path

    @asynccontextmanager
    async def store(self):
        from key_value.aio.stores.filetree import FileTreeStore

        yield KeyValueStore(FileTreeStore(data_directory=self.folder))


class TestOverValkey(Contract):
    @pytest.fixture(autouse=True)
    def _server(self, valkey):
        self.url = valkey.url

    @asynccontextmanager
    async def store(self):
        async with RedisStore(url=self.url) as backend:
            yield KeyValueStore(backend, collection=new_key())


class TestOverPostgreSQL(Contract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres):
        self.address = postgres.create_database()

    @asynccontextmanager
    async def store(self):
        from key_value.aio.stores.postgresql import PostgreSQLStore

        async with PostgreSQLStore(url=self.address) as backend:
            yield KeyValueStore(backend)


class TestWithinOneProcess(Races):
    """What several processes may break holds within one, over a server, and from two stores alike."""

    @pytest.fixture(autouse=True)
    def _server(self, valkey):
        self.url, self.collection = valkey.url, new_key()

    @asynccontextmanager
    async def store(self):
        async with RedisStore(url=self.url) as backend:
            yield KeyValueStore(backend, collection=self.collection)

    def other(self, store):
        return self.store()


async def test_S02_the_backend_never_sees_a_key(valkey):
    key, collection = new_key(), new_key()
    async with RedisStore(url=valkey.url) as backend:
        await made(KeyValueStore(backend, collection=collection), key)
        [name] = await backend.keys(collection)
    assert len(name) == 64
    assert key not in name


async def test_the_backend_removes_what_has_expired_and_not_before(valkey):
    async with RedisStore(url=valkey.url) as backend:
        collection = new_key()
        await made(KeyValueStore(backend, collection=collection), new_key(), ttl_ms=LONG)
        [name] = await backend.keys(collection)
        _, ttl = await backend.ttl(name, collection=collection)
    assert LONG / 1000 < ttl <= LONG / 1000 + 2


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"value": "e30=", "version": "v", "ttl_ms": 1},
        {"value": "%", "version": "v", "ttl_ms": 1, "end_ms": 10**15},
        {"value": "é", "version": "v", "ttl_ms": 1, "end_ms": 10**15},
    ],
)
async def test_an_entry_that_cannot_be_read_is_a_record_without_a_value(data):
    backend, key, other = SimpleStore(), *new_keys(2)
    store = KeyValueStore(backend)
    await made(store, key)
    [name] = [name.partition("::")[2] for name in backend._data]
    await backend.put(name, data, collection="gingersnap")
    for roll in (False, True):
        assert await store.load(key, roll=roll) == Record(b"", "", None)
    assert not await store.create(key, b"{}", LONG)
    assert isinstance(await store.replace(key, b"{}", LONG, version="v"), Conflict)
    assert isinstance(await store.move(key, other, b"{}", LONG, version="v"), Conflict)
    assert await store.touch(key, LONG)
    assert await backend.get(name, collection="gingersnap") == data
    assert await store.destroy(key)
    assert await store.load(key) is None


async def test_text_that_the_backend_cannot_read_is_a_record_without_a_value():
    backend, key = SimpleStore(), new_key()
    store = KeyValueStore(backend)
    await made(store, key)
    [entry] = backend._data.values()
    entry.json_str = "{"
    assert await store.load(key) == Record(b"", "", None)


async def test_S06_the_end_that_was_written_counts_not_the_backend_s(clock):
    store, key = KeyValueStore(SimpleStore(), clock=clock), new_key()
    record = await made(store, key, ttl_ms=1000)
    clock.now += 0.999
    assert await store.load(key) == Record(b"{}", record.version, 1)
    clock.now += 0.001
    assert await store.load(key) is None
    assert await store.replace(key, b"{}", LONG, version=record.version) == Gone()


class Refusing(SimpleStore):
    """A real store whose ``delete`` can be made to fail once."""

    failures = 0

    async def delete(self, key, *, collection=None):
        if self.failures:
            self.failures -= 1
            raise OSError
        return await super().delete(key, collection=collection)


async def test_a_move_whose_old_entry_stays_leaves_no_new_one():
    backend = Refusing()
    store = KeyValueStore(backend)
    old, new = new_keys(2)
    record = await made(store, old)
    backend.failures = 1
    with pytest.raises(OSError):  # noqa: PT011
        await store.move(old, new, b"[]", LONG, version=record.version)
    await kept(store, old, b"{}", "a move that failed leaves the old key")
    assert await store.load(new) is None
    assert isinstance(await store.move(old, new, b"[]", LONG, version=record.version), Saved)


async def test_a_session_cannot_move_to_where_it_is():
    store, key = KeyValueStore(SimpleStore()), new_key()
    record = await made(store, key)
    assert await store.move(key, key, b"[]", LONG, version=record.version) == Taken()
    await kept(store, key, b"{}", "nothing was written")


def test_it_says_once_that_it_cannot_compare_and_swap(caplog, monkeypatch):
    monkeypatch.setattr(turns, "_warned", set())
    with caplog.at_level(logging.WARNING, "gingersnap"):
        for _ in range(2):
            KeyValueStore(SimpleStore())
    [message] = caplog.messages
    assert message.startswith("the session store SimpleStore cannot compare and swap")


@pytest.mark.parametrize("given", [{"store": {}}, {"store": stores.MemoryStore()}, {"store": SimpleStore, "collection": ""}])
def test_what_cannot_be_used_is_refused(given):
    store = given["store"]
    with pytest.raises(ConfigError, match="give a"):
        KeyValueStore(**given | {"store": store() if store is SimpleStore else store})
