"""The applications of the pages "from X to Gingersnap": theirs on Node, ours on uvicorn, and one browser at both."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

import httpx
import pytest

from tests.frameworks.server import serve
from tests.interop.conftest import HERE, Node
from tests.stores.servers.valkey import free_port

DOCS = HERE.parents[1] / "docs"


@dataclass(frozen=True)
class Page:
    """A page and its blocks: an application of each side, then what stands in place of the line that gives it sessions."""

    name: str

    @property
    def text(self) -> str:
        return (DOCS / self.name).read_text("utf-8")

    def blocks(self, language: str) -> list[str]:
        return re.findall(rf"```{language}\n(.*?)```", self.text, re.DOTALL)

    def rows(self, heading: str) -> list[list[str]]:
        """Give the cells of the table under a heading, without its head."""
        table = self.text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        return [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]

    def theirs(self, line: str | None = None) -> str:
        """Give their application, with the line of the block that has this text."""
        app, *lines = self.blocks("js")
        return app if line is None else swapped(app, r"^app\.use\(\s*\w*[sS]ession\(.*?\);\n", only(lines, line))

    def ours(self, line: str | None = None) -> str:
        """Give our application, with the line of the block that has this text."""
        app, *lines = self.blocks("python")
        lines = [block for block in lines if "Accept(" not in block]
        return app if line is None else swapped(app, r"^app\.add_middleware\(.*\Z", only(lines, line))

    def last(self, line: str | None = None, instead: Mapping[str, str] | None = None) -> str:
        """Give our application as it is once theirs has gone, by the block that has this text, or the first.

        ``instead``: what is to be read in place of what that block says, which is for another store.
        """
        app, *lines = self.blocks("python")
        lines = [block for block in lines if "Accept(" in block]
        block = lines[0] if line is None or instead else only(lines, line)
        # The page names a day that comes; the test is to outlive it.
        for theirs, mine in {"datetime(2027, 1, 31, ": "datetime(2999, 1, 31, ", **(instead or {})}.items():
            assert theirs in block
            block = block.replace(theirs, mine)
        return swapped(app, r"^app\.add_middleware\(.*\Z", block)


def only(blocks: list[str], text: str) -> str:
    (block,) = [block for block in blocks if text in block]
    return block


def swapped(app: str, pattern: str, line: str) -> str:
    text, found = re.subn(pattern, lambda _: line, app, flags=re.DOTALL | re.MULTILINE)
    assert found == 1
    return text


class Client:
    """One browser at one of the sides; all of them share their cookies."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self) -> str:
        return self._text(self.http.get("/"))

    def post(self, path: str, **query: str) -> Any:
        response = self.http.post(path, params=query)
        text = self._text(response)
        return response.json() if path == "/cart" else text

    def _text(self, response: httpx.Response) -> str:
        assert response.status_code == 200, response.text
        return response.text


@contextmanager
def browsing(address: str, jar: CookieJar) -> Iterator[Client]:
    """Browse one side."""
    # Nobody's proxy stands between.
    with httpx.Client(base_url=f"http://{address}", cookies=jar, trust_env=False) as http:
        yield Client(http)


@contextmanager
def theirs(node: Node, code: str) -> Iterator[str]:
    """Run their application; gives host and port."""
    port = free_port()
    command = [*node.node, "--input-type=module", "--eval", code]
    env = {**os.environ, "PORT": str(port), "NODE_ENV": "production"}
    with subprocess.Popen(command, cwd=HERE, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait(process, port)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def wait(process: "subprocess.Popen[str]", port: int) -> None:
    """Wait until it listens, 20 seconds at most."""
    for _ in range(2000):
        assert process.poll() is None, process.stderr.read()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("it does not listen")


@contextmanager
def ours(code: str, name: str, jar: CookieJar) -> Iterator[Client]:
    """Run our application."""
    names: dict[str, Any] = {}
    exec(compile(code, name, "exec"), names)
    with serve(names["app"], lifespan="on") as address, browsing(address, jar) as client:
        yield client
