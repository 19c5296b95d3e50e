"""The pages "from X to Gingersnap": what they show works, and their tables leave nothing out."""

import re
from http.cookiejar import CookieJar

import pytest

from gingersnap import Session
from gingersnap.options import DEFAULTS
from tests.asgi import KEY, OLD_KEY
from tests.interop.conftest import HERE, Node
from tests.interop.pages import Page, ours, theirs
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

# Each page; the store whose lines are played, or the applications as they stand; which of its last lines takes over from there.
PAIRS: list[tuple[str, str | None, int | None]] = [
    ("from-koa.md", None, 0),
    ("from-koa.md", "koa-redis", 1),
    ("from-koa-generic.md", None, 0),
    ("from-cookie-session.md", None, 0),
    ("from-express.md", None, 0),
    ("from-express.md", "connect-pg-simple", None),
    ("from-express.md", "express-mysql-session", None),
]
SERVERS = {"connect-pg-simple": "postgres", "express-mysql-session": "mariadb"}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, valkey: Server) -> None:
    """Set what the applications read of their surroundings: keys, and a database that holds nothing."""
    monkeypatch.setenv("SESSION_KEY", OLD_KEY)
    monkeypatch.setenv("NEW_SESSION_KEY", KEY)
    valkey.ask("FLUSHALL")
    monkeypatch.setenv("REDIS_URL", valkey.url)


@pytest.fixture
def jar() -> CookieJar:
    """Give the browser's cookies."""
    return CookieJar()


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an empty database where the lines want one."""
    if request.param is not None:
        server = request.getfixturevalue(request.param)
        # asyncmy is our driver's name, not Node's.
        monkeypatch.setenv("DATABASE_URL", server.create_database().replace("mysql+asyncmy:", "mysql:"))


@pytest.mark.parametrize(
    ("name", "line", "database"),
    [(name, line, SERVERS.get(line or "")) for name, line, _ in PAIRS],
    ids=[f"{name[5:-3]} {line or ''}".strip() for name, line, _ in PAIRS],
    indirect=["database"],
)
@pytest.mark.usefixtures("database")
def test_one_session_on_both_sides(node: Node, name: str, line: str | None, jar: CookieJar) -> None:
    page = Page(name)
    with theirs(node, page.theirs(line), jar) as node_side, ours(page.ours(line), name, jar) as our_side:
        for one, other in ((node_side, our_side), (our_side, node_side)):
            assert one.post("/login", user="ada") == "welcome"
            assert other.get() == "hello, ada"
            assert other.post("/cart", item="apple") == ["apple"]
            assert one.post("/cart", item="pear") == ["apple", "pear"]
            assert other.post("/cart", item="fig") == ["apple", "pear", "fig"]
            assert one.get() == "hello, ada"
            assert other.post("/logout") == "bye"
            assert one.get() == other.get() == "hello, stranger"


LASTS = [pair for pair in PAIRS if pair[2] is not None]


@pytest.mark.parametrize(("name", "line", "number"), LASTS, ids=[f"{name[5:-3]} {line or ''}".strip() for name, line, _ in LASTS])
def test_sessions_outlive_the_preset(node: Node, name: str, line: str | None, number: int, jar: CookieJar) -> None:
    page = Page(name)
    with theirs(node, page.theirs(line), jar) as before:
        before.post("/login", user="ada")
        before.post("/cart", item="apple")
        old = {(cookie.name, cookie.value) for cookie in jar}
        with ours(page.last(number), name, jar) as after:
            assert after.get() == "hello, ada"
            assert after.post("/cart", item="pear") == ["apple", "pear"]
            new = {(cookie.name, cookie.value) for cookie in jar}
            assert {name for name, _ in new} == {"koa.sess", "koa.sess.sig"}
            assert new.isdisjoint(old)
            after.post("/logout")
            # Neither side has anything left.
            assert after.get() == before.get() == "hello, stranger"


@pytest.mark.parametrize("name", ["from-express.md", "from-koa-generic.md"])
def test_a_login_moves_the_session_on_either_side(node: Node, name: str, jar: CookieJar) -> None:
    page = Page(name)
    with theirs(node, page.theirs(), jar) as node_side, ours(page.ours(), name, jar) as our_side:
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
