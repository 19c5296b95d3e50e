"""What the README shows is run, and what it lists is all that there is."""

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Session
from gingersnap.config.options import DEFAULTS
from tests.asgi import KEY, OLD_KEY, Browser, Sessions

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def example(start: str) -> str:
    return next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if start in block)


async def test_the_first_example_counts_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_KEY", KEY)
    names: dict[str, Any] = {}
    exec(compile(example("async def count"), "README.md", "exec"), names)
    client = Browser(names["app"])
    assert [(await client.get()).body for _ in range(2)] == [b"1 views", b"2 views"]


def test_the_lines_that_run_the_first_example_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(example("async def count"), "utf-8")
    [lines] = re.findall(r"\n\n((?: {4}[^\n]+\n)+)", README.split("Saved as `app.py`")[1].split("\n\nThe first line")[0] + "\n")
    assert lines.rstrip().endswith("uvicorn app:app")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    script = lines.rstrip().replace("uvicorn", "exec uvicorn") + " --port 0"
    with subprocess.Popen(["/bin/sh", "-c", script], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            url = next(found[1] for line in server.stderr if (found := re.search(r"running on (http://[\d.:]+)", line)))
            with urllib.request.urlopen(url) as response:
                assert response.read() == b"1 views"
        finally:
            server.terminate()


def test_prepared_options_fail_where_they_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.applications import Starlette

    from gingersnap import ConfigError, SessionMiddleware

    app = Starlette()
    names: dict[str, Any] = {"os": os, "app": app}
    code = compile(example("options = SessionOptions("), "README.md", "exec")
    monkeypatch.setenv("SESSION_KEY", KEY)
    exec(code, names)
    assert app.build_middleware_stack() is not None
    late = Starlette()
    late.add_middleware(SessionMiddleware, keys=[])
    with pytest.raises(ConfigError, match=r"^keys: "):
        late.build_middleware_stack()
    monkeypatch.setenv("SESSION_KEY", "")
    with pytest.raises(ConfigError, match=r"^keys: "):
        exec(code, names)


@pytest.mark.parametrize(
    ("before", "after", "shared"),
    [([OLD_KEY], [OLD_KEY, KEY], True), ([OLD_KEY, KEY], [KEY, OLD_KEY], True), ([OLD_KEY], [KEY, OLD_KEY], False)],
    ids=["first", "then", "at once"],
)
async def test_X05_servers_whose_keys_change_one_after_the_other_share_sessions_in_two_steps(
    before: list[str], after: list[str], shared: bool
) -> None:
    servers = [Sessions(keys=keys) for keys in (before, after)]
    await servers[0].do(lambda s: s.update(n=1))
    for one, other in ((0, 1), (1, 0)):
        servers[other].jar.update(servers[one].jar)
        seen = await servers[other].data()
    assert seen == ({"n": 1} if shared else {})


async def test_a_stored_session_over_64_kib_is_too_large() -> None:
    from gingersnap import SessionTooLarge
    from gingersnap.stores import MemoryStore

    client = Sessions(store=MemoryStore())
    await client.do(lambda s: s.update(text="x" * 65_000))
    with pytest.raises(SessionTooLarge, match=r"largest keys are text .*; keep ids in the session and the data itself elsewhere$"):
        await client.do(lambda s: s.update(text="x" * 65_536))


def test_the_example_beside_express_makes_a_middleware_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.applications import Starlette

    from gingersnap import SessionMiddleware

    monkeypatch.setenv("SESSION_KEY", KEY)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1/0")
    app = Starlette()
    exec(
        compile(example("RedisStore.from_url"), "README.md", "exec"), {"os": os, "app": app, "SessionMiddleware": SessionMiddleware}
    )
    assert app.build_middleware_stack() is not None


async def test_the_second_example_answers_a_note_that_is_too_large() -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from gingersnap import SessionMiddleware

    names: dict[str, Any] = {"PlainTextResponse": PlainTextResponse}
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
