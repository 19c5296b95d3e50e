"""Decide whether a session lives and whether it is written. Pure: what is known comes in, a word goes out."""

from typing import Literal, TypeGuard

SKEW_MS = 60_000
"""How far the clocks of two servers may be apart."""
LONGEST_MS = 400 * 86_400_000
"""How far ahead an end may be that comes without its lifetime: where browsers cut a cookie's life."""
LARGEST_MS = 2**53
"""The largest integer that JavaScript holds exactly."""


def check(
    expire: object,
    max_age: object,
    browser_session: object,
    created: object,
    now_ms: int,
    browser_ok: bool,
    absolute_ms: int | None,
) -> Literal["expired", "invalid"] | None:
    """Return why a verified session is dead; ``None`` if it lives. Source: koa-session ``valid``, and L-05.

    ``expire``, ``max_age``, ``browser_session`` and ``created`` are the members ``_expire``, ``_maxAge``, ``_session`` and
    ``_created`` as loaded: any JSON value, or ``None``. ``browser_ok``: the options allow sessions without an expiry.
    """
    if (max_age is not None and not _is_time(max_age)) or (created is not None and not _is_time(created)):
        return "invalid"
    if expire is None:
        # A session that ends with the browser says so; one that says nothing was cut or forged by a key holder.
        if browser_session is not True and not browser_ok:
            return "invalid"
    elif not _is_time(expire):
        return "invalid"
    elif expire < now_ms:
        return "expired"
    # No system dates a session further ahead than it lives.
    elif expire > now_ms + SKEW_MS + (max_age if _is_time(max_age) else LONGEST_MS):
        return "invalid"
    if absolute_ms is None:
        return None
    return _check_absolute(expire, max_age, created, now_ms, absolute_ms)


def _check_absolute(
    expire: object, max_age: object, created: object, now_ms: int, absolute_ms: int
) -> Literal["expired", "invalid"] | None:
    begun = birth(expire=expire, max_age=max_age, created=created)
    if begun is None or begun > now_ms + SKEW_MS:
        return "invalid"
    return "expired" if begun + absolute_ms < now_ms else None


def _is_time(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= LARGEST_MS


def birth(*, expire: object, max_age: object, created: object) -> int | None:
    """Return when a session began, in milliseconds: as it says, or else when it was last issued, by its dates."""
    if created is not None:
        return created if _is_time(created) else None
    if _is_time(expire) and _is_time(max_age):
        return expire - max_age
    return None


def has_own_life(max_age: object, browser_session: object) -> bool:
    """Return whether the application set the session's lifetime, so that a change of the option ``max_age`` does not reach it.

    ``_session`` is ``false`` then, beside ``_maxAge``; or ``_maxAge`` is 0, beside ``_session``, where it ends with the browser.
    """
    return browser_session is False or (browser_session is True and type(max_age) is int and max_age == 0)


def life_members(life_ms: int | None, *, own_life: bool) -> tuple[int | None, bool | None]:
    """Return ``_maxAge`` and ``_session`` for a lifetime; ``own``: the application set it. Milliseconds."""
    if own_life:
        return (0, True) if life_ms is None else (life_ms, False)
    return (None, True) if life_ms is None else (life_ms, None)


def earlier_end(expire: object, max_age: object, created: object, option_ms: int | None) -> int | None:
    """Return when a session ends by the option's lifetime, counted from its last renewal; ``None`` where that is no earlier.

    An absolute end hides the time of the renewal: then it counts from the time that is certain, the beginning.
    """
    if option_ms is None or not _is_time(expire) or not _is_time(max_age) or max_age <= option_ms:
        return None
    renewed = expire - max_age
    return min(expire, max(renewed, created if _is_time(created) else 0) + option_ms)


def next_expire(now_ms: int, max_age_ms: int, created_ms: int | None, absolute_ms: int | None) -> int:
    """Date the next end of a session: an idle lifetime from now, never past the absolute end. Milliseconds."""
    end_ms = now_ms + max_age_ms
    if created_ms is None or absolute_ms is None:
        return end_ms
    return min(end_ms, created_ms + absolute_ms)
