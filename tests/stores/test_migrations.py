"""``gingersnap migrate`` between real servers, in every layout that can tell what it holds."""

import asyncio
import random
import string
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gingersnap.migration import masked, open_store
from gingersnap.migration.cli import main
from gingersnap.stores import RedisStore
from tests.asgi import Clock, Sessions
from tests.stores.servers.valkey import free_port

NUMBER = 300
"""More than one batch of keys."""
LONG = 3_600_000


@dataclass(frozen=True)
class Place:
    """Where sessions are, as the command names it, and what of Redis it must not see."""

    url: str
    layout: str | None = None
    prefix: str | None = None

    def open(self) -> Any:
        return aclosing(open_store(self.url, self.layout, None, self.prefix))

    def words(self, side: str) -> list[str]:
        given = [(f"--{side}-layout", self.layout), (f"--{side}-prefix", self.prefix)]
        return [word for option, value in given if value is not None for word in (option, value)]


def place(name: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    """Give an empty place of that name."""
    kind, _, layout = name.partition(" ")
    prefix = f"{folder.name}[*]{name}:"
    match kind:
        case "sqlite":
            return Place(f"sqlite:///{folder / 'sessions.sqlite3'}")
        case "valkey" | "redis7":
            return Place(request.getfixturevalue(kind).url, layout or None, prefix)
        case "postgres" | "mariadb":
            return Place(request.getfixturevalue(kind).create_database(), layout or None)
    raise AssertionError(name)


OURS = ["sqlite", "valkey", "redis7", "postgres", "mariadb"]
NODES = ["valkey connect-redis", "valkey koa-redis", "postgres connect-pg-simple", "mariadb express-mysql-session"]


@pytest.mark.parametrize("move", [False, True], ids=["copied", "moved"])
@pytest.mark.parametrize(
    ("source", "target"),
    [*zip(OURS, [*OURS[1:], OURS[0]], strict=True), *zip(NODES, [*NODES[1:], NODES[0]], strict=True)],
    ids=lambda name: name.replace(" ", "-"),
)
def test_every_session_arrives(
    source: str, target: str, move: bool, request: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = place(source, request, tmp_path), place(target, request, tmp_path)
    owned = source in OURS

    async def fill() -> None:
        async with here.open() as store:
            for start in range(0, NUMBER, 50):
                await asyncio.gather(
                    *(
                        store.create(
                            f"id{number}", b'{"n":%d,"_owner":"ann"}' % number, LONG, **({"owner": "ann"} if owned else {})
                        )
                        for number in range(start, start + 50)
                    )
                )

    async def look() -> tuple[dict[str, bytes], list[Any], int]:
        async with there.open() as store:
            records = {f"id{number}": await store.load(f"id{number}") for number in range(NUMBER)}
            ends = [record.ttl_ms for record in records.values()]
            return {key: record.value for key, record in records.items()}, ends, len(await store.sessions_of("ann")) if owned else 0

    async def left() -> int:
        async with here.open() as store:
            return sum([await store.load(f"id{number}") is not None for number in range(NUMBER)])

    asyncio.run(fill())
    words = [*here.words("from"), *there.words("to"), "--batch", "70", *["--move"] * move]
    assert main(["migrate", here.url, there.url, *words]) == 0
    assert f"{NUMBER}  copied" in capsys.readouterr().out
    values, ends, owned_by_ann = asyncio.run(look())
    assert values == {f"id{number}": b'{"n":%d,"_owner":"ann"}' % number for number in range(NUMBER)}
    assert all(LONG - 600_000 < end <= LONG + 1_000 for end in ends)
    assert owned_by_ann == (NUMBER if owned else 0)
    assert asyncio.run(left()) == (0 if move else NUMBER)


def test_express_s_sessions_go_on_in_another_store(request: Any, tmp_path: Path) -> None:
    here, there = place("valkey connect-redis", request, tmp_path), place("postgres connect-pg-simple", request, tmp_path)
    jars: list[dict[str, str]] = []

    async def before() -> None:
        async with here.open() as store:
            for number in range(5):
                client = Sessions(preset="express", store=store, clock=Clock())
                await client.do(lambda s, number=number: s.update(n=number))
                jars.append(client.jar)

    async def after() -> list[Any]:
        async with there.open() as store:
            client = Sessions(preset="express", store=store, clock=Clock())
            seen = []
            for jar in jars:
                client.browser.jar = jar
                seen.append(await client.data())
            return seen

    asyncio.run(before())
    assert main(["migrate", here.url, there.url, *here.words("from"), *there.words("to")]) == 0
    assert asyncio.run(after()) == [{"n": number} for number in range(5)]


# --- What a server of Redis holds beside sessions, and what servers refuse.


def migrate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["migrate", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def base(valkey: Any, tmp_path: Path) -> str:
    """Give what the keys of one test begin with; the server is shared."""
    return f"{tmp_path.name}:"


def put(valkey: Any, *keys: str | bytes, value: str = '{"u":1}') -> None:
    for key in keys:
        valkey.ask("SET", key, value, "EX", 1000)


BOTH = ["--from-layout", "connect-redis", "--to-layout", "connect-redis"]


@pytest.mark.parametrize("dry", [True, False])
def test_nothing_is_pruned_where_every_key_may_be_somebody_s(dry: bool, valkey: Any, base: str, capsys: Any) -> None:
    put(valkey, f"{base}sess:a", f"{base}config")
    words = ["--from-layout", "connect-redis", "--from-prefix", f"{base}sess:", "--to-layout", "koa-redis", "--prune"]
    code, _, err = migrate(capsys, f"{valkey.url}/0", f"{valkey.url}/0", *words, *["--dry-run"] * dry)
    assert (code, err[:56]) == (2, "gingersnap: prune: the prefix of the target is empty, so")
    assert valkey.ask("EXISTS", f"{base}sess:a", f"{base}config") == 2
    words = ["--from-layout", "koa-redis", "--to-layout", "connect-redis", "--move"]
    code, _, err = migrate(capsys, f"{valkey.url}/0", f"{valkey.url}/1", *words, *["--dry-run"] * dry)
    assert (code, err[:55]) == (2, "gingersnap: move: the prefix of the source is empty, so")


@pytest.mark.parametrize("option", ["--prune", "--move"])
@pytest.mark.parametrize(("before", "after"), [("a:", "a:b:"), ("a:b:", "a:"), ("a:", "a:")])
def test_nothing_is_removed_where_one_prefix_contains_the_other(
    before: str, after: str, option: str, valkey: Any, base: str, capsys: Any
) -> None:
    put(valkey, f"{base}a:x", f"{base}a:b:y", f"{base}a:c:z")
    words = [*BOTH, "--from-prefix", base + before, "--to-prefix", base + after, option]
    # Another name of the same server.
    code, _, err = migrate(capsys, f"{valkey.url}/0", valkey.url.replace("127.0.0.1", "localhost"), *words)
    assert (code, err[:54]) == (2, "gingersnap: target: one prefix contains the other, and")
    assert valkey.ask("EXISTS", f"{base}a:x", f"{base}a:b:y", f"{base}a:c:z") == 3
    assert migrate(capsys, f"{valkey.url}/0", f"{valkey.url}/1", *words)[0] == 0


@pytest.mark.parametrize("layout", ["connect-redis", None])
def test_copies_are_not_copied(layout: str | None, valkey: Any, base: str, capsys: Any) -> None:
    put(valkey, f"{base}x")
    words = [
        "--from-layout",
        "koa-redis",
        "--from-prefix",
        base,
        "--to-prefix",
        f"{base}new:",
        *["--to-layout", layout or "native"],
    ]
    code, _, err = migrate(capsys, valkey.url, valkey.url, *words)
    # A hash is no string, so in our own layout the copies are not listed.
    assert (code, err[:56]) == ((2, "gingersnap: target: its prefix begins with the source's,") if layout else (0, ""))
    assert migrate(capsys, valkey.url, f"{valkey.url}/1", *words)[0] == 0


async def test_a_replica_is_the_same_place(lone_valkey: Any, replica: Any) -> None:
    async with aclosing(RedisStore(lone_valkey.url)) as one, aclosing(RedisStore(replica.url)) as other:
        assert await one.overlaps(other)
        assert await one.overlaps(one)
        async with aclosing(RedisStore(replica.url + "/1")) as another, aclosing(RedisStore(replica.url, prefix="p:")) as apart:
            assert not await one.overlaps(another)
            assert not await one.overlaps(apart)


def test_nothing_is_pruned_by_a_source_that_was_mistyped(valkey: Any, base: str, capsys: Any) -> None:
    put(valkey, f"{base}sess:a", f"{base}new:b")
    words = [*BOTH, "--from-prefix", f"{base}ses:", "--to-prefix", f"{base}new:", "--prune"]
    code, _, err = migrate(capsys, valkey.url, valkey.url, *words)
    assert (code, err[:47]) == (2, "gingersnap: prune: the source holds no session,")
    assert valkey.ask("EXISTS", f"{base}new:b") == 1


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_source_s_table_is_not_made(kind: str, request: Any, tmp_path: Path, capsys: Any) -> None:
    server = request.getfixturevalue(kind)
    url = server.create_database()
    assert migrate(capsys, url, f"sqlite:///{tmp_path / 'target'}", "--from-table", "mistyped")[0] == 1
    assert "mistyped" not in server.run("SELECT table_name FROM information_schema.tables", url)


def test_keys_that_are_not_ascii_are_counted_and_named(valkey: Any, base: str, tmp_path: Path, capsys: Any) -> None:
    put(valkey, f"{base}good", f"{base}\u00e9", base.encode() + b"\xff")
    words = ["--from-layout", "koa-redis", "--from-prefix", base, "--show-keys"]
    code, out, _ = migrate(capsys, valkey.url, f"sqlite:///{tmp_path / 'target'}", *words)
    assert (code, "1  copied" in out, "2  unreadable" in out) == (0, True, True)
    assert {line for line in out.splitlines() if line.startswith("unreadable:")} == {
        "unreadable: \\xe9",
        "unreadable: \\udcff",
    }


def test_a_record_that_was_kept_for_good_is_kept_for_400_days(valkey: Any, base: str, tmp_path: Path, capsys: Any) -> None:
    valkey.ask("SET", f"{base}a", '{"u":1}')
    there = Place(f"sqlite:///{tmp_path / 'target'}")

    async def left() -> int:
        async with there.open() as store:
            return int((await store.load("a")).ttl_ms)

    assert migrate(capsys, valkey.url, there.url, "--from-layout", "connect-redis", "--from-prefix", base)[0] == 0
    assert 399 < asyncio.run(left()) / 86_400_000 <= 400


# Not to be compressed: PostgreSQL would hold a longer one then.
LONG_KEY = "".join(random.Random(1).choices(string.ascii_letters, k=9_000))


@pytest.mark.parametrize("move", [False, True], ids=["copied", "moved"])
@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("mariadb express-mysql-session", "x" * 150),
        ("mariadb", "x" * 350),
        ("postgres", "a\0b"),
        ("postgres", LONG_KEY),
        ("postgres connect-pg-simple", "a\0b"),
        ("postgres connect-pg-simple", LONG_KEY),
    ],
    ids=["express-mysql-long", "mariadb-long", "postgres-nul", "postgres-long", "pg-simple-nul", "pg-simple-long"],
)
def test_what_a_server_refuses_is_named_and_the_rest_arrives(
    target: str, key: str, move: bool, request: Any, base: str, tmp_path: Path, capsys: Any
) -> None:
    valkey, there = request.getfixturevalue("valkey"), place(target, request, tmp_path)
    put(valkey, *(f"{base}good{number}" for number in range(40)), base + key)
    words = ["--from-layout", "koa-redis", "--from-prefix", base, *there.words("to"), *["--move"] * move]
    code, out, err = migrate(capsys, valkey.url, there.url, *words)
    assert (code, err) == (0, "")
    assert ("40  copied" in out, "1  refused by the target" in out) == (True, True)
    assert f"refused: {masked(key)}" in out
    assert valkey.ask("EXISTS", base + key) == 1


@pytest.mark.parametrize("move", [False, True], ids=["copied", "moved"])
def test_a_target_that_is_down_stops_it(move: bool, valkey: Any, base: str, capsys: Any) -> None:
    put(valkey, f"{base}a")
    words = ["--from-layout", "connect-redis", "--from-prefix", base, *["--move"] * move]
    code, out, _ = migrate(capsys, valkey.url, f"redis://127.0.0.1:{free_port()}", *words)
    assert (code, "refused" in out) == (1, False)
    assert valkey.ask("EXISTS", f"{base}a") == 1


async def test_redis_cannot_count_what_is_its_own(valkey: Any) -> None:
    async with aclosing(RedisStore(valkey.url)) as store:
        assert await store.count() is None
