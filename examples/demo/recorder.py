"""Record what each response sets and why: beside the session, so that watching it does not change it."""

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gingersnap import Event, SessionOptions

BROWSERS = 1000
"""How many browsers are remembered."""
RESPONSES = 5
"""How many responses of each."""

_WRITTEN = ("saved", "renewed", "regenerated", "destroyed")
_REFUSED = ("missed", "expired", "invalid", "tampered", "duplicate", "corrupt")


@dataclass(slots=True)
class Exchange:
    """One request, and what its response did about the session."""

    method: str
    path: str
    lines: list[str] = field(default_factory=list)
    """The session's Set-Cookie lines."""
    reason: str = ""
    """Why they were sent: ``changed``, ``renew`` and so on."""
    refusal: str = ""
    """Why the cookie that came was not believed: ``tampered``, ``expired`` and so on."""
    note: str = ""
    """What the page says about it next."""


def exchange_of(request: Request) -> Exchange:
    """Give the record of this very request."""
    return request.scope["demo.exchange"]


def log_of(request: Request) -> list[Exchange]:
    """Give those of the same browser's requests before it, newest first."""
    return request.scope["demo.log"]


class Recorder:
    """ASGI middleware around ``SessionMiddleware``. Knows a browser by its session's signature, which only it and we know."""

    def __init__(self, app: ASGIApp, options: SessionOptions) -> None:
        self.app = app
        self._names = (options.key, f"{options.key}.sig")
        self._logs: OrderedDict[str, deque[Exchange]] = OrderedDict()
        for name in _WRITTEN:
            options.on(name, _note_reason)
        for name in _REFUSED:
            options.on(name, _note_refusal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and write down how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        came = request.cookies.get(self._names[1], "")
        key = came or request.query_params.get("log", "")
        exchange = Exchange(scope["method"], scope["path"][:60])
        scope["demo.exchange"] = exchange
        scope["demo.log"] = [*self._logs.get(key, ())]

        async def record(message: Message) -> None:
            if message["type"] == "http.response.start":
                lines = dict(self._session_cookies(message))
                exchange.lines = [*lines.values()]
                message = self._keep(key, self._after(came, lines), exchange, message)
            await send(message)

        await self.app(scope, receive, record)

    def _session_cookies(self, message: Message) -> list[tuple[str, str]]:
        """Find the session's Set-Cookie lines, by cookie name."""
        lines = [value.decode("latin-1") for name, value in message["headers"] if name.lower() == b"set-cookie"]
        return [(name, line) for line in lines if (name := line.partition("=")[0]) in self._names]

    def _after(self, came: str, lines: dict[str, str]) -> str:
        """Tell the signature that the browser holds from now on; of a cookie that is removed, none."""
        if not lines:
            return came
        value, sig = (lines.get(name, "").partition("=")[2].partition(";")[0] for name in self._names)
        return sig if value else ""

    def _keep(self, before: str, after: str, exchange: Exchange, message: Message) -> Message:
        """Hand the log on to the signature that the browser holds from now on.

        The old one opens it no more: after a login, somebody else may know that.
        """
        log = self._logs.pop(before, None) or deque(maxlen=RESPONSES)
        log.appendleft(exchange)
        if not after and message["status"] == 303:
            # It holds none: the page that it is sent to is told by the address.
            after = secrets.token_urlsafe(16)
            message = {**message, "headers": [_with_log(pair, after) for pair in message["headers"]]}
        if 0 < len(after) <= 100:
            self._logs[after] = log
        while len(self._logs) > BROWSERS:
            self._logs.popitem(last=False)
        return message


def _with_log(pair: tuple[bytes, bytes], key: str) -> tuple[bytes, bytes]:
    name, value = pair
    return (name, value + b"?" + urlencode({"log": key}).encode()) if name == b"location" else pair


def _note_reason(event: Event) -> None:
    event.scope["demo.exchange"].reason = event.detail


def _note_refusal(event: Event) -> None:
    event.scope["demo.exchange"].refusal = event.name
