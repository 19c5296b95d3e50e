"""Serve the demo on 127.0.0.1. Environment: ``PORT`` (8000; 0 takes a free one) and ``SESSION_KEY`` (random for each start)."""

import contextlib
import errno
import os
import secrets
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"


def main() -> None:
    """Bind, say where, serve until interrupted."""
    # So that `python serve.py` finds this folder as the package that the tests import.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        import uvicorn

        from demo.app import create_app, demo_options
    except ModuleNotFoundError as error:
        sys.exit(f"The demo needs {error.name}: pip install 'gingersnap[demo]', or make demo.")
    from gingersnap import ConfigError

    key = os.environ.get("SESSION_KEY")
    try:
        app = create_app(demo_options([key or secrets.token_urlsafe(32)]))
    except ConfigError as error:
        sys.exit(f"SESSION_KEY will not do: {error}")
    listener = bound(os.environ.get("PORT") or "8000")
    kept = (
        "signed with SESSION_KEY" if key else "signed with a random key: sessions end with this process; SESSION_KEY=... keeps them"
    )
    print(f"Gingersnap demo on http://{HOST}:{listener.getsockname()[1]} ({kept}; Ctrl-C stops it)", flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with listener, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def bound(port: str) -> socket.socket:
    """Take the port before saying that the demo is there; who connects from now on waits and is served."""
    if not (port.isascii() and port.isdigit() and int(port) < 65_536):
        sys.exit("PORT must be a number from 0 to 65535, as in: PORT=8001 make demo")
    listener = socket.socket()
    # A demo stopped a moment ago still holds its port in TIME_WAIT (elsewhere than on Windows, where this would share it).
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, int(port)))
        listener.listen()
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        sys.exit(f"Port {port} {why}. Choose another: PORT={min(int(port) + 1, 65_535)} make demo")
    return listener


if __name__ == "__main__":
    main()
