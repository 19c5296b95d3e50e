"""Have removals reach replicas before they count as done, so that a failover does not bring a session back."""

import logging
from functools import partial
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.exceptions import RedisError

from ...errors import kind_of
from .client import Client, sent
from .faults import unfit
from .scripts import MARK, Send

logger = logging.getLogger("gingersnap")

WAIT_MS: Final = 500
"""How long replicas have to acknowledge: a removal is to be answered within ``store_timeout`` though none of them does."""


class Replicas:
    """How many replicas are to have each removal, and whether the last one was acknowledged by as many."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._lacking = False

    def sender(self, client: Client) -> Send:
        """Return what sends a removal: a command that waits for the replicas, if it is to."""
        return partial(self._send, client) if self.wanted else client.execute_command

    async def _send(self, client: Client, *command: Any) -> Any:
        """Send a command, and wait for replicas on the same connection: that alone knows what it has to wait for.

        What the primary has done is done: replicas that are gone, or still copy, are logged.
        """
        key = command[3] if command[0].startswith("EVAL") else command[1]
        where = {}
        if isinstance(client, RedisCluster):
            await client.initialize()
            where["target_nodes"] = client.get_node_from_key(key)
        pipe = client.pipeline(transaction=False)
        pipe.execute_command(*command)
        # A removal that is repeated finds nothing to remove, and has to wait all the same for the one before.
        pipe.execute_command("EVAL", MARK, 1, key)
        pipe.execute_command("WAIT", self.wanted, WAIT_MS, **where)
        reply, _, acknowledged = await sent(client, pipe)
        if isinstance(reply, Exception):
            raise reply
        self._note(acknowledged)
        return reply

    def _note(self, acknowledged: Any) -> None:
        """Log, once until it changes, that too few replicas have a removal."""
        lacking = isinstance(acknowledged, Exception) or acknowledged < self.wanted
        if lacking and not self._lacking:
            if isinstance(acknowledged, Exception):
                message = kind_of((unfit(acknowledged) if isinstance(acknowledged, RedisError) else None) or acknowledged)
            else:
                message = f"{acknowledged} of {self.wanted} replicas have acknowledged within {WAIT_MS} ms"
            logger.error("RedisStore: a removal is done at the primary, but a failover could undo it: %s", message)
        elif self._lacking and not lacking:
            logger.warning("RedisStore: %d of %d replicas acknowledge removals again", acknowledged, self.wanted)
        self._lacking = lacking
