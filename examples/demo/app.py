"""The demo's application: a page that only reads the session, and a small POST route for everything that changes it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from gingersnap import CookieTooLarge, Session, SessionMiddleware, SessionOptions

from . import actions, page
from .cookie import held
from .recorder import Recorder, exchange_of, log_of

Change: TypeAlias = Callable[[Session, dict[str, str]], str | None]


def demo_options(keys: Sequence[str], clock: Callable[[], float] = time.time) -> SessionOptions:
    """Say what the demo's sessions are: ten minutes, renewed once less than half of them is left."""
    return SessionOptions(keys=keys, max_age=600, renew=True, clock=clock)


def create_app(options: SessionOptions) -> Starlette:
    """Make the application. The recorder stands outside the sessions, to see the cookies that they set."""
    routes = [Route("/", show), Route("/api/views", api_views)]
    routes += [Route(path, posted(change), methods=["POST"]) for path, change in actions.ROUTES.items()]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Recorder, options), Middleware(SessionMiddleware, options)],
        exception_handlers={CookieTooLarge: too_large},
    )
    app.state.options = options
    return app


async def show(request: Request) -> Response:
    """Show the session. Loading the page only reads it, so nothing is set, unless a renewal is due."""
    session: Session = request.session
    # Cookies that were not believed count for nothing. Asked now: once it is written, a session is new no more.
    came = {} if session.is_new else request.cookies
    return StreamingResponse(written(request, dict(session), came), headers=page.HEADERS, media_type="text/html")


async def written(request: Request, data: dict[str, object], came: dict[str, str]) -> AsyncIterator[bytes]:
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
    )
    # A cookie may hold half a surrogate pair, which UTF-8 cannot.
    yield page.render(seen).encode("utf-8", "replace")


def posted(change: Change) -> Callable[[Request], object]:
    """Make an endpoint that changes the session by a form and goes back to the page."""

    async def endpoint(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        exchange_of(request).note = change(request.session, form) or ""
        # Written now, not as the response starts: here a session that is too large still meets the exception handler.
        await request.session.commit()
        return RedirectResponse("/", 303)

    return endpoint


async def api_views(request: Request) -> Response:
    """Count a view: ``curl -c jar -b jar http://127.0.0.1:8000/api/views``."""
    actions.visit(request.session, {})
    await request.session.commit()
    return JSONResponse({"views": request.session["views"]})


async def too_large(request: Request, error: CookieTooLarge) -> Response:
    """Take the change back and say what is heavy. The browser keeps the cookie that it has."""
    await request.session.reload()
    exchange_of(request).note = page.too_large(error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, 413)
    return RedirectResponse("/", 303)
