"""Run the application's hook before a session is written."""

import inspect
from collections.abc import Callable

from ..session.session import Session
from .decision import reason_to_save
from .facts import facts_of
from .state import SessionState


async def run_before_save(state: SessionState, session: Session, text: Callable[[Session], bytes]) -> None:
    """Run the hook if the session is about to be written. Source: koa-session ``beforeSave``.

    ``text``: returns the session's JSON. Raises: what that or the hook raises; the session's later changes are no late ones then.
    """
    hook = state.options.before_save
    state.failed = True
    if hook is not None:
        facts = facts_of(state, text(session), touched=session.accessed, replaced=state.replaced)
        if reason_to_save(facts)[0] not in (None, "destroy"):
            result = hook(state.scope, session)
            if inspect.isawaitable(result):
                await result
    state.failed = False
