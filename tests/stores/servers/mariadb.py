"""A real MariaDB, from PATH: on a loopback port of its own, with its files in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.stores.servers.valkey import free_port

# The server refuses to be root, and becomes whom it is told to be.
USER = ["--user=nobody"] if os.geteuid() == 0 else []

# Nothing that a test leaves behind has to outlive a power cut.
QUICK = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-name-resolve", "--max-connections=150"]

databases = count(1)


@dataclass(slots=True)
class MariaDB:
    """One server on a loopback port of its own; ``stop`` and ``start`` it as often as a test needs to. No password."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    def create_database(self, driver: str = "asyncmy") -> str:
        """Make an empty database, for one test alone, and give its address for SQLAlchemy."""
        name = f"test_{next(databases)}"
        self.run(f"CREATE DATABASE {name}")
        return f"mysql+{driver}://test@127.0.0.1:{self.port}/{name}"

    def run(self, sql: str, address: str = "") -> str:
        """Run a statement on a connection of its own, and give what it answers: columns by tabs, rows by lines."""
        database = address.rpartition("/")[2]
        command = [program("mariadb"), "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={self.port}"]
        command += ["--user=test", "--batch", "--skip-column-names", f"--execute={sql}", database]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def prepare(self) -> None:
        """Make the files of an empty server."""
        # Each statement of this file has a line of its own.
        user = "test@'127.0.0.1'"
        (self.folder / "init.sql").write_text(f"CREATE OR REPLACE USER {user};\nGRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n")
        if USER:
            shutil.chown(self.folder, "nobody")
        options = ["--skip-test-db", "--auth-root-authentication-method=normal", f"--datadir={self.folder / 'data'}", *USER]
        self._command("mariadb-install-db", *options).wait(120)

    def start(self) -> None:
        """Start it and wait until it answers, with what it held."""
        place = [f"--datadir={self.folder / 'data'}", f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}"]
        listen = ["--bind-address=127.0.0.1", f"--port={self.port}", f"--init-file={self.folder / 'init.sql'}"]
        self.process = self._command("mariadbd", *place, *listen, *QUICK, *USER)
        for _ in range(600):
            try:
                self.run("SELECT 1")
            except subprocess.CalledProcessError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"MariaDB does not get ready: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, if it runs; ``SIGKILL``: no goodbye to its clients."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def _command(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            command = [program(name), "--no-defaults", *arguments]
            return subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def program(name: str) -> str:
    """Find a program of MariaDB's."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin") or str(missing("MariaDB", "apt-get install mariadb-server"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Run MariaDB."""
    program("mariadbd")
    # Not below pytest's own folder, which nobody else may enter.
    folder = Path(tempfile.mkdtemp(prefix="gingersnap-mariadb-"))
    folder.chmod(0o755)
    server = MariaDB(folder, free_port())
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
