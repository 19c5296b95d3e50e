"""HTTP clients that are no browsers, each with cookies of its own: docs/clients.md says what each does to a cookie.

A client is a context manager over the address of a server and an empty folder; it gives a function that asks for a path and returns
the body.
The programs in clients/ read a path from each line of their input and write the body as a line.
"""

import asyncio
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.conftest import missing
from tests.interop.conftest import CURE, find_node

Get: TypeAlias = Callable[[str], str]
Client: TypeAlias = Callable[[str, Path], AbstractContextManager[Get]]

PROGRAMS = Path(__file__).parent / "clients"
JAVA = Path("/usr/share/java")
BUILT = Path(__file__).parents[2] / "target" / "clients"
ALL = os.environ.get("GINGERSNAP_CLIENTS") == "all"
"""Whether the clients that compile for some seconds are driven too: ``make interop`` asks for them."""


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def command(name: str, *options: str, body: Callable[[str], str] = str) -> Client:
    """Make a client of a command that ends after each request. ``{jar}`` in its options is the file of its cookies."""

    @contextmanager
    def client(address: str, folder: Path) -> Iterator[Get]:
        if shutil.which(name) is None:
            missing(name, f"apt-get install {name}")
        jar = folder / "jar"
        jar.touch()
        given = [option.format(jar=jar) for option in options]
        yield lambda path: body(run(name, *given, address + path))

    return client


def program(*command: str, cure: str, check: tuple[str, ...] = (), jars: tuple[str, ...] = ()) -> Client:
    """Make a client of one of the programs. ``check``: a command that fails where a library of it is missing."""

    @contextmanager
    def client(address: str, folder: Path) -> Iterator[Get]:
        here = shutil.which(command[0]) is not None and all((JAVA / jar).exists() for jar in jars)
        if not here or (check and subprocess.run(check, capture_output=True, check=False).returncode):
            missing(f"{command[0]} or its library", cure)
        env = {
            **os.environ,
            "GO111MODULE": "off",
            "CARGO_TARGET_DIR": str(BUILT),
            "NO_PROXY": "*",
            "CLASSPATH": ":".join(str(JAVA / jar) for jar in jars),
        }
        given = [*command, address]
        with subprocess.Popen(given, cwd=PROGRAMS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:
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


def java(name: str, *jars: str, package: str = "default-jdk-headless") -> Client:
    return program("java", f"{name}.java", cure=f"apt-get install {package}", jars=jars)


@contextmanager
def urllib_client(address: str, folder: Path) -> Iterator[Get]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(path: str) -> str:
        with opener.open(address + path, timeout=60) as response:
            return str(response.read().decode())

    yield get


def httpx_client(name: str) -> Client:
    @contextmanager
    def client(address: str, folder: Path) -> Iterator[Get]:
        with pytest.importorskip(name).Client(trust_env=False) as client:
            yield lambda path: str(client.get(address + path).text)

    return client


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


NODE = found.node if (found := find_node()) is not None else ["node"]
LWP = ("perl", "-MLWP::UserAgent", "-MHTTP::Cookies", "-e1")
HTTP_COOKIE = ("ruby", "-rhttp/cookie", "-e1")
PHP_CURL = ("php", "-r", "exit(extension_loaded('curl') ? 0 : 1);")
APACHE_4 = ("httpclient.jar", "httpcore.jar", "commons-logging.jar", "commons-codec.jar")
APACHE_5 = ("httpclient5.jar", "httpcore5.jar", "httpcore5-h2.jar", "slf4j-api.jar", "slf4j-nop.jar", "commons-codec.jar")
OKHTTP = ("okhttp.jar", "okhttp-urlconnection.jar", "okio.jar")

CLIENTS: dict[str, Client] = {
    "curl": command("curl", "--silent", "--show-error", "-b", "{jar}", "-c", "{jar}"),
    "wget": command(
        "wget", "--quiet", "--no-proxy", "-O-", "--load-cookies={jar}", "--save-cookies={jar}", "--keep-session-cookies"
    ),
    "lynx": command(
        "lynx",
        f"-cfg={PROGRAMS / 'lynx.cfg'}",
        "-dump",
        "-accept_all_cookies",
        "-cookie_file={jar}",
        "-cookie_save_file={jar}",
        body=str.strip,
    ),
    "urllib": urllib_client,
    "httpx": httpx_client("httpx"),
    "httpx2": httpx_client("httpx2"),
    "requests": requests_client,
    "aiohttp": aiohttp_client,
    "LWP": program("perl", "client.pl", check=LWP, cure="apt-get install libwww-perl"),
    "http-cookie": program("ruby", "client.rb", check=HTTP_COOKIE, cure="apt-get install ruby-http-cookie"),
    "PHP": program("php", "client.php", check=PHP_CURL, cure="apt-get install php-cli php-curl"),
    "tough-cookie": program(*NODE, "tough_cookie.mjs", cure=CURE),
}
if ALL:
    CLIENTS |= {
        "Go": program("go", "run", "client.go", cure="apt-get install golang-go"),
        "reqwest": program(
            "cargo", "run", "--quiet", "--release", "--locked", "--manifest-path=reqwest/Cargo.toml", "--", cure="install Rust"
        ),
        "java.net.http": java("NetHttp"),
        "HttpURLConnection": java("UrlConnection"),
        "HttpClient 4": java("ApacheHttpClient4", *APACHE_4, package="libhttpclient-java"),
        "HttpClient 5": java("ApacheHttpClient5", *APACHE_5, package="libhttpclient5-java"),
        "OkHttp": java("OkHttp", *OKHTTP, package="libokhttp-java"),
    }
