"""A whole request in process: what each session middleware adds to an application that has none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benches import apps, cases
from benches.timing import Contender, Group


def _read(scope: Any) -> Any:
    return scope["session"].get("views")


def _read_nested(scope: Any) -> Any:
    return scope["session"]["cart"]["items"]


def _change(scope: Any) -> Any:
    session = scope["session"]
    # Not += 1: starsessions' memory store keeps what the last request wrote, and would count on.
    session["views"] = min(session["views"], cases.PAYLOAD["views"]) + 1
    return session["views"]


def _leave(scope: Any) -> Any:
    return None


def _look(scope: Any) -> Any:
    return scope["session"].get("cart_id")


def _begin(scope: Any) -> Any:
    scope["session"]["views"] = 1
    return 1


@dataclass(frozen=True)
class Request:
    """One kind of request: whether a session comes with it, what the handler does and sees, whether a cookie must be set."""

    kind: str
    with_session: bool
    handler: Callable[[Any], Any]
    sees: Any
    sets: bool


READ: Final = "read-only"
CHANGED: Final = "changed"

REQUESTS: Final = (
    Request(READ, True, _read, cases.PAYLOAD["views"], False),
    Request("read-only, a nested list", True, _read_nested, cases.PAYLOAD["cart"]["items"], False),
    Request("session not touched", True, _leave, None, False),
    Request(CHANGED, True, _change, cases.PAYLOAD["views"] + 1, True),
    Request("no cookie, session not touched", False, _leave, None, False),
    Request("no cookie, session looked into", False, _look, None, False),
    Request("no cookie, session begun", False, _begin, 1, True),
)


def _fill(scope: Any) -> None:
    # Item by item: asgi-sessions does not notice update().
    for name, value in cases.PAYLOAD.items():
        scope["session"][name] = value


def _cookie(wrap: Callable[[apps.App], apps.App]) -> bytes:
    """Log in: let the middleware make the cookie that comes with later requests."""
    return cases.cookies_of(apps.answer(wrap(apps.app_of(_fill)), cases.headers_of(None)))


def _writes(name: str, request: Request) -> bool:
    """Tell whether a contender sets a cookie here: starsessions does wherever there is data."""
    if name == apps.BARE:
        return False
    return request.sets or (name.startswith("starsessions") and request.with_session)


def _contender(name: str, wrap: Callable[[apps.App], apps.App], request: Request) -> Contender:
    headers = cases.headers_of(_cookie(wrap) if request.with_session else cases.OTHERS)
    app = wrap(apps.app_of(request.handler))

    def observed(_: None) -> tuple[Any, bool]:
        seen: list[Any] = []
        watched = wrap(apps.app_of(lambda scope: seen.append(request.handler(scope))))
        lines = apps.answer(watched, headers)
        return seen[0], any(line.strip() for line in lines)

    names = {"serve": apps.serve, "app": app, "headers": headers}
    expected = (request.sees, _writes(name, request))
    return Contender(name=name, statement="serve(app, headers)", names=names, expected=expected, answer=observed)


def title(kind: str) -> str:
    """Name the table of one kind of request."""
    return f"request: {kind}"


def group(request: Request) -> Group:
    """Compare all middlewares on one kind of request."""
    contenders = [_contender(name, wrap, request) for name, wrap in apps.middlewares().items()]
    return Group(title(request.kind), contenders)


def groups() -> list[Group]:
    """Give every table of requests."""
    return [group(request) for request in REQUESTS]
