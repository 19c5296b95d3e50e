"""A session that was emptied and given a new id, and filled again by another request meanwhile: it has the new id alone."""

from pathlib import Path
from typing import Any

import pytest

from gingersnap import Session
from tests.asgi import Sessions
from tests.stores.shipped_stores import KINDS, kind_of


class Plain:
    """A store as koa-session's are."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    def get(self, key: str, max_age: Any, **_: Any) -> Any:
        return self.sessions.get(key)

    def set(self, key: str, session: Any, max_age: Any, **_: Any) -> None:
        self.sessions[key] = session

    def destroy(self, key: str, **_: Any) -> None:
        self.sessions.pop(key, None)


async def check_refilled(store: Any) -> None:
    client, other, events = Sessions(store=store), Sessions(store=store), list[str]()
    await client.do(lambda session: session.update(user=1))
    former = {**client.jar}
    mine = Sessions(store=store, listeners={"regenerated": lambda event: events.append(event.name)})
    mine.jar.update(former)

    async def handler(session: Session) -> None:
        del session["user"]
        session.regenerate()
        other.jar.update(former)
        await other.do(lambda session: session.update(views=1))

    response = await mine.do(handler)
    assert response.status == 200
    assert mine.jar != former
    assert await mine.data() == {"views": 1}
    assert await client.data() == {}
    assert events == ["regenerated"]


@pytest.mark.parametrize("name", KINDS)
def test_a_session_filled_again_meanwhile_gets_the_new_id_that_was_asked_for(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kind_of(name, request, tmp_path).run(check_refilled)


async def test_a_session_filled_again_meanwhile_gets_the_new_id_in_a_plain_store() -> None:
    await check_refilled(Plain())


async def test_an_emptied_session_that_no_other_request_writes_ends_though_a_new_id_was_asked_for() -> None:
    client = Sessions(store=Plain())
    await client.do(lambda session: session.update(user=1))
    former = {**client.jar}

    def handler(session: Session) -> None:
        del session["user"]
        session.regenerate()

    await client.do(handler)
    client.jar.update(former)
    assert await client.data() == {}
