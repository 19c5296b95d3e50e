"""Serve the demo on 127.0.0.1. Environment: ``PORT`` (8000; 0 takes a free one) and ``SESSION_KEY`` (random for each start).

``STORE``: where sessions live: ``cookie``, ``memory``, ``sqlite`` (``SQLITE_FILE``) or ``redis`` (``REDIS_URL``).
"""

import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn import Server

    from .places import Place

HOST = "127.0.0.1"


def main() -> None:
    """Open the store, bind, say where, serve until interrupted."""
    # So that `python serve.py` finds this folder as the package that the tests import.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    # Terminated, it still closes and stops what it opened.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        try:
            import uvicorn

            from demo.app import create_app, demo_options
            from demo.places import place_for

            place = stack.enter_context(place_for(os.environ.get("STORE") or "cookie"))
        except ModuleNotFoundError as error:
            sys.exit(f"The demo needs {error.name}: pip install 'gingersnap[demo]', or make demo.")
        except ImportError as error:
            # A store without its driver, which says how that is had.
            sys.exit(str(error))
        from gingersnap import ConfigError

        key = os.environ.get("SESSION_KEY")
        try:
            app = create_app(demo_options([key or secrets.token_urlsafe(32)], store=place.store), place.name)
        except ConfigError as error:
            sys.exit(f"SESSION_KEY will not do: {error}")
        # The lifespan is when the store is asked whether it is fit, and when it is closed.
        lifespan = "off" if place.store is None else "on"
        told = [place.told, signed(place, has_key=bool(key)), "Ctrl-C stops it"]
        serve(uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan=lifespan)), "; ".join(filter(None, told)))


def signed(place: "Place", *, has_key: bool) -> str:
    """Say how long sessions last."""
    if has_key:
        return "signed with SESSION_KEY"
    cure = "; SESSION_KEY=... keeps them" if place.lasts else ""
    return f"signed with a random key: sessions end with this process{cure}"


def serve(server: "Server", told: str) -> None:
    """Serve on the port that is asked for."""
    listener = bound(os.environ.get("PORT") or "8000")
    print(f"Gingersnap demo on http://{HOST}:{listener.getsockname()[1]} ({told})", flush=True)
    with listener:
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
