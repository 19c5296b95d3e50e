"""What the README shows is run, and what it lists is all that there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Session
from gingersnap.options import DEFAULTS
from tests.asgi import KEY, Browser

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def example(start: str) -> str:
    return next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if start in block)


async def test_the_first_example_counts_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_KEY", KEY)
    names: dict[str, Any] = {}
    exec(compile(example("async def count"), "README.md", "exec"), names)
    client = Browser(names["app"])
    assert [(await client.get()).body for _ in range(2)] == [b"1 views", b"2 views"]


async def test_the_second_example_answers_a_note_that_is_too_large() -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from gingersnap import CookieTooLarge, SessionMiddleware

    names: dict[str, Any] = {"CookieTooLarge": CookieTooLarge, "PlainTextResponse": PlainTextResponse}
    exec(compile(example("async def add_note"), "README.md", "exec"), names)
    routes = [Route("/", names["add_note"])]

    def client(**options: Any) -> Browser:
        return Browser(Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, keys=[KEY], **options)]))

    assert (await client().get()).body == b"noted"
    answer = await client(max_cookie_bytes=64).get()
    assert (answer.status, answer.cookies) == (413, [])


def test_every_option_has_its_row() -> None:
    table = README.split("## Options")[1].split("## Share")[0]
    rows = {name for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert rows == set(DEFAULTS)


def test_every_public_name_of_the_session_is_told() -> None:
    text = README.split("### The session")[1].split("## Options")[0]
    told = set(re.findall(r"`(?:await )?(\w+)", text))
    public = {name for name in vars(Session) if not name.startswith("_")}
    assert public - told <= {"clear", "mark_accessed"}


def test_no_placeholder_and_no_dead_link_is_left() -> None:
    root = Path(__file__).parent.parent
    for page in [*root.glob("*.md"), *root.glob("docs/*.md"), root / "benches" / "README.md"]:
        text = page.read_text("utf-8")
        assert "@@" not in text
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        assert [link for link in links if not (page.parent / link).exists()] == []
