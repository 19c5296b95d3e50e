"""N-04 over the layouts of Node's stores: their versions are the texts themselves, and one is as good."""

from contextlib import aclosing
from typing import Any

import pytest

from gingersnap.stores import PostgresStore, RedisStore, SQLAlchemyStore
from tests.stores.test_histories import hold

PLACES: dict[str, tuple[str, Any]] = {
    "connect-redis": ("valkey", lambda server: (RedisStore, server.url)),
    "connect-pg-simple": ("postgres", lambda server: (PostgresStore, server.create_database())),
    "express-mysql-session": ("mariadb", lambda server: (SQLAlchemyStore, server.create_database())),
}


@pytest.mark.parametrize("layout", PLACES)
async def test_N04_a_layout_of_node_answers_as_one_after_the_other(request: pytest.FixtureRequest, layout: str) -> None:
    server, at = PLACES[layout]
    make, address = at(request.getfixturevalue(server))
    async with aclosing(make(address, layout=layout)) as one, aclosing(make(address, layout=layout)) as two:
        await hold(layout, one, two)
