"""The encrypted session, as a browser and an application see it."""

# Names bear the ids of requirements as they are written.

import base64
import logging
from typing import Any

import pytest

from gingersnap import CookieTooLarge, SessionMiddleware, SessionOptions, _core, _pure
from tests.asgi import KEY, OLD_KEY, Clock, Sessions, app_of, request

DAY = 86_400


def sealed(**given: Any) -> Sessions:
    return Sessions(**{"encrypt": True, **given})


def events(client: Sessions) -> list[str]:
    """Collect what the middleware tells of cookies that it does not believe."""
    heard: list[str] = []
    options = client.browser.app.options  # type: ignore[attr-defined]
    for name in ("tampered", "duplicate", "corrupt", "expired"):
        options.on(name, lambda event: heard.append(event.name))
    return heard


async def test_session_survives_from_request_to_request() -> None:
    client = sealed()
    await client.do(lambda session: session.update(views=1, cart={"items": ["ü", None, 1.5]}))
    assert await client.data() == {"views": 1, "cart": {"items": ["ü", None, 1.5]}}
    await client.do(lambda session: session["cart"]["items"].append(2))
    assert (await client.data())["cart"] == {"items": ["ü", None, 1.5, 2]}


async def test_one_line_is_set_and_no_signature(clock: Clock) -> None:
    client = sealed(clock=clock)
    response = await client.do(lambda session: session.update(n=1))
    (line,) = response.cookies
    value, _, attributes = line.partition(";")
    assert value.startswith("koa.sess=v1.")
    assert attributes == " path=/; expires=Wed, 25 Nov 2026 12:04:55 GMT; max-age=86400; samesite=lax; httponly"
    assert set(client.jar) == {"koa.sess"}


async def test_unchanged_session_sets_no_cookie() -> None:
    client = sealed()
    await client.do(lambda session: session.update(n=1))
    assert (await client.do(lambda session: session["n"])).cookies == []


async def test_nothing_can_be_read_in_the_browser() -> None:
    client = sealed()
    await client.do(lambda session: (session.update(email="ann@example.com"), session.login("ann")))
    value = client.jar["koa.sess"]
    shown = value.encode() + base64.urlsafe_b64decode(value.split(".")[2] + "==")
    assert not any(part in shown for part in (b"email", b"ann", b"example", b"_expire", b"_owner"))


async def test_a_removal_is_one_line() -> None:
    client = sealed()
    await client.do(lambda session: session.update(n=1))
    response = await client.do(lambda session: session.destroy())
    assert response.cookies == ["koa.sess=; path=/; expires=Thu, 01 Jan 1970 00:00:01 GMT; max-age=0; samesite=lax; httponly"]


async def test_no_name_is_set_twice() -> None:
    client = sealed()
    client.browser.app.app = app_of(  # type: ignore[attr-defined]
        lambda scope: scope["session"].update(n=1), [(b"set-cookie", b"koa.sess=theirs"), (b"set-cookie", b"other=1")]
    )
    response = await client.browser.get()
    assert [line.partition("=")[0] for line in response.cookies] == ["other", "koa.sess"]


# --- rotation.


async def test_X05_a_token_of_an_older_key_is_issued_anew_and_ends_when_it_was_to_end(clock: Clock) -> None:
    client = sealed(keys=[OLD_KEY], clock=clock)
    await client.do(lambda session: session.update(n=1))
    rotated = sealed(keys=[KEY, OLD_KEY], clock=clock)
    rotated.jar.update(client.jar)
    clock.now += 3600
    ends: list[Any] = []
    response = await rotated.do(lambda session: ends.append((dict(session), session.expires_at)))
    (line,) = response.cookies
    assert line.startswith("koa.sess=v1.")
    assert "expires=Wed, 25 Nov 2026 12:04:55 GMT" in line
    alone = sealed(keys=[KEY], clock=clock)
    alone.jar.update(rotated.jar)
    await alone.do(lambda session: ends.append((dict(session), session.expires_at)))
    assert ends[0] == ends[1]
    assert ends[0][0] == {"n": 1}
    assert (await alone.do(lambda session: session["n"])).cookies == []


async def test_X05_a_key_that_was_removed_revokes() -> None:
    client = sealed(keys=[OLD_KEY])
    await client.do(lambda session: session.update(n=1))
    other = sealed(keys=[KEY])
    other.jar.update(client.jar)
    heard = events(other)
    assert await other.data() == {}
    assert heard == ["tampered"]


# --- L-04: dates are inside.


async def test_L04_a_session_ends_by_the_date_inside_though_the_cookie_is_kept(clock: Clock) -> None:
    client = sealed(clock=clock, max_age=60)
    await client.do(lambda session: session.update(n=1))
    heard = events(client)
    clock.now += 61
    assert await client.data() == {}
    assert heard == ["expired"]


async def test_L04_the_absolute_age_holds_whatever_is_renewed(clock: Clock) -> None:
    client = sealed(clock=clock, max_age=60, absolute_age=150, rolling=True)
    await client.do(lambda session: session.update(n=1))
    for _ in range(4):
        clock.now += 30
        assert await client.data() == {"n": 1}
    clock.now += 31
    assert await client.data() == {}


async def test_a_session_of_the_browsers_life_has_no_date() -> None:
    client = sealed(max_age="session")
    response = await client.do(lambda session: session.update(n=1))
    assert "expires" not in response.cookies[0]
    assert await client.data() == {"n": 1}


# --- C-02: size.


async def test_C02_a_session_too_large_is_told_before_anything_is_sent() -> None:
    client = sealed()
    with pytest.raises(CookieTooLarge) as caught:
        await client.do(lambda session: session.update(big="x" * 4096, small=1))
    assert caught.value.largest[0][0] == "big"
    assert caught.value.size > caught.value.limit == 4096
    assert client.jar == {}


async def test_C02_the_largest_session_fits_to_the_octet() -> None:
    client = sealed()
    sizes = []

    async def grow() -> None:
        for length in range(2900, 3000):
            response = await client.do(lambda session, length=length: session.update(big="x" * length))
            sizes.append(len(response.cookies[0]))

    with pytest.raises(CookieTooLarge) as caught:
        await grow()
    assert sizes[-1] <= 4096 < caught.value.size <= sizes[-1] + 2


# --- what is not believed.


def spoiled(token: str) -> str:
    """Change one character of a token, whichever stands there."""
    return token[:20] + ("A" if token[20] != "A" else "B") + token[21:]


async def forged(client: Sessions, value: str, *, signature: str | None = None) -> list[str]:
    client.jar.clear()
    client.jar["koa.sess"] = value
    if signature is not None:
        client.jar["koa.sess.sig"] = signature
    heard = events(client)
    response = await client.do(lambda session: dict(session) == {} or pytest.fail("it was believed"))
    assert response.cookies == []
    return heard


async def test_X04_a_signed_session_of_the_same_keys_is_no_session() -> None:
    signed = Sessions()
    await signed.do(lambda session: session.update(admin=True))
    client = sealed()
    assert await forged(client, signed.jar["koa.sess"], signature=signed.jar["koa.sess.sig"]) == ["tampered"]


async def test_X04_a_plain_session_is_no_session() -> None:
    value = base64.b64encode(b'{"admin":true,"_session":true}').decode()
    assert await forged(sealed(max_age="session"), value) == ["tampered"]
    assert await forged(sealed(signed=False, max_age="session"), value) == ["tampered"]


async def test_X04_a_token_is_no_session_to_the_signed_format() -> None:
    client = sealed()
    await client.do(lambda session: session.update(n=1))
    # Without a signature it is what a client may have left of a removed cookie.
    assert await forged(Sessions(), client.jar["koa.sess"]) == []
    assert await forged(Sessions(), client.jar["koa.sess"], signature="x" * 43) == ["tampered"]


async def test_X03_a_token_of_another_cookie_name_is_no_session() -> None:
    other = sealed(key="other")
    await other.do(lambda session: session.update(n=1))
    assert await forged(sealed(), other.jar["other"]) == ["tampered"]


async def test_X03_a_forged_token_is_replaced_by_the_next_write() -> None:
    client = sealed()
    await client.do(lambda session: session.update(n=1))
    client.jar["koa.sess"] = spoiled(client.jar["koa.sess"])
    response = await client.do(lambda session: session.update(n=2))
    assert len(response.cookies) == 1
    assert await client.data() == {"n": 2}


async def test_a_bad_token_leaves_no_signature_to_drop() -> None:
    assert await forged(sealed(drop_bad_signature=True), "v1.AAAAAA.AAAA", signature="x") == ["tampered"]


async def test_C04_two_tokens_are_no_session() -> None:
    client = sealed()
    tokens = []
    for _ in range(2):
        await client.do(lambda session: session.update(n=session.get("n", 0) + 1))
        tokens.append(client.jar["koa.sess"])
    heard = events(client)
    header = "; ".join(f"koa.sess={token}" for token in tokens).encode()
    seen: list[Any] = []
    client.handler = lambda scope: seen.append(dict(scope["session"]))
    await request(client.browser.app, headers=[(b"cookie", header)])
    assert seen == [{}]
    assert heard == ["duplicate"]


# --- What goes with it.


async def test_a_sessions_own_attributes_keep_it_sealed() -> None:
    client = sealed()

    def handler(session: Any) -> None:
        session["n"] = 1
        session.cookie.same_site = "strict"

    (line,) = (await client.do(handler)).cookies
    assert line.startswith("koa.sess=v1.")
    assert "samesite=strict" in line
    assert await client.data() == {"n": 1}


async def test_owner_and_own_lifetime_come_back() -> None:
    client = sealed()

    def handler(session: Any) -> None:
        session["n"] = 1
        session.max_age = 10 * DAY
        session.login("ann")

    await client.do(handler)
    seen: list[Any] = []
    await client.do(lambda session: seen.append((session.owner, session.max_age)))
    assert seen == [("ann", 10 * DAY)]


async def test_X09_without_random_octets_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(count: int) -> bytes:
        raise OSError("no entropy")

    # The native module asks the system itself: rust/seal.rs has its test.
    monkeypatch.setattr(_core, "SealedCookie", _pure.SealedCookie)
    client = sealed()
    monkeypatch.setattr("os.urandom", fail)
    with pytest.raises(OSError, match="no entropy"):
        await client.do(lambda session: session.update(n=1))
    assert client.jar == {}


async def test_P01_nothing_shows_a_key_a_token_or_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = sealed(keys=[KEY, OLD_KEY])
    sessions: list[Any] = []
    await client.do(lambda session: (session.update(secret="correct horse"), sessions.append(session)))
    token = client.jar["koa.sess"]
    await forged(client, spoiled(token))
    middleware = client.browser.app
    layout = middleware._sessions.format  # type: ignore[attr-defined]
    options = SessionOptions(keys=[KEY], encrypt=True)
    objects = [options, middleware, middleware._sessions, layout, layout._prepared, sessions]  # type: ignore[attr-defined]
    shown = caplog.text + "".join(map(repr, objects))
    assert not any(part in shown for part in (KEY, OLD_KEY, token, token[10:30], "correct horse"))


def test_options_can_be_prepared() -> None:
    options = SessionOptions(keys=[KEY], encrypt=True)
    assert options.encrypt
    assert not options.replace(encrypt=False).encrypt
    assert SessionMiddleware(app_of(lambda scope: None), options).options is options
