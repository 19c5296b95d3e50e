"""The ASGI face."""

from tests.asgi import Sessions


async def test_session_survives_from_request_to_request() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(views=1, cart={"items": [1]}))
    assert await client.data() == {"views": 1, "cart": {"items": [1]}}


async def test_unchanged_session_sets_no_cookie() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(views=1))
    response = await client.do(lambda session: session["views"])
    assert response.cookies == []
