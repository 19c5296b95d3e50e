"""What Redis answers where it cannot hold sessions as it is, in words that name the cure."""

import re
from typing import Final

from redis.exceptions import MovedError, NoPermissionError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from ...errors import StoreUnfit

CLUSTER: Final = "the client talks to one node of a Cluster alone; give a RedisCluster of redis.asyncio"
_REPLICA: Final = "it is a replica, which takes reads only; give the address of the primary, or what a Sentinel's master_for makes"
_FULL: Final = "its memory is full; raise maxmemory, or set maxmemory-policy to volatile-ttl"
_RIGHTS: Final = "its user may not run {what}; grant the commands and keys that docs/stores.md lists"
# By what an answer begins with, where redis-py has no class for it.
_OTHERS: Final = {
    "MISCONF": "it takes no writes, because it cannot save its snapshot; see its log, and CONFIG SET stop-writes-on-bgsave-error",
    "NOREPLICAS": "it takes no writes, because too few replicas are connected; see min-replicas-to-write",
    "CROSSSLOT": CLUSTER,
}
# How servers say, of a command in a script, that the user has no right: Redis 7.0, 7.2, Valkey.
_DENIED: Final = ("can't run this command", "no permissions to", "can't access at least one of the keys")
_COMMAND: Final = re.compile(r"'([a-z|]{1,40})' command")


def unfit(error: RedisError) -> StoreUnfit | None:
    """Return what is wrong with the server, as far as an answer of it says so."""
    if isinstance(error, ReadOnlyError):
        return StoreUnfit(_REPLICA)
    if isinstance(error, MovedError):
        return StoreUnfit(CLUSTER)
    if isinstance(error, OutOfMemoryError):
        return StoreUnfit(_FULL)
    if not isinstance(error, ResponseError):
        return None
    text = str(error)
    if isinstance(error, NoPermissionError) or any(words in text for words in _DENIED):
        # Of the text the name of the command alone: it also names the user, and in part the key.
        found = _COMMAND.search(text)
        return StoreUnfit(_RIGHTS.format(what=found[1].upper() if found else "a command, or not on a key of the prefix"))
    return next((StoreUnfit(message) for word, message in _OTHERS.items() if text.startswith(word)), None)
