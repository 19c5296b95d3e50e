#!/usr/bin/env bash
# One would guess that an ASGI middleware given to a framework by its own `middleware` argument sees every scope, so that it can open
# and close a connection pool at lifespan events: under Starlette 1.10.0 it does. Litestar 2.25.0 answers lifespan events (its own
# start-up hook runs) but calls its middlewares for requests alone: such a middleware has to be wrapped around the application.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q starlette==1.10.0 litestar==2.25.0
cat > seen.py <<'P'
import asyncio
from litestar import Litestar, get
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

class Note:
    def __init__(self, app, seen):
        self.app, self.seen = app, seen
    async def __call__(self, scope, receive, send):
        self.seen.append(scope["type"])
        await self.app(scope, receive, send)

async def drive(app):
    told = iter(["lifespan.startup", "lifespan.shutdown"])
    async def events():
        return {"type": next(told)}
    async def body():
        return {"type": "http.request", "body": b"", "more_body": False}
    answers = []
    async def send(message):
        answers.append(message["type"])
    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, events, send)
    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/",
               "raw_path": b"/", "root_path": "", "query_string": b"", "headers": [(b"host", b"h")], "client": ("c", 1),
               "server": ("s", 80), "state": {}, "extensions": {}}, body, send)
    assert "lifespan.startup.complete" in answers and "http.response.start" in answers, answers

@get("/")
async def page() -> str:
    return "ok"

async def home(request):
    return PlainTextResponse("ok")

seen, started = {"starlette": [], "litestar": []}, []
apps = {
    "starlette": Starlette(routes=[Route("/", home)], middleware=[Middleware(Note, seen=seen["starlette"])]),
    "litestar": Litestar([page], on_startup=[lambda: started.append(1)], middleware=[lambda app: Note(app, seen["litestar"])]),
}
for name, app in apps.items():
    asyncio.run(drive(app))
    print(name, seen[name])
assert started, "Litestar did not start"
assert seen == {"starlette": ["lifespan", "http"], "litestar": ["http"]}, "changed"
P
v/bin/python seen.py
