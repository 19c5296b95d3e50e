#!/usr/bin/env bash
# One would guess that aiohttp's cookie jar follows RFC 6265: of two cookies of one name, / and /app, a request for /app sends both,
# the longer path first; and "Expires=Thu, 01 Jan 1970 00:00:00 GMT", the date by which most servers log out, removes a cookie.
# aiohttp 3.14.5 sends one cookie of a name, that of the longest path, and takes that date for none: the cookie stays, emptied, and
# goes on to be sent as name="". One second later, or Max-Age=0, it is removed. A server that empties a cookie of a longer path by
# that date hides its other cookie of the name from this client for good.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q aiohttp==3.14.5
cat > jar.py <<'P'
import asyncio
from aiohttp import ClientSession, CookieJar, web

SETS = {
    "/two": ["a=root; Path=/", "a=app; Path=/app"],
    "/made": ["b=1; Path=/"],
    "/epoch": ["b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
    "/later": ["b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT"],
    "/max-age": ["b=; Path=/; Max-Age=0"],
}
sent = {}

async def page(request):
    sent[request.path] = request.headers.get("Cookie")
    response = web.Response(text="ok")
    for line in SETS.get(request.path, []):
        response.headers.add("Set-Cookie", line)
    return response

async def main():
    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        for path in ("/two", "/app", "/made", "/epoch", "/1", "/later", "/2", "/made", "/max-age", "/3"):
            async with client.get(f"http://127.0.0.1:{port}{path}") as response:
                await response.text()
    await runner.cleanup()
    for path in ("/app", "/1", "/2", "/3"):
        print(path, sent[path])
    seen = [sent[path] for path in ("/app", "/1", "/2", "/3")]
    assert seen == ["a=app", 'a=root; b=""', "a=root", "a=root"], "changed"

asyncio.run(main())
P
v/bin/python jar.py
