#!/usr/bin/env bash
# One would guess that the headers of an ASGI application's websocket.accept, a Set-Cookie among them, reach the client under every
# server: the specification has them since 2.1. granian 2.8.9 and daphne 4.2.3 drop them without a word (granian says spec_version
# 2.3), and daphne joins two Cookie lines of a handshake by a comma, where RFC 9113 joins them by "; ".
set -euo pipefail
dir=$(mktemp -d); trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q granian==2.8.9 daphne==4.2.3
cat > served.py <<'P'
import sys
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    await receive()
    print("cookie lines:", [value for name, value in scope["headers"] if name == b"cookie"], file=sys.stderr, flush=True)
    await send({"type": "websocket.accept", "headers": [(b"set-cookie", b"kept=1")]})
    await send({"type": "websocket.close"})
P
cat > client.py <<'P'
import socket, sys, time
for _ in range(100):
    try:
        sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5); break
    except OSError:
        time.sleep(0.2)
sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
print(sock.recv(4000).split(b"\r\n\r\n")[0].decode())
P
v/bin/granian --interface asgi served:app --port 18441 > granian.log 2>&1 &
v/bin/daphne -p 18442 served:app > daphne.log 2>&1 &
for server in granian:18441 daphne:18442; do
    v/bin/python client.py "${server#*:}" > answer
    echo "== $(v/bin/pip list 2>/dev/null | grep -i "^${server%:*} ")"; cat answer; grep "cookie lines" "${server%:*}.log"
    grep -q "101 Switching" answer
    if grep -qi "set-cookie" answer; then echo "changed: the header was sent"; exit 1; fi
done
grep -q "a=1,b=2" daphne.log || { echo "changed: daphne keeps the lines apart"; exit 1; }
