"""Ask what becomes of a request after its store failed: the option ``on_store_error``."""

import inspect
import logging

from ..config.options import SessionOptions
from ..errors import SessionUnavailable
from ..option_types import StoreErrorPolicy
from ..types import Scope

logger = logging.getLogger("gingersnap")


async def error_policy(options: SessionOptions, error: SessionUnavailable, scope: Scope) -> StoreErrorPolicy:
    """Return the policy for one error; a callable option that fails stands for ``"unavailable"``."""
    policy = options.on_store_error
    if not callable(policy):
        return policy
    try:
        answer = policy(scope, error)
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception as failure:
        # The application's own function: a request that never touches its session must not suffer from it.
        logger.error("on_store_error raised %s: it is taken for 'unavailable'", type(failure).__name__)
        return "unavailable"
    if answer in ("unavailable", "raise", "anonymous"):
        return answer
    logger.error("on_store_error gave neither 'unavailable' nor 'raise' nor 'anonymous': it is taken for 'unavailable'")
    return "unavailable"
