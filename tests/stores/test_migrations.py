"""``gingersnap migrate`` between real servers, in every layout that can tell what it holds."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gingersnap.cli import main, open_store
from tests.asgi import Clock, Sessions

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


@pytest.mark.parametrize(
    ("source", "target"),
    [*zip(OURS, [*OURS[1:], OURS[0]], strict=True), *zip(NODES, [*NODES[1:], NODES[0]], strict=True)],
    ids=lambda name: name.replace(" ", "-"),
)
def test_every_session_arrives(source: str, target: str, request: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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

    asyncio.run(fill())
    assert main(["migrate", here.url, there.url, *here.words("from"), *there.words("to"), "--batch", "70"]) == 0
    assert f"{NUMBER}  copied" in capsys.readouterr().out
    values, ends, owned_by_ann = asyncio.run(look())
    assert values == {f"id{number}": b'{"n":%d,"_owner":"ann"}' % number for number in range(NUMBER)}
    assert all(LONG - 600_000 < end <= LONG + 1_000 for end in ends)
    assert owned_by_ann == (NUMBER if owned else 0)


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
