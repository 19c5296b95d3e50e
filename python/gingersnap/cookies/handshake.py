"""Servers that send no headers with ``websocket.accept``: a handshake carries no cookie to the client."""

import logging
from typing import Final

from ..types import Message, Scope

logger = logging.getLogger("gingersnap")

_PATHSEND: Final = "http.response.pathsend"


def drops_headers(scope: Scope) -> bool:
    """Return whether the server of a WebSocket is known to drop the headers of ``websocket.accept``.

    daphne 4.2 gives no version of the specification in a WebSocket's scope; headers came with 2.1 (ASGI, "Accept - send event").
    granian 2.8 gives one, and is recognised by an extension for HTTP responses that it lists for a WebSocket too.
    """
    asgi = scope.get("asgi") or {}
    is_daphne = bool(asgi) and "spec_version" not in asgi and type(scope.get("client")) is list
    return is_daphne or _PATHSEND in (scope.get("extensions") or ())


class HandshakeWarning:
    """Warn once that a session's cookie cannot reach the client: the server drops the headers of ``websocket.accept``."""

    def __init__(self) -> None:
        self._warned = False

    def check(self, scope: Scope, message: Message) -> None:
        """Warn, once, if this message is such a handshake."""
        if message["type"] == "websocket.accept" and not self._warned and drops_headers(scope):
            self._warned = True
            logger.warning(
                "a session was made or renewed in a WebSocket's handshake, and this server (daphne, granian) sends no headers with "
                "websocket.accept: the cookie never reaches the client; change it in an HTTP request, or use another server"
            )
