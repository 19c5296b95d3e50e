"""Gather the facts of a commit from a session's state."""

from typing import Final, TypeAlias

from ..cookies.headers import is_public
from ..stores.store import late_ms
from . import rules
from .decision import Facts
from .state import EMPTY, SessionState

_Renewal: TypeAlias = tuple[bool, bool, int | None, int | None, bool]
"""``Facts.rolls``, ``renews``, ``left_ms``, ``max_age_ms``, ``public``."""
_ROUNDED_MS: Final = -1000
"""A session of Starlette's lives to the end of its last second, so that it seems to be written up to a second from now."""
_NO_RENEWAL: Final[_Renewal] = (False, False, None, None, False)


def facts_of(
    state: SessionState,
    body: bytes,
    *,
    touched: bool,
    replaced: bool,
    exceeds_lifetime: bool = False,
    must_extend: bool = False,
    touch_suffices: bool = False,
    may_wait: bool = False,
) -> Facts:
    """Return what ``decide`` needs to know; ``body``: the session's text now.

    ``may_wait``: the session is in its cookie, and nothing but an older key asks for it to be sent again.
    """
    options, loaded, mark = state.options, state.loaded, state.mark
    changed = body != state.body or (state.set_cookie is not None and state.is_cookie_changed())
    may_renew = not changed and loaded is not None and mark is None
    return Facts(
        changed,
        body == EMPTY,
        mark,
        loaded is not None,
        state.committed,
        state.new_owner is not None,
        replaced,
        loaded is not None and loaded.key_index > 0 and (touched or not may_wait or not _is_recent(state)),
        *(_renewal(state, touched) if may_renew else _NO_RENEWAL),
        exceeds_lifetime,
        must_extend,
        touch_suffices,
        options.keep_empty,
        options.allow_empty,
        options.resave,
    )


def _renewal(state: SessionState, touched: bool) -> _Renewal:
    """Return what counts for a session that nothing has changed."""
    options, expire_ms = state.options, state.expire_ms
    left_ms = None if expire_ms is None else expire_ms - state.policy.now_ms()
    renews = options.renew and (touched or not options.lazy_rolling)
    return _rolls(state, touched), renews, left_ms, state.life_ms, _is_public(state)


def _is_recent(state: SessionState) -> bool:
    """Return whether a session was written so lately that the client may have got a newer cookie meanwhile, or none.

    A response that never used the session waits with a new signature then, as it does with a renewal.
    """
    life_ms, expire_ms = state.life_ms, state.expire_ms
    if life_ms is None or expire_ms is None:
        return True
    return _ROUNDED_MS < state.policy.now_ms() - (expire_ms - life_ms) < late_ms(life_ms)


def _is_public(state: SessionState) -> bool:
    """Return whether shared caches may keep the response; where the session's own system does not look, ``False``."""
    response = state.response
    return response is not None and state.options.dialect.guards_caches and is_public(response)


def _rolls(state: SessionState, touched: bool) -> bool:
    """Return whether a rolling session is renewed by this response.

    A response that never used the session may be older than the cookie that the client has by now: it renews a session
    only if its last renewal is a while ago, so that it does not overwrite a newer cookie, or bring back one that a logout removed.
    """
    options = state.options
    if touched or not options.rolling:
        return options.rolling
    if options.lazy_rolling or options.dialect.accepts_any_name:
        return not options.lazy_rolling
    life_ms, expire_ms = state.life_ms, state.expire_ms
    if life_ms is None or expire_ms is None:
        return life_ms is not expire_ms
    later_ms = rules.next_expire(state.policy.now_ms(), life_ms, state.created_ms, options.absolute_ms) - expire_ms
    return not 0 <= later_ms < late_ms(life_ms)
