"""The one way to the store: every call has its time, fails as SessionUnavailable, and meets the breaker."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from ..config.options import SessionOptions
from ..errors import ConfigError, SessionUnavailable, StoreUnfit, UnserializableError, kind_of, phrase
from ..types import Scope
from .circuit_breaker import CircuitBreaker

logger = logging.getLogger("gingersnap")

_NOT_THE_STORES: Final = (UnserializableError, ConfigError)
"""What a call raises where not the store is at fault: one session's data, or how the application set it up."""

T = TypeVar("T")


class GuardedStore:
    """What stands between the requests of one middleware and its store."""

    def __init__(self, options: SessionOptions, *, prompt: bool = False, name: str = "the session store") -> None:
        # Calls that never wait need no watch.
        self._prompt = prompt
        self._name = name
        self._events = options.events
        self._breaker = CircuitBreaker() if options.store_breaker else None

    async def call(self, call: str, deadline: float, ask: Callable[[], Awaitable[T]], scope: Scope) -> T:
        """Make a call that has until ``deadline``, in seconds of the loop's clock.

        Raises: SessionUnavailable, with the store's own exception as its cause, where it fails or takes too long, or where
        the breaker does not let it pass. UnserializableError, ConfigError as they are: no failure of the store.
        """
        return await self._pass(call, partial(self._once, deadline, ask), scope)

    async def call_retrying(self, call: str, deadline: float, ask: Callable[[], Awaitable[T]], scope: Scope) -> tuple[T, bool]:
        """Make a call, and once more where it breaks down; say whether the first may have been carried out unseen.

        Raises: SessionUnavailable, as ``ask``.
        """
        return await self._pass(call, partial(self._twice, call, deadline, ask, scope), scope)

    async def _pass(self, call: str, ask: Callable[[], Awaitable[T]], scope: Scope) -> T:
        breaker = self._breaker
        if breaker is not None and breaker.failing:
            wait_s = breaker.wait_s(asyncio.get_running_loop().time())
            if wait_s > 0:
                raise SessionUnavailable(call, math.ceil(wait_s), self._name)
        try:
            answer = await ask()
        except (StoreUnfit, *_NOT_THE_STORES) as error:
            # A store that answers need not be spared: a replica is still read, and one client's data must not close it to others.
            if breaker is not None:
                breaker.abandon()
            if isinstance(error, StoreUnfit):
                raise self._failed(call, error, scope) from error
            raise
        except Exception as error:
            # A store is anybody's code: whatever it raises, it did not answer.
            if breaker is not None:
                breaker.fail(asyncio.get_running_loop().time())
            raise self._failed(call, error, scope) from error
        except BaseException:
            # Cancelled, or closed with its event loop: no other code would let another call probe.
            if breaker is not None:
                breaker.abandon()
            raise
        self._note_answer(call, scope)
        return answer

    def _note_answer(self, call: str, scope: Scope) -> None:
        breaker = self._breaker
        if breaker is not None and breaker.failing:
            logger.warning("%s answers again", self._name)
            self._events.emit("store_recovered", scope, call)
            breaker.succeed()

    async def _once(self, deadline: float, ask: Callable[[], Awaitable[T]]) -> T:
        if self._prompt:
            return await ask()
        async with asyncio.timeout_at(deadline):
            return await ask()

    async def _twice(self, call: str, deadline: float, ask: Callable[[], Awaitable[T]], scope: Scope) -> tuple[T, bool]:
        try:
            return await self._once(deadline, ask), False
        except (TimeoutError, StoreUnfit, *_NOT_THE_STORES):
            # It has used up its time, or would say the same again.
            raise
        except Exception as error:
            if self._breaker is not None and self._breaker.failing:
                raise
            # A connection may have died while it was idle: that is logged, and the breaker does not count it.
            self._failed(call, error, scope)
        return await self._once(deadline, ask), True

    def _failed(self, call: str, error: Exception, scope: Scope) -> SessionUnavailable:
        # Its message may quote a key or a record: the log gets the kind alone, the exception's cause has the rest.
        logger.error("%s could not %s: %s", self._name, phrase(call), kind_of(error))
        self._events.emit("store_error", scope, f"{call}: {type(error).__name__}")
        return SessionUnavailable(call, store=self._name)
