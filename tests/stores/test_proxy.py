"""The fault proxy does to a connection what each mode says, on real sockets, and leaves nothing behind."""

import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.stores.proxy import Mode, Proxy
from tests.stores.servers.valkey import Server

FOREVER = 3600


class Echo(socketserver.ThreadingTCPServer):
    """Greets, then answers each chunk with itself; ``heard`` is what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.heard: list[bytes] = []


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello")
        while data := self.request.recv(1 << 16):
            self.server.heard.append(data)
            self.request.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.server_address) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), 30)


def greeted(proxy: Proxy) -> socket.socket:
    client = connect(proxy)
    assert client.recv(99) == b"hello"
    return client


def ask(client: socket.socket, data: bytes = b"abcd") -> bytes:
    client.sendall(data)
    return client.recv(99)


def until(claim: Callable[[], bool]) -> None:
    while not claim():
        time.sleep(0.001)


def silent(client: socket.socket) -> bool:
    """Tell that nothing has come, not even an end."""
    client.setblocking(False)
    try:
        client.recv(99)
    except BlockingIOError:
        return True
    finally:
        client.settimeout(30)
    return False


def test_pass_passes_all_on_and_counts_it(proxy: Proxy) -> None:
    with greeted(proxy) as one, greeted(proxy) as two:
        assert ask(one, b"a\0\xff") == b"a\0\xff"
        assert ask(two) == b"abcd"
        assert (proxy.connections, proxy.requests, proxy.bytes) == (2, 2, 2 * (5 + 3 + 4))


def test_pass_passes_more_than_any_buffer_holds(proxy: Proxy) -> None:
    sent = os.urandom(1 << 23)
    with greeted(proxy) as client:
        writer = threading.Thread(target=client.sendall, args=(sent,))
        writer.start()
        with client.makefile("rb") as replies:
            assert replies.read(len(sent)) == sent
        writer.join()


def test_the_end_of_a_client_ends_its_connection_to_the_server_and_the_other_way_round(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(99) == b""


def test_refuse_closes_what_is_open_and_comes_back_on_the_same_port(proxy: Proxy) -> None:
    port = proxy.port
    with greeted(proxy) as client:
        for _ in range(3):
            proxy.mode = "refuse"
            with pytest.raises(ConnectionRefusedError):
                connect(proxy)
            proxy.mode = "pass"
            with greeted(proxy) as again:
                assert ask(again) == b"abcd"
        assert client.recv(99) == b""
    assert proxy.port == port


def test_reset_resets_what_is_open_and_what_comes(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.mode = "reset"
        with pytest.raises(ConnectionResetError):
            client.recv(99)
        with pytest.raises(ConnectionResetError), connect(proxy) as late:
            late.recv(99)
    assert proxy.connections == 2


def test_hang_reads_and_never_answers_nor_passes_on(proxy: Proxy, echo: Echo) -> None:
    with greeted(proxy) as client:
        proxy.mode = "hang"
        with connect(proxy) as late:
            client.sendall(b"one")
            late.sendall(b"two")
            until(lambda: proxy.requests == 2)
            proxy.mode = "pass"
            with greeted(proxy) as other:
                assert ask(other, b"three") == b"three"
            assert silent(client)
            assert silent(late)
    assert echo.heard == [b"three"]


def test_an_idle_connection_outlives_a_hang(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.mode = "hang"
        proxy.mode = "pass"
        assert ask(client) == b"abcd"


@pytest.mark.parametrize(("sent", "got"), [(b"abcd", b"ab"), (b"abc", b"a"), (b"a", b"a")])
def test_half_passes_half_of_the_reply_and_closes(proxy: Proxy, sent: bytes, got: bytes) -> None:
    with greeted(proxy) as client:
        proxy.mode = "half"
        assert ask(client, sent) == got
        assert client.recv(99) == b""


def test_drop_closes_without_a_reply_once_the_server_is_done(proxy: Proxy, echo: Echo) -> None:
    with greeted(proxy) as client:
        proxy.mode = "drop"
        assert ask(client) == b""
    assert echo.heard == [b"abcd"]


@pytest.mark.parametrize("mode", ["half", "drop"])
def test_a_greeting_passes_whole(proxy: Proxy, mode: Mode) -> None:
    proxy.mode = mode
    greeted(proxy).close()


def test_slow_holds_a_reply_back(proxy: Proxy, echo: Echo) -> None:
    with greeted(proxy) as client, greeted(proxy) as other:
        proxy.delay = FOREVER
        proxy.mode = "slow"
        count = proxy.bytes
        client.sendall(b"abcd")
        until(lambda: proxy.bytes == count + 8)
        proxy.delay = 0
        assert ask(other) == b"abcd"
        assert silent(client)


@pytest.mark.parametrize(("mode", "got"), [("half", b"ab"), ("drop", b""), ("slow", b"abcd"), ("pass", b"abcd")])
def test_next_treats_one_request_only(proxy: Proxy, mode: Mode, got: bytes) -> None:
    with greeted(proxy) as client, greeted(proxy) as other:
        proxy.next(mode)
        assert ask(client) == got
        assert ask(other) == b"abcd"


def test_next_resets_the_connection_of_one_request_before_the_server_hears_it(proxy: Proxy, echo: Echo) -> None:
    with greeted(proxy) as client, greeted(proxy) as other:
        proxy.next("reset")
        with pytest.raises(ConnectionResetError):
            ask(client)
        assert ask(other, b"ef") == b"ef"
    assert echo.heard == [b"ef"]


def test_next_hangs_the_connection_of_one_request(proxy: Proxy) -> None:
    with greeted(proxy) as client, greeted(proxy) as other:
        proxy.next("hang")
        client.sendall(b"abcd")
        until(lambda: proxy.requests == 1)
        assert ask(other) == b"abcd"
        assert silent(client)


def test_next_pass_is_an_exception_to_the_mode(proxy: Proxy) -> None:
    with greeted(proxy) as client:
        proxy.mode = "drop"
        proxy.next("pass")
        assert ask(client) == b"abcd"
        assert ask(client) == b""


def test_after_lets_so_many_requests_pass_first(proxy: Proxy, echo: Echo) -> None:
    with greeted(proxy) as client:
        ask(client, b"0")
        proxy.after(2, "drop")
        assert [ask(client, b"1"), ask(client, b"2"), ask(client, b"3")] == [b"1", b"2", b""]
    assert echo.heard == [b"0", b"1", b"2", b"3"]


def test_a_mode_that_is_none_is_refused(proxy: Proxy) -> None:
    with pytest.raises(ValueError, match="no such mode"):
        proxy.mode = "explode"
    with pytest.raises(ValueError, match="no mode of a request"):
        proxy.next("refuse")


@pytest.mark.parametrize("mode", ["pass", "refuse", "reset", "hang", "half", "drop", "slow"])
def test_closing_ends_all_and_leaves_no_thread_and_no_socket(echo: Echo, mode: Mode) -> None:
    threads, files = threading.active_count(), len(os.listdir("/dev/fd"))
    with ExitStack() as clients:
        with Proxy(echo.server_address, delay=FOREVER) as proxy:
            client = clients.enter_context(greeted(proxy))
            clients.enter_context(greeted(proxy))
            proxy.mode = mode
            if mode in ("hang", "slow"):
                client.sendall(b"abcd")
                until(lambda: proxy.requests == 1)
        with suppress(ConnectionResetError):
            assert client.recv(99) == b""
    # The server's own threads and sockets go once it has heard of the end.
    until(lambda: threading.active_count() == threads and len(os.listdir("/dev/fd")) == files)


def test_a_server_that_is_away_ends_the_connection() -> None:
    with socket.socket() as away:
        away.bind(("127.0.0.1", 0))
        with Proxy(away.getsockname()) as proxy, connect(proxy) as client:
            assert client.recv(99) == b""


# What a client of Valkey sees of an INCR, and what Valkey has then.
OUTAGES = [
    ("pass", None, b"1"),
    ("slow", None, b"1"),
    ("refuse", redis.ConnectionError, None),
    ("reset", redis.ConnectionError, None),
    ("hang", redis.TimeoutError, None),
    ("half", redis.ConnectionError, b"1"),
    ("drop", redis.ConnectionError, b"1"),
]


def expected(error: type[Exception] | None) -> AbstractContextManager[object]:
    return pytest.raises(error) if error else nullcontext()


def before(server: Server) -> Proxy:
    return Proxy(("127.0.0.1", server.port), delay=0.01)


def options(proxy: Proxy, mode: Mode) -> dict[str, Any]:
    """Give a client's: no second try, and patience where an answer is to come."""
    return {"host": proxy.host, "port": proxy.port, "socket_timeout": 0.2 if mode == "hang" else 30}


@pytest.mark.parametrize(("mode", "error", "kept"), OUTAGES)
def test_a_blocking_client_of_valkey(valkey: Server, mode: Mode, error: type[Exception] | None, kept: bytes | None) -> None:
    with before(valkey) as proxy, redis.Redis(**options(proxy, mode), retry=Retry(NoBackoff(), 0)) as client:
        client.ping()
        count, proxy.mode = proxy.requests, mode
        with expected(error):
            client.incr(f"proxy:blocking:{mode}")
        assert proxy.requests == count + (mode not in ("refuse", "reset"))
        proxy.mode = "pass"
        assert client.get(f"proxy:blocking:{mode}") == kept


@pytest.mark.parametrize(("mode", "error", "kept"), OUTAGES)
async def test_an_asyncio_client_of_valkey(valkey: Server, mode: Mode, error: type[Exception] | None, kept: bytes | None) -> None:
    with before(valkey) as proxy:
        async with redis.asyncio.Redis(**options(proxy, mode), retry=AsyncRetry(NoBackoff(), 0)) as client:
            await client.ping()
            count, proxy.mode = proxy.requests, mode
            with expected(error):
                await client.incr(f"proxy:asyncio:{mode}")
            assert proxy.requests == count + (mode not in ("refuse", "reset"))
            proxy.mode = "pass"
            assert await client.get(f"proxy:asyncio:{mode}") == kept
