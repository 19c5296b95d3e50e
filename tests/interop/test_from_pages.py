"""The pages "from X to Gingersnap": what they show works, and their tables leave nothing out."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from http.cookiejar import CookieJar

import pytest

from gingersnap import Session
from gingersnap.config.options import DEFAULTS
from tests.asgi import KEY, OLD_KEY
from tests.interop.conftest import HERE, Node
from tests.interop.from_page_applications import Page, browsing, ours, theirs
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

Start = Callable[[str], str]

# Each page, and the store whose lines are played, or the applications as they stand.
PAIRS: list[tuple[str, str | None]] = [
    ("from-koa.md", None),
    ("from-koa.md", "koa-redis"),
    ("from-koa-generic.md", None),
    ("from-cookie-session.md", None),
    ("from-express.md", None),
    ("from-express.md", "connect-pg-simple"),
    ("from-express.md", "express-mysql-session"),
]
EACH = pytest.mark.parametrize(("name", "line"), PAIRS, ids=[f"{name[5:-3]} {line or ''}".strip() for name, line in PAIRS])
SERVERS = {"connect-pg-simple": "postgres", "express-mysql-session": "mariadb"}
# "With the other stores it is the same", says the page: what is to be read for its own.
INSTEAD = {
    "connect-pg-simple": {
        "import Accept": "import Accept\nfrom gingersnap.stores import PostgresStore",
        "RedisStore": "PostgresStore",
        "REDIS_URL": "DATABASE_URL",
        "connect-redis": "connect-pg-simple",
    },
    "express-mysql-session": {
        "import Accept": "import Accept\nfrom gingersnap.stores import SQLAlchemyStore",
        "RedisStore.from_url": "SQLAlchemyStore",
        'os.environ["REDIS_URL"]': 'os.environ["DATABASE_URL"].replace("mysql:", "mysql+asyncmy:")',
        "connect-redis": "express-mysql-session",
    },
}


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Give what makes a database of a server's, one for all tests, and tells its address as Node has it."""
    return cache(lambda server: request.getfixturevalue(server).create_database().replace("mysql+asyncmy:", "mysql:"))


@pytest.fixture(autouse=True)
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, valkey: Server, made: Callable[[str], str]) -> None:
    """Set what the applications read of their surroundings: keys, and where their store is."""
    monkeypatch.setenv("SESSION_KEY", OLD_KEY)
    monkeypatch.setenv("NEW_SESSION_KEY", KEY)
    valkey.ask("FLUSHALL")
    monkeypatch.setenv("REDIS_URL", valkey.url)
    line = request.node.callspec.params.get("line")
    if line in SERVERS:
        monkeypatch.setenv("DATABASE_URL", made(SERVERS[line]))


@pytest.fixture(scope="module")
def started(node: Node) -> Iterator[Start]:
    """Give what starts an application of theirs, once for all tests, and tells its address."""
    with ExitStack() as stack:
        yield cache(lambda code: stack.enter_context(theirs(node, code)))


@pytest.fixture
def jar() -> CookieJar:
    """Give the browser's cookies."""
    return CookieJar()


@EACH
def test_one_session_on_both_sides(started: Start, name: str, line: str | None, jar: CookieJar) -> None:
    page = Page(name)
    with browsing(started(page.theirs(line)), jar) as node_side, ours(page.ours(line), name, jar) as our_side:
        for one, other in ((node_side, our_side), (our_side, node_side)):
            assert one.post("/login", user="ada") == "welcome"
            assert other.get() == "hello, ada"
            assert other.post("/cart", item="apple") == ["apple"]
            assert one.post("/cart", item="pear") == ["apple", "pear"]
            assert other.post("/cart", item="fig") == ["apple", "pear", "fig"]
            assert one.get() == "hello, ada"
            assert other.post("/logout") == "bye"
            assert one.get() == other.get() == "hello, stranger"


@EACH
def test_sessions_outlive_the_preset(started: Start, name: str, line: str | None, jar: CookieJar) -> None:
    page = Page(name)
    with browsing(started(page.theirs(line)), jar) as before:
        before.post("/login", user="ada")
        before.post("/cart", item="apple")
        old = {(cookie.name, cookie.value) for cookie in jar}
        with ours(page.last(line, INSTEAD.get(line or "")), name, jar) as after:
            assert after.get() == "hello, ada"
            assert after.post("/cart", item="pear") == ["apple", "pear"]
            new = {(cookie.name, cookie.value) for cookie in jar}
            assert {name for name, _ in new} == {"koa.sess", "koa.sess.sig"}
            assert new.isdisjoint(old)
            after.post("/logout")
            # Neither side has anything left.
            assert after.get() == before.get() == "hello, stranger"


@pytest.mark.parametrize("name", ["from-express.md", "from-koa-generic.md"])
def test_a_login_moves_the_session_on_either_side(started: Start, name: str, jar: CookieJar) -> None:
    page = Page(name)
    with browsing(started(page.theirs()), jar) as node_side, ours(page.ours(), name, jar) as our_side:
        for one, other in ((node_side, our_side), (our_side, node_side)):
            assert one.post("/cart", item="apple") == ["apple"]
            planted = [*jar]
            one.post("/login", user="ada")
            assert {cookie.value for cookie in planted}.isdisjoint(cookie.value for cookie in jar)
            for cookie in planted:
                jar.set_cookie(cookie)
            assert [side.get() for side in (other, one)] == ["hello, stranger"] * 2
            assert other.post("/cart", item="pear") == ["pear"]
            other.post("/logout")


# What each of their packages says of its options.
OPTIONS = {
    "from-koa.md": ("koa-session/src/index.ts", r"^  (\w+): z\b"),
    "from-koa-generic.md": ("koa-generic-session/README.md", r"^ \* `(\w+)|^      (\w+): "),
    "from-cookie-session.md": ("cookie-session/README.md", r"^##### ([a-z]+)$|^  - `(\w+)`: "),
    "from-express.md": ("express-session/README.md", r"^##### ([\w.]+)$"),
}
PAGES = pytest.mark.parametrize("name", OPTIONS)


@PAGES
def test_every_option_of_theirs_has_its_row(node: Node, name: str) -> None:
    file, pattern = OPTIONS[name]
    found = re.findall(pattern, (HERE / "node_modules" / file).read_text("utf-8"), re.MULTILINE)
    rows = {re.findall(r"`([\w.]+)`", row[0])[0].removeprefix("cookie.") for row in Page(name).rows("Options")}
    options = {"".join(groups).removeprefix("cookie.") for groups in found}
    assert len(options) >= 14
    assert options <= rows


@PAGES
def test_ours_are_options_and_members_of_a_session(name: str) -> None:
    options = {word for row in Page(name).rows("Options") for word in re.findall(r"`(\w+)`", row[1])}
    assert options <= {*DEFAULTS}
    calls = " ".join(row[1] for row in Page(name).rows("Calls"))
    members = {*re.findall(r"\bsession\.(\w+)", calls), *re.findall(r"`\.(\w+)", calls)}
    assert len(members) >= 6
    assert {word for word in members if not hasattr(Session, word)} <= {"secure"}
