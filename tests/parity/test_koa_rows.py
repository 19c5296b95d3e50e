"""koa-session row by row, where no live peer is needed to see it; tests/interop shows the others."""

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from gingersnap import ConfigError, Session, SessionMiddleware
from tests.asgi import KEY, NOW, Browser, Clock, Sessions, app_of, request


def koa(**options: Any) -> Sessions:
    return Sessions(**{"preset": "koa", "clock": Clock(), **options})


async def test_K01_key_is_koa_sess_and_may_be_the_old_name() -> None:
    client, old = koa(), koa(key="koa:sess")
    await client.do(lambda session: session.update(n=1))
    await old.do(lambda session: session.update(n=1))
    assert [*client.jar] == ["koa.sess", "koa.sess.sig"]
    assert [*old.jar] == ["koa:sess", "koa:sess.sig"]


@pytest.mark.parametrize("name", ["maxage", "maxAge"])
def test_K03_koa_s_names_are_refused_with_ours(name: str) -> None:
    with pytest.raises(ConfigError, match="write max_age, in seconds"):
        koa(**{name: 1000})


async def test_K05_earlier_line_of_the_same_name_is_removed() -> None:
    app = app_of(lambda scope: scope["session"].update(n=1), [(b"set-cookie", b"koa.sess=x")])
    response = await request(SessionMiddleware(app, keys=[KEY], preset="koa"))
    assert [line.partition("=")[0] for line in response.cookies] == ["koa.sess", "koa.sess.sig"]


def test_K06_signed_without_keys_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="none to sign with"):
        SessionMiddleware(app_of(lambda scope: None), preset="koa")


async def test_K06_unsigned_and_readable_by_scripts_when_asked() -> None:
    with pytest.warns(UserWarning, match="signed=False"):
        client = koa(signed=False, http_only=False)
    response = await client.do(lambda session: session.update(n=1))
    assert [line.partition("=")[0] for line in response.cookies] == ["koa.sess"]
    assert "httponly" not in response.cookies[0]
    assert await client.data() == {"n": 1}


async def test_K09_secure_on_plain_http_is_sent_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    client = koa(secure=True)
    lines = [(await client.do(lambda session, n=n: session.update(n=n))).cookies[0] for n in (1, 2)]
    assert all("; secure" in line for line in lines)
    assert caplog.text.count("plain http") == 1


async def test_K09_secure_follows_the_connection_by_default() -> None:
    assert "; secure" in (await koa().do(lambda session: session.update(n=1), scheme="https")).cookies[0]
    assert "; secure" not in (await koa().do(lambda session: session.update(n=1))).cookies[0]


@pytest.mark.parametrize("same_site", ["lax", "strict", None])
async def test_K10_same_site_is_a_word_or_absent(same_site: Any) -> None:
    line = (await koa(same_site=same_site).do(lambda session: session.update(n=1))).cookies[0]
    assert ("samesite" in line, f"samesite={same_site}" in line) == (same_site is not None, same_site is not None)


async def test_K11_cookie_options_reach_the_line_in_koa_s_order() -> None:
    client = koa(domain="example.com", path="/a", priority="high", same_site="none", secure=True, partitioned=True, max_age=60)
    line = (await client.do(lambda session: session.update(n=1), scheme="https")).cookies[0]
    assert line.split("; ")[1:] == [
        "path=/a",
        "expires=Tue, 24 Nov 2026 12:05:55 GMT",
        "domain=example.com",
        "priority=high",
        "samesite=none",
        "secure",
        "httponly",
        "partitioned",
    ]


async def test_K16_encode_and_decode_see_data_with_its_dates() -> None:
    seen: list[Any] = []

    def encode(data: dict[str, Any]) -> str:
        seen.append(data)
        return b64encode(json.dumps(data).encode()).decode()

    client = koa(encode=encode, decode=lambda text: json.loads(b64decode(text)), max_age=60)
    await client.do(lambda session: session.update(n=1))
    assert seen == [{"n": 1, "_expire": int(NOW + 60) * 1000, "_maxAge": 60_000}]
    assert await client.data() == {"n": 1}


@pytest.mark.parametrize("verdict", [False, None, 0, ""])
async def test_K18_falsy_verdict_of_valid_is_a_new_session(verdict: Any) -> None:
    events: list[Any] = []
    client = koa(valid=lambda scope, session: verdict, listeners={"invalid": events.append})
    await client.do(lambda session: session.update(n=1))
    assert await client.data() == {}
    assert len(events) == 1


async def test_K19_before_save_runs_before_each_save_for_any_reason() -> None:
    calls: list[bool] = []
    client = koa(before_save=lambda scope, session: calls.append(session.is_new))
    await client.do(lambda session: session.update(n=1))
    await client.do(lambda session: session.get("n"))
    await client.do(lambda session: session.save())
    await client.do(lambda session: session.destroy())
    assert calls == [True, False]


def test_K20_application_is_required() -> None:
    with pytest.raises(TypeError, match="app"):
        SessionMiddleware(keys=[KEY])  # type: ignore[call-arg]


async def test_K21_second_middleware_is_ignored_but_not_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    inner = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], key="other")
    response = await request(SessionMiddleware(inner, keys=[KEY]))
    assert response.cookies[0].startswith("koa.sess=")
    assert "second" in caplog.text


async def test_K22_session_may_be_replaced_in_tests_by_any_dict() -> None:
    client = koa()
    await client.on_scope(lambda scope: scope.__setitem__("session", {"mocked": True}))
    assert await client.data() == {"mocked": True}


async def test_K26_cookie_options_of_one_session_do_not_leak_into_the_next() -> None:
    client = koa()
    first = await client.do(lambda session: (session.update(n=1), setattr(session.cookie, "path", "/a")))
    second = await client.do(lambda session: session.update(n=2))
    assert ["path=/a" in first.cookies[0], "path=/a" in second.cookies[0]] == [True, False]


async def test_K27_is_new_until_data_is_loaded() -> None:
    client = koa()
    seen: list[bool] = []
    for _ in range(2):
        await client.do(lambda session: (seen.append(session.is_new), session.update(n=1)))
    assert seen == [True, False]


async def test_K28_length_is_len_and_populated_its_truth() -> None:
    seen: list[Any] = []
    await koa().do(lambda session: (seen.extend([len(session), session.populated]), session.update(n=1)))
    client = koa()
    await client.do(lambda session: session.update(n=1, m=2))
    await client.do(lambda session: seen.extend([len(session), session.populated]))
    assert seen == [0, False, 2, True]


async def test_K29_setting_max_age_saves_even_a_new_and_empty_session() -> None:
    client = koa()
    response = await client.do(lambda session: setattr(session, "max_age", 60))
    assert "expires=Tue, 24 Nov 2026 12:05:55 GMT" in response.cookies[0]


async def test_K29_lifetime_of_years_is_koa_s_to_give() -> None:
    line = (await koa().do(lambda session: setattr(session, "max_age", 10 * 365 * 86_400))).cookies[0]
    assert "expires=Fri, 21 Nov 2036" in line


async def test_K33_commit_writes_when_asked() -> None:
    client = koa(auto_commit=False)

    async def handler(session: Session) -> None:
        session["n"] = 1
        await session.commit()

    assert len((await client.do(handler)).cookies) == 2


@pytest.mark.parametrize(
    "name", ["isNew", "maxAge", "length", "populated", "save", "toJSON", "_requireSave", "_expire", "__proto__"]
)
async def test_K34_names_that_koa_drops_are_refused(name: str) -> None:
    from gingersnap import ReservedKeyError

    with pytest.raises(ReservedKeyError, match=name):
        await koa().do(lambda session: session.update({name: 1}))


async def test_K41_events_are_told_after_the_fact_without_data() -> None:
    events: list[Any] = []
    clock = Clock()
    listeners = dict.fromkeys(("missed", "expired", "invalid"), events.append)
    client = koa(clock=clock, max_age=10, listeners=listeners)
    await client.do(lambda session: session.update(secret="hunter2"))
    clock.now += 11
    await client.do(lambda session: None)
    assert [event.name for event in events] == ["expired"]
    assert "hunter2" not in repr([(event.name, event.key, event.detail) for event in events])


async def test_K43_decode_that_raises_is_a_new_session_and_no_error() -> None:
    client = koa(encode=lambda data: "x", decode=lambda text: 1 / 0)
    await client.do(lambda session: session.update(n=1))
    assert (await client.do(lambda session: None)).status == 200


async def test_K44_encode_that_raises_passes_out_of_the_commit() -> None:
    with pytest.raises(ZeroDivisionError):
        await koa(encode=lambda data: 1 / 0, decode=dict).do(lambda session: session.update(n=1))


async def test_K45_error_of_the_application_sends_no_cookie() -> None:
    client = koa()
    with pytest.raises(ZeroDivisionError):
        await client.do(lambda session: (session.update(n=1), 1 / 0))
    assert client.jar == {}


async def test_K45_error_that_the_application_turns_into_a_response_is_committed() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "http.response.start", "status": 500, "headers": []})

    assert len((await request(SessionMiddleware(app, keys=[KEY], preset="koa"))).cookies) == 2


async def test_K50_changes_while_the_body_runs_are_lost_but_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"]["late"] = 1
        await send({"type": "http.response.body", "body": b""})

    client = Browser(SessionMiddleware(app, keys=[KEY], preset="koa"))
    await client.get()
    assert client.jar == {}
    assert "the change is lost: late" in caplog.text


async def test_K51_cookie_over_4_KB_is_refused() -> None:
    from gingersnap import CookieTooLarge

    with pytest.raises(CookieTooLarge):
        await koa().do(lambda session: session.update(notes="x" * 5000))


async def test_W05_bad_attributes_are_refused_at_construction() -> None:
    for option in ({"path": "/a;b"}, {"domain": "a b"}, {"priority": "urgent"}, {"same_site": "maybe"}, {"max_age": float("nan")}):
        with pytest.raises(ConfigError, match=next(iter(option))):
            koa(**option)


async def test_W06_secure_is_seen_by_the_scheme_of_the_connection() -> None:
    for scheme, secure in (("http", False), ("https", True), ("ws", False), ("wss", True)):
        response = await koa().do(lambda session: session.update(n=1), scheme=scheme)
        assert ("; secure" in response.cookies[0]) is secure
