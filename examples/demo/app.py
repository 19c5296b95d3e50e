"""The demo's application: a page that only reads the session, and a small POST route for everything that changes it."""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from gingersnap import CookieTooLarge, Session, SessionMiddleware, SessionOptions, SessionTooLarge

from . import actions, devices, page, words
from .actions import Press
from .cookie import held
from .recorder import Recorder, exchange_of, log_of

Change: TypeAlias = Callable[[Session, Press], str | Awaitable[str] | None]


def demo_options(keys: Sequence[str], clock: Callable[[], float] = time.time, store: Any = None) -> SessionOptions:
    """Say what the demo's sessions are: ten minutes, renewed once less than half of them is left."""
    return SessionOptions(keys=keys, max_age=600, renew=True, clock=clock, store=store, strict_startup=store is not None)


def create_app(options: SessionOptions, place: str = "") -> Starlette:
    """Make the application. The recorder stands outside the sessions, to see the cookies that they set.

    ``place``: what the page calls the store.
    """
    changes: dict[str, Change] = {**actions.ROUTES, **(devices.routes(options.store) if options.store is not None else {})}
    routes = [Route("/", show), Route("/api/views", api_views)]
    routes += [Route(path, posted(change), methods=["POST"]) for path, change in changes.items()]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Recorder, options), Middleware(SessionMiddleware, options)],
        exception_handlers={CookieTooLarge: too_large, SessionTooLarge: too_large},
    )
    app.state.options = options
    app.state.place = place
    return app


async def show(request: Request) -> Response:
    """Show the session. Loading the page only reads it, so nothing is set, unless a renewal is due."""
    session: Session = request.session
    # Cookies that were not believed count for nothing. Asked now: once it is written, a session is new no more.
    came = {} if session.is_new else request.cookies
    stored = None
    if (store := request.app.state.options.store) is not None:
        # Renewed now if that is due, so that the page shows the record as it is from here on.
        await session.commit()
        stored = await devices.look(store, request.app.state.place, session)
    return StreamingResponse(written(request, dict(session), came, stored), headers=page.HEADERS, media_type="text/html")


async def written(
    request: Request, data: dict[str, Any], came: dict[str, str], stored: devices.Stored | None
) -> AsyncIterator[bytes]:
    """Write the page once its own headers have gone, so that it can show the cookies in them."""
    # Events come on the loop's next turn: let them.
    await asyncio.sleep(0)
    options: SessionOptions = request.app.state.options
    exchange = exchange_of(request)
    session: Session = request.session
    seen = page.Seen(
        data=data,
        owner=session.owner,
        cookie=held(options.key, came, exchange.lines),
        limit=options.max_cookie_bytes,
        origin=str(request.base_url),
        left=None if session.expires_at is None else session.expires_at - options.clock(),
        expires_at=session.expires_at,
        max_age=session.max_age,
        exchanges=[exchange, *log_of(request)],
        stored=stored,
    )
    # A cookie may hold half a surrogate pair, which UTF-8 cannot.
    yield page.render(seen).encode("utf-8", "replace")


def posted(change: Change) -> Callable[[Request], object]:
    """Make an endpoint that changes the session by a form and goes back to the page."""

    async def endpoint(request: Request) -> Response:
        fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        told = change(request.session, Press(fields, device_of(request)))
        exchange_of(request).note = (await told if inspect.isawaitable(told) else told) or ""
        # Written now, not as the response starts: here a session that is too large still meets the exception handler.
        await request.session.commit()
        return RedirectResponse("/", 303)

    return endpoint


def device_of(request: Request) -> dict[str, str | int]:
    """Say what a session in a store remembers of where it was logged in; one in its cookie sees no others."""
    options: SessionOptions = request.app.state.options
    if options.store is None:
        return {}
    return {"browser": words.browser(request.headers.get("user-agent", "")), "since": int(options.clock())}


async def api_views(request: Request) -> Response:
    """Count a view: ``curl -c jar -b jar http://127.0.0.1:8000/api/views``."""
    actions.visit(request.session, Press())
    await request.session.commit()
    return JSONResponse({"views": request.session["views"]})


async def too_large(request: Request, error: CookieTooLarge | SessionTooLarge) -> Response:
    """Take the change back and say what is heavy. The browser keeps the cookie that it has."""
    await request.session.reload()
    exchange_of(request).note = page.too_large(error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, 413)
    return RedirectResponse("/", 303)
