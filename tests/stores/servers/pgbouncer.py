"""A real PgBouncer, from PATH, before a PostgreSQL: in transaction mode, with a few connections to it."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.stores.servers.postgres import USER, Postgres
from tests.stores.servers.valkey import free_port

SETTINGS = """\
[databases]
* = user=postgres host={host} port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextmanager
def running(server: Postgres, *, mode: str = "transaction", size: int = 5) -> Iterator[int]:
    """Run it, and give its port."""
    binary = (
        shutil.which("pgbouncer")
        or shutil.which("pgbouncer", path="/usr/sbin")
        or missing("PgBouncer", "apt-get install pgbouncer")
    )
    # Not below pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="gingersnap-pgbouncer-") as name:
        folder, port = Path(name), free_port()
        (folder / "users").write_text('"postgres" ""\n')
        settings = {"host": server.host, "server": server.port, "port": port, "folder": folder, "mode": mode, "size": size}
        (folder / "settings").write_text(SETTINGS.format(**settings))
        if USER is not None:
            folder.chmod(0o755)
            shutil.chown(folder, USER)
        command = [str(binary), "-q", str(folder / "settings")]
        process = subprocess.Popen(command, user=USER, stderr=subprocess.DEVNULL, env={"PATH": os.defpath})
        try:
            _wait(port, folder / "log")
            yield port
        finally:
            process.kill()
            process.wait()


def _wait(port: int, log: Path) -> None:
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"PgBouncer does not get ready: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def pgbouncer(postgres: Postgres) -> Iterator[int]:
    """Run PgBouncer for all tests of a session, in transaction mode."""
    with running(postgres) as port:
        yield port
