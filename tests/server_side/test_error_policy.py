"""``on_store_error``: a word, or a function that is asked, whose own failure is never the request's."""

import logging
from typing import Any

import pytest

from gingersnap import SessionOptions, SessionUnavailable
from gingersnap.server_side.error_policy import error_policy
from gingersnap.stores import MemoryStore
from tests.asgi import KEY

SCOPE: dict[str, Any] = {"type": "http", "path": "/x"}
ERROR = SessionUnavailable("load")


async def policy(given: Any) -> str:
    return await error_policy(SessionOptions(keys=[KEY], store=MemoryStore(), on_store_error=given), ERROR, SCOPE)


@pytest.mark.parametrize("word", ["unavailable", "raise", "anonymous"])
async def test_a_word_is_the_policy_and_so_is_what_a_function_returns(word: Any) -> None:
    async def later(scope: Any, error: Any) -> Any:
        return word

    assert [await policy(word), await policy(lambda scope, error: word), await policy(later)] == [word] * 3


async def test_a_function_gets_the_scope_and_the_error() -> None:
    seen: list[Any] = []
    await policy(lambda scope, error: seen.append((scope, error)) or "raise")
    assert seen == [(SCOPE, ERROR)]


@pytest.mark.parametrize("answer", [None, True, "Raise", 503])
async def test_another_answer_stands_for_unavailable_and_is_logged(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert await policy(lambda scope, error: answer) == "unavailable"
    assert "neither" in caplog.text


async def test_a_function_that_raises_stands_for_unavailable_and_its_message_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(scope: Any, error: Any) -> Any:
        raise ValueError("redis://user:secret@host")

    with caplog.at_level(logging.ERROR):
        assert await policy(fail) == "unavailable"
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text
