"""Clients that are no browsers keep a session as one does: what each does to a cookie stands in docs/clients.md."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import uvicorn

from gingersnap import Accept, SessionMiddleware
from tests.asgi import KEY, OLD_KEY

LATER = 4_102_444_800
PROGRAMS = Path(__file__).parent / "clients"
Get: TypeAlias = Callable[[str], str]

LAYOUTS: dict[str, dict[str, Any]] = {
    "own": {},
    "encrypt": {"encrypt": True},
    "koa": {"preset": "koa"},
    "cookie-session": {"preset": "cookie-session"},
    "starlette": {"preset": "starlette"},
}


async def application(scope: Any, receive: Any, send: Any) -> None:
    session = scope["session"]
    if scope["path"] == "/login":
        session.update(user="ann", n=0)
    elif scope["path"] == "/count":
        session["n"] = session.get("n", 100) + 1
    elif scope["path"] == "/logout":
        session.destroy()
    text = f"{session.get('user')} {session.get('n')}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text})


@contextmanager
def served(app: Any) -> Iterator[Callable[[Any], None]]:
    """Serve what is set last, at one port; give its address and how to set another."""
    current = [app]

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        await current[0](scope, receive, send)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(proxy, log_level="error", lifespan="off", loop="asyncio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:

            def become(other: Any) -> None:
                current[0] = other

            become.address = f"http://127.0.0.1:{listening.getsockname()[1]}"  # type: ignore[attr-defined]
            yield become
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def curl(address: str, folder: Path) -> Iterator[Get]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    jar = str(folder / "jar")
    command = ["curl", "--silent", "--show-error", "-b", jar, "-c", jar]
    yield lambda path: subprocess.run([*command, address + path], capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def wget(address: str, folder: Path) -> Iterator[Get]:
    if shutil.which("wget") is None:
        pytest.skip("wget is missing: apt-get install wget")
    jar = folder / "jar"
    jar.touch()
    command = ["wget", "--quiet", "--no-proxy", "--output-document=-", f"--load-cookies={jar}", f"--save-cookies={jar}"]
    command += ["--keep-session-cookies"]
    yield lambda path: subprocess.run([*command, address + path], capture_output=True, text=True, check=True, timeout=60).stdout


def piped(*command: str, cure: str) -> Callable[[str, Path], Any]:
    """Make a client of a program that reads a path and writes a body, line by line."""

    @contextmanager
    def client(address: str, folder: Path) -> Iterator[Get]:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is missing: {cure}")
        env = {**os.environ, "GO111MODULE": "off"}
        with subprocess.Popen([*command, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
            asked, answers = process.stdin, process.stdout
            assert asked is not None
            assert answers is not None

            def get(path: str) -> str:
                asked.write(f"{path}\n")
                asked.flush()
                return answers.readline().removesuffix("\n")

            yield get
            asked.close()

    return client


@contextmanager
def urllib_client(address: str, folder: Path) -> Iterator[Get]:
    jar = CookieJar(DefaultCookiePolicy())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))

    def get(path: str) -> str:
        with opener.open(address + path, timeout=60) as response:
            return str(response.read().decode())

    yield get


@contextmanager
def httpx_client(address: str, folder: Path) -> Iterator[Get]:
    httpx = pytest.importorskip("httpx")
    with httpx.Client(trust_env=False) as client:
        yield lambda path: str(client.get(address + path).text)


@contextmanager
def requests_client(address: str, folder: Path) -> Iterator[Get]:
    requests = pytest.importorskip("requests")
    with requests.Session() as client:
        client.trust_env = False
        yield lambda path: str(client.get(address + path, timeout=60).text)


@contextmanager
def aiohttp_client(address: str, folder: Path) -> Iterator[Get]:
    aiohttp = pytest.importorskip("aiohttp")
    with asyncio.Runner() as runner:

        async def make() -> Any:
            # The jar keeps no cookies of an address otherwise.
            return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

        client = runner.run(make())

        async def get(path: str) -> str:
            async with client.get(address + path) as response:
                return str(await response.text())

        try:
            yield lambda path: str(runner.run(get(path)))
        finally:
            runner.run(client.close())


CLIENTS: dict[str, Any] = {
    "curl": curl,
    "wget": wget,
    "urllib": urllib_client,
    "httpx": httpx_client,
    "requests": requests_client,
    "aiohttp": aiohttp_client,
}
if os.environ.get("GINGERSNAP_CLIENTS") == "all":
    # They compile for half a minute: make interop asks for them.
    CLIENTS["Go"] = piped("go", "run", str(PROGRAMS / "client.go"), cure="apt-get install golang-go")
    CLIENTS["Java"] = piped("java", str(PROGRAMS / "Client.java"), cure="apt-get install default-jdk-headless")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_client_reads_changes_is_taken_over_and_logs_out(client: str, layout: str, tmp_path: Path) -> None:
    options = LAYOUTS[layout]
    before = SessionMiddleware(application, keys=[OLD_KEY], **{**options, "key": "before"})
    accept = [Accept(keys=[OLD_KEY], until=LATER, **{**options, "key": "before"})]
    after = SessionMiddleware(application, keys=[KEY], accept=accept, **{**options, "key": "after"})
    with served(before) as become, CLIENTS[client](become.address, tmp_path) as get:  # type: ignore[attr-defined]
        assert [get(path) for path in ("/login", "/count", "/")] == ["ann 0", "ann 1", "ann 1"]
        become(after)
        assert [get(path) for path in ("/", "/count", "/count", "/")] == ["ann 1", "ann 2", "ann 3", "ann 3"]
        if (client, layout) == ("aiohttp", "starlette"):
            # Its line is Starlette's own, whose date this client takes for none: the emptied cookie stays, and is no session.
            assert [get("/logout"), get("/")][1] == "None None"
            return
        get("/logout")
        if client == "curl":
            # curl 7.88 forgets the removal in the takeover, which another line follows, and a logout removes one cookie at a time.
            get("/logout")
        assert get("/") == "None None"
