"""examples/strangler, through its proxy alone: one login for the real Express and the real FastAPI, over a real Valkey."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from examples.strangler.proxy import create_proxy
from tests.interop.conftest import HERE as INTEROP
from tests.interop.conftest import Node, node  # noqa: F401 (a fixture)

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "strangler"

pytestmark = pytest.mark.interop


class Side(NamedTuple):
    """Where one of the applications does what."""

    name: str
    page: str
    login: str
    logout: str


EXPRESS = Side("Express", "/", "/login", "/logout")
FASTAPI = Side("FastAPI", "/account", "/api/login", "/api/logout")
SIDES = pytest.mark.parametrize(("here", "there"), [(EXPRESS, FASTAPI), (FASTAPI, EXPRESS)], ids=["express", "fastapi"])


class Seen(NamedTuple):
    """What a page says."""

    user: str
    express: int
    fastapi: int


class Demonstration(NamedTuple):
    """A running serve.py: the address in front, and those behind."""

    process: subprocess.Popen[str]
    front: str
    express: str
    fastapi: str


@contextmanager
def served(found: Node, folder: Path) -> Iterator[Demonstration]:
    """Run a copy of the example that has the interop tests' packages: the same, as their locks say."""
    place = folder / "strangler"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    (place / "node_modules").symlink_to(INTEROP / "node_modules")
    path = f"{Path(found.node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environ = {**os.environ, "PATH": path, "PORT": "0", "REDIS_URL": "", "SESSION_KEY": ""}
    command, pipe = [sys.executable, str(place / "serve.py")], subprocess.PIPE
    # In a group of its own, as a terminal would have it: what Ctrl-C reaches is all of them.
    with _children_heed_ctrl_c():
        process = subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    with process:
        try:
            told = process.stdout.readline()
            addresses = re.findall(r"http://127\.0\.0\.1:\d+", told)
            assert len(addresses) == 3, told + process.stderr.read()
            yield Demonstration(process, *addresses)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise


@contextmanager
def _children_heed_ctrl_c() -> Iterator[None]:
    """Start children with SIGINT at its default: a shell ignores it for what it runs in the background, and they would too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def demonstration(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:  # noqa: F811
    """Give one for all tests."""
    with served(node, tmp_path_factory.mktemp("strangler")) as running:
        yield running


@pytest.fixture
def browser(demonstration: Demonstration) -> Iterator[httpx.Client]:
    """Give a browser with a jar of its own."""
    with httpx.Client(base_url=demonstration.front, follow_redirects=True) as client:
        yield client


def read(response: httpx.Response, side: Side) -> Seen:
    """Read a page that this side has to have served."""
    assert response.status_code == 200
    assert f"<h1>{side.name}</h1>" in response.text
    found = re.search(r"Hello, (.*)\. Pages for you by Express: (\d+), by FastAPI: (\d+)\.", response.text)
    assert found is not None, response.text
    return Seen(found[1], int(found[2]), int(found[3]))


def visit(browser: httpx.Client, side: Side) -> Seen:
    return read(browser.get(side.page), side)


def login(browser: httpx.Client, side: Side, user: str = "ann") -> Seen:
    """Log in; what the page says that one is led to."""
    return read(browser.post(side.login, data={"user": user}), side)


def users(browser: httpx.Client) -> list[str]:
    """Say who Express thinks it is, and who FastAPI."""
    return [visit(browser, EXPRESS).user, visit(browser, FASTAPI).user]


@SIDES
def test_E03_who_logs_in_at_one_side_is_logged_in_at_the_other(browser: httpx.Client, here: Side, there: Side) -> None:
    assert visit(browser, there).user == "stranger"

    assert login(browser, here).user == "ann"

    assert visit(browser, there).user == "ann"
    assert [cookie.name for cookie in browser.cookies.jar] == ["connect.sid"]


@SIDES
def test_E34_each_side_sees_what_the_other_counted(browser: httpx.Client, here: Side, there: Side) -> None:
    login(browser, here)  # leads to a page: the first

    for _ in range(2):
        visit(browser, there)
    visit(browser, here)

    assert visit(browser, there)[1:] == ((2, 3) if here is EXPRESS else (3, 2))


@SIDES
def test_E28_who_logs_out_at_one_side_is_a_stranger_at_both(browser: httpx.Client, here: Side, there: Side) -> None:
    login(browser, there)
    cookie = browser.cookies["connect.sid"]

    assert read(browser.post(here.logout), here).user == "stranger"

    assert users(browser) == ["stranger", "stranger"]
    browser.cookies = httpx.Cookies({"connect.sid": cookie})
    assert users(browser) == ["stranger", "stranger"]


@SIDES
def test_E27_a_login_gets_another_id_and_the_old_one_is_dead(browser: httpx.Client, here: Side, there: Side) -> None:
    login(browser, there, "mallory")
    planted = browser.cookies["connect.sid"]

    assert login(browser, here).user == "ann"

    assert browser.cookies["connect.sid"] != planted
    # What mallory's session held is not ann's.
    assert visit(browser, here)[1:] == ((2, 0) if here is EXPRESS else (0, 2))
    browser.cookies = httpx.Cookies({"connect.sid": planted})
    assert users(browser) == ["stranger", "stranger"]


@SIDES
def test_E13_a_stranger_gets_no_cookie(browser: httpx.Client, here: Side, there: Side) -> None:
    assert "set-cookie" not in browser.get(here.page).headers


async def test_E14_parallel_requests_to_both_sides_keep_the_session(demonstration: Demonstration) -> None:
    paths = [path for side in (EXPRESS, FASTAPI) for path in (side.page, f"{side.login}/nothing-is-here")]
    async with httpx.AsyncClient(base_url=demonstration.front, follow_redirects=True) as browser:
        await browser.post(EXPRESS.login, data={"user": "ann"})
        cookie = browser.cookies["connect.sid"]

        for _ in range(5):
            answers = await asyncio.gather(*(browser.get(path) for path in paths * 4))

            for path, answer in zip(paths * 4, answers, strict=True):
                # Where others write all the time, FastAPI's save may be given up, and says so; nobody is logged out.
                given_up = path == FASTAPI.page and answer.status_code == 503 and "retry-after" in answer.headers
                assert given_up or answer.cookies["connect.sid"] == cookie
                assert given_up or "nothing" in path or "Hello, ann." in answer.text
            for side in (EXPRESS, FASTAPI):
                assert read(await browser.get(side.page), side).user == "ann"


@SIDES
def test_E14_a_response_that_changes_nothing_prolongs_the_cookie_too(browser: httpx.Client, here: Side, there: Side) -> None:
    login(browser, there)
    cookie = browser.cookies["connect.sid"]

    answer = browser.get(f"{here.login}/nothing-is-here")

    assert (answer.status_code, answer.cookies["connect.sid"]) == (404, cookie)


@SIDES
async def test_E09_only_over_https_is_the_cookie_secure(demonstration: Demonstration, here: Side, there: Side) -> None:
    proxy = create_proxy(demonstration.express, demonstration.fastapi)
    async with proxy.router.lifespan_context(proxy):
        for scheme in ("https", "http"):
            base = f"{scheme}://shop.test"
            async with httpx.AsyncClient(transport=httpx.ASGITransport(proxy), base_url=base) as browser:
                # What a client says of itself is not passed on.
                answer = await browser.post(here.login, data={"user": "ann"}, headers={"x-forwarded-proto": "https"})
                assert ("; Secure" in answer.headers["set-cookie"]) == (scheme == "https")

                answer = await browser.get(there.page)
                assert read(answer, there).user == "ann"
                assert ("; Secure" in answer.headers["set-cookie"]) == (scheme == "https")


@SIDES
def test_the_proxy_keeps_no_cookie_of_anybody(browser: httpx.Client, here: Side, there: Side) -> None:
    login(browser, here)

    with httpx.Client(base_url=browser.base_url) as other:
        assert users(other) == ["stranger", "stranger"]


def test_a_name_is_shown_as_text(browser: httpx.Client) -> None:
    login(browser, EXPRESS, "<i>'&\"")

    assert ["<i>" in browser.get(side.page).text for side in (EXPRESS, FASTAPI)] == [False, False]


def test_ctrl_c_stops_all_of_it(node: Node, tmp_path: Path) -> None:  # noqa: F811
    with served(node, tmp_path) as running:
        os.killpg(running.process.pid, signal.SIGINT)
        _, errors = running.process.communicate(timeout=30)

        assert (running.process.returncode, errors) == (0, "")
        for address in (running.front, running.express, running.fastapi):
            with pytest.raises(httpx.ConnectError):
                httpx.get(address)


def test_U01_the_example_locks_what_the_interop_tests_run() -> None:
    ours, theirs = (json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"] for folder in (EXAMPLE, INTEROP))
    del ours[""]
    assert ours
    assert {name: package for name, package in ours.items() if theirs.get(name) != package} == {}


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("app.mjs", ["secret: process.env.SESSION_KEY", "new RedisStore({ client })", "resave: false", "saveUninitialized: false"]),
        (
            "app.py",
            ['preset="express"', 'keys=[os.environ["SESSION_KEY"]]', 'layout="connect-redis"', "resave=False", "allow_empty=False"],
        ),
    ],
)
def test_the_readme_shows_what_the_example_does(file: str, options: list[str]) -> None:
    shown = (ROOT / "README.md").read_text("utf-8").split("## Share sessions with Express\n")[1].split("\n## ")[0]
    run = (EXAMPLE / file).read_text("utf-8")
    assert [option for option in options if option not in shown or option not in run] == []
