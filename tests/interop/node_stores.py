"""The real stores of Node and ours over the same records, on real servers."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gingersnap.stores import PostgresStore, RedisStore, SQLAlchemyStore
from tests.stores.servers.mariadb import MariaDB
from tests.stores.servers.postgres import Postgres
from tests.stores.servers.valkey import Server

HERE = Path(__file__).parent
LAYOUTS = ("connect-redis", "koa-redis", "connect-pg-simple", "express-mysql-session")

LIFE_MS = 3_600_000
DATA = {"n": 1, "f": 1.5, "s": 'é🍪\u2028 \x00 " \\ \ud800', "deep": {"b": [None, True, {}], "a": []}, "__proto__x": ""}
COOKIE = b'{"originalMaxAge":3600000,"expires":"2026-11-24T12:05:05.000Z","httpOnly":true,"path":"/"}'
OURS = b'{"cookie":' + COOKIE + ',"s":"é🍪\u2028","odd":"\\u0000 \\ud800","n":1.0}'.encode()


class NodeError(Exception):
    """What a store of Node's answered in place of an answer."""


class Node:
    """A running node_stores.mjs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **call: Any) -> Any:
        """Make one call."""
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["value"]


@contextmanager
def running(node: list[str]) -> Iterator[Node]:
    """Run it."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*node, "node_stores.mjs"], cwd=HERE, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        try:
            yield Node(process)
        finally:
            # The end of its input is the end of it.
            process.stdin.close()
            process.wait(timeout=10)


@dataclass(frozen=True)
class Place:
    """One layout on one server: what each side calls a session, and what the server itself says of it."""

    layout: str
    node: Node
    server: Any
    address: str

    def ask(self, call: str, id: str, data: Any = None, max_age: int | None = None) -> Any:
        """Have Node make a call; ``max_age`` in milliseconds."""
        given = {"data": data, "maxAge": max_age} if call in ("set", "touch") else {}
        return self.node.ask(store=self.layout, at=self.address, call=call, sid=self.key(id), **given)

    def key(self, id: str) -> str:
        """Give what either side's middleware asks its store for: that of koa-generic-session has a prefix of its own."""
        return f"koa:sess:{id}" if self.layout == "koa-redis" else id

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Any]:
        """Open our store, with the layout's defaults."""
        made: Any
        if isinstance(self.server, Server):
            made = RedisStore(self.address, layout=self.layout)
        elif isinstance(self.server, Postgres):
            made = PostgresStore(self.address, layout=self.layout)
        else:
            made = SQLAlchemyStore(self.address, layout=self.layout)
        try:
            yield made
        finally:
            await made.aclose()

    def rows(self) -> dict[str, tuple[bytes, float]]:
        """Read what is there: the octets under each key, and how many seconds each has."""
        if isinstance(self.server, Server):
            keys: Any = self.server.ask("KEYS", "*")
            return {key.decode(): (self.server.ask("GET", key), self.server.ask("PTTL", key) / 1000) for key in keys}
        if isinstance(self.server, MariaDB):
            sql = "SELECT session_id, HEX(data), expires - UNIX_TIMESTAMP(SYSDATE(6)) FROM sessions"
            found = [row.split("\t") for row in self.server.run(sql, self.address).splitlines()]
        else:
            left = "extract(epoch FROM expire::timestamptz - clock_timestamp())"
            sql = f"SELECT sid, encode(convert_to(sess::text, 'UTF8'), 'hex'), {left} FROM session"
            found = [row.split("|") for row in self.server.run(sql, self.address).splitlines()]
        return {key: (bytes.fromhex(value), float(seconds)) for key, value, seconds in found}

    def table(self) -> str:
        """Read what the server says of the table."""
        if isinstance(self.server, MariaDB):
            return str(self.server.run("SHOW CREATE TABLE sessions", self.address))
        columns = "column_name, data_type, datetime_precision, is_nullable, collation_name, ordinal_position"
        return str(
            self.server.run(
                f"SELECT {columns} FROM information_schema.columns WHERE table_name = 'session' ORDER BY ordinal_position;"
                "SELECT indexdef FROM pg_indexes WHERE tablename = 'session' ORDER BY 1;"
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'session'::regclass ORDER BY 1",
                self.address,
            )
        )
