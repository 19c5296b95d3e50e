"""Options: wrong ones are refused at construction; right ones become exactly the attributes that were asked for."""

# Names bear the ids of requirements as they are written.

import base64
import contextlib
import hmac
import itertools
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gingersnap import Accept, ConfigError, CookieTooLarge, HeaderKey, SessionMiddleware, SessionOptions
from gingersnap.cookies.attributes import Attributes, SessionCookie
from gingersnap.dialects import PRESETS
from gingersnap.legacy.sources import format_for
from gingersnap.option_types import DEFAULTS
from gingersnap.stores import MemoryStore, PlainStore
from tests.asgi import KEY, NOW, Clock, Sessions

NOW_MS = int(NOW * 1000)
DAY = 86_400
SECRET = "Zx9-marker-of-a-secret-of-some-length"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let ``signed=False`` warn nobody, where it is not what is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def options_of(**given: Any) -> SessionOptions:
    """Make options with a good key."""
    with quiet():
        return SessionOptions(**{"keys": [KEY], **given})


# --- Every option by itself.

NOT_FLAGS = [None, 0, 1, 1.0, "", "yes", "True", b"", [], [True], {}, object()]
NOT_WORDS = [0, 1, 5, 1.5, "", "Strict", " lax", "none;", b"lax", ["lax"], ("lax",), {"lax"}, {}, object()]
NOT_CALLABLE = [0, 1, True, False, "", "print", b"x", [], [print], {}, object()]
NOT_OCTETS = [None, True, False, 0, 1, -1, 63, 1_048_577, 10**30, 64.0, 4096.0, "4096", b"4096", [4096], object()]
NOT_AGES = [
    True,
    False,
    0,
    -1,
    0.0,
    0.0001,
    "",
    "60",
    "never",
    b"60",
    [60],
    {},
    object(),
    timedelta(0),
    timedelta(-1),
    float("nan"),
]
TOO_LONG = [float("inf"), 400 * DAY + 1, 86_400_000, timedelta(days=401), 10**15, 10**400]

NOT_TIMEOUTS = [None, *NOT_AGES, "session", 0.0009, 60.001, 2_000, timedelta(minutes=2), float("inf"), 10**400]


class Koa:
    """An object with koa's three methods."""

    def get(self, *given: Any, **named: Any) -> None: ...

    def set(self, *given: Any, **named: Any) -> None: ...

    def destroy(self, *given: Any, **named: Any) -> None: ...


class Key:
    """An external key."""

    def get(self, scope: Any) -> None: ...

    def set(self, scope: Any, headers: Any, value: str) -> None: ...


def without(kind: type, missing: str) -> object:
    """Give an object that lacks one method."""
    return type(
        "Half", (), {name: kind.__dict__[name] for name in kind.__dict__ if name not in (missing, "__dict__", "__weakref__")}
    )()


WRONG: dict[str, list[Any]] = {
    "keys": [
        None,
        "",
        KEY,
        KEY.encode(),
        0,
        5,
        True,
        {},
        {KEY},
        {KEY: 1},
        object(),
        [None],
        [5],
        [b""],
        [""],
        ["short"],
        [[KEY]],
        ["\ud800" * 32],
    ],
    "allow_weak_keys": NOT_FLAGS,
    "key": [
        *(None, True, 0, 5, 1.5, b"sid", ["sid"], object()),
        *(
            "",
            " ",
            "a b",
            "a;b",
            "a=b",
            "a,b",
            "a\n",
            "\n",
            "a\r\nx",
            "a\tb",
            "a\0",
            "\x7f",
            "ü",
            "\u017f",
            "\ud800",
            '"a"',
            "a/b",
            "a(b",
            "a[0]",
        ),
        *("a:b", "a@b", "a{", "a\\b", "a?b", "<a>", "x" * 1025),
    ],
    "max_age": [None, *NOT_AGES, *TOO_LONG],
    "absolute_age": ["session", *NOT_AGES, *TOO_LONG],
    "auto_commit": NOT_FLAGS,
    "rolling": NOT_FLAGS,
    "renew": NOT_FLAGS,
    "signed": NOT_FLAGS,
    "algorithm": [None, "SHA256", "sha-256", "md5", "sha224", "hs256", *NOT_WORDS],
    "encrypt": NOT_FLAGS,
    "http_only": NOT_FLAGS,
    "overwrite": NOT_FLAGS,
    "secure": [None, "Auto", "true", "https", *NOT_WORDS],
    "same_site": [True, False, "None", "Lax", *NOT_WORDS],
    "domain": [
        *(True, False, 0, 5, b"example.com", ["example.com"], object()),
        *(
            "",
            ".",
            ".example.com",
            "a..b",
            "a b",
            "a;b",
            "a; secure",
            "a\n",
            "a\r\nx: y",
            "a,b",
            "a=b",
            "a:80",
            "-a",
            "a-",
            "a_b",
            "*.a",
        ),
        *("bücher.example", "\u017f.example", "\u212a.example", "\u0130.example", "a" * 64, "a." * 600 + "a"),
    ],
    "path": [
        *(None, True, 0, 5, b"/", ["/"], object()),
        *(
            "",
            "a",
            " /",
            "/;",
            "/; secure",
            "/\n",
            "/\r\nSet-Cookie: a=b",
            "/\0",
            "/\t",
            "/\x7f",
            "/ü",
            "/\ud800",
            "/" + "a" * 1024,
            "/a ",
        ),
    ],
    "partitioned": NOT_FLAGS,
    "priority": [True, False, "High", "highest", *NOT_WORDS],
    "trust_proxy": NOT_FLAGS,
    "encode": NOT_CALLABLE,
    "decode": NOT_CALLABLE,
    "valid": NOT_CALLABLE,
    "before_save": NOT_CALLABLE,
    "max_cookie_bytes": NOT_OCTETS,
    "max_header_bytes": NOT_OCTETS,
    "duplicates": [None, True, "last", "Reject", *NOT_WORDS],
    "keep_empty": NOT_FLAGS,
    "lazy_rolling": NOT_FLAGS,
    "drop_bad_signature": NOT_FLAGS,
    "cache_headers": NOT_FLAGS,
    "store": [
        *(True, False, 0, 5, "memory", "redis://localhost", b"x", [], {}, {"get": print}, object(), print),
        *(without(Koa, name) for name in ("get", "set", "destroy")),
        *(without(MemoryStore, name) for name in ("load", "create", "replace", "move", "touch")),
        # A class is no store yet.
        *(MemoryStore, PlainStore, Koa),
    ],
    "context_store": [*NOT_CALLABLE, MemoryStore()],
    "genid": NOT_CALLABLE,
    "prefix": [
        *(None, True, False, 0, 5, b"", b"sess", ["sess"], object()),
        *(" ", "a b", "a;b", "a,b", "a=b", 'a"b', "a/b", "a\\b", "a\n", "\n", "a\0", "ü", "\u017f", "{a}", "a*", "x" * 65),
    ],
    "external_key": [
        *(True, False, 0, 5, "x-session", b"x", ["x"], {}, print, object(), HeaderKey, Key),
        *(without(Key, name) for name in ("get", "set")),
    ],
    "defer": NOT_FLAGS,
    "ttl": [True, 0, -1, "60", b"", [], {}],
    "resave": NOT_FLAGS,
    "allow_empty": NOT_FLAGS,
    "unset": [None, True, False, "Keep", *NOT_WORDS],
    "regenerate_grace": [None, True, "5", -1, 0.0001, 61, timedelta(minutes=2), float("nan"), float("inf"), [5]],
    "match_path": NOT_FLAGS,
    "on_conflict": [None, True, False, "Merge", "mine", "theirs", *NOT_WORDS],
    "atomic_keys": [
        None,
        True,
        0,
        5,
        "",
        "user",
        b"user",
        {},
        {"user": 1},
        [1],
        ["user", None],
        (b"user",),
        iter(["user"]),
        object(),
    ],
    "on_store_error": [None, True, False, "Raise", "503", "ignore", *NOT_WORDS],
    "store_timeout": NOT_TIMEOUTS,
    "store_breaker": NOT_FLAGS,
    "strict_startup": NOT_FLAGS,
    "commit_on_error": NOT_FLAGS,
    "strict": NOT_FLAGS,
    "accept": [None, True, "", {}, object(), ["koa"], [None], [SessionOptions], [SessionOptions(keys=[KEY])]],
    "preset": [True, False, 0, 5, "", "Koa", "Express", b"koa", ["koa"], {"koa"}, {}, object()],
    "scope_key": [None, True, 0, 5, "", b"session", ["session"], object()],
    "listeners": [
        None,
        5,
        True,
        "saved",
        [print],
        print,
        {"nope": print},
        {"saved": None},
        {"saved": "print"},
        {5: print},
        {None: print},
    ],
    "clock": [None, *NOT_CALLABLE],
}
CASES = [pytest.param(name, value, id=f"{name}-{ascii(value)[:24]}") for name, wrong in WRONG.items() for value in wrong]


NEED_STORE = {
    "genid": str,
    "prefix": "sess:",
    "external_key": HeaderKey("x-session"),
    "defer": True,
    "resave": True,
    "allow_empty": True,
    "unset": "keep",
    "regenerate_grace": 5,
    "on_conflict": "raise",
    "atomic_keys": ["user"],
    "on_store_error": "raise",
    "store_timeout": 3,
    "store_breaker": False,
    "strict_startup": True,
}

PARTNERS: dict[str, dict[str, Any]] = {
    "encode": {"decode": dict},
    "decode": {"encode": str},
    "partitioned": {"secure": True},
    **{name: {"store": MemoryStore()} for name in sorted(NEED_STORE)},
}


def refused(name: str, value: Any) -> ConfigError:
    """Give the refusal of one option; its partner is set, where it has one."""
    with pytest.raises(ConfigError) as caught:
        options_of(**{**PARTNERS.get(name, {}), name: value})
    return caught.value


def test_the_table_knows_every_option() -> None:
    assert set(WRONG) == set(DEFAULTS)


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_option_is_refused_by_its_name_with_a_cure(name: str, value: Any) -> None:
    error = refused(name, value)
    assert error.option == name
    assert re.fullmatch(rf"{name}: [^;]+(; .+)", str(error))


@pytest.mark.parametrize(("name", "value"), CASES)
def test_the_middleware_refuses_what_options_refuse(name: str, value: Any) -> None:
    with quiet(), pytest.raises(ConfigError):
        SessionMiddleware(None, **{"keys": [KEY], **PARTNERS.get(name, {}), name: value})  # type: ignore[arg-type]


# Any text is a good scope_key, and a list of one such text good keys, and good atomic_keys.
@pytest.mark.parametrize("name", sorted(set(DEFAULTS) - {"listeners", "keys", "scope_key", "atomic_keys"}))
def test_P01_a_refusal_shows_no_value(name: str) -> None:
    for value in ([SECRET], {SECRET: SECRET}, SECRET.encode(), SECRET + "\n;"):
        assert SECRET not in str(refused(name, value))


RIGHT: dict[str, list[Any]] = {
    "keys": [[KEY], (KEY,), [KEY.encode()], [KEY, KEY + "2"]],
    "key": ["koa.sess", "s", "!#$%&'*+-.^_`|~09azAZ", "x" * 1024],
    "max_age": ["session", 1, 0.5, DAY, 400 * DAY, timedelta(minutes=5)],
    "absolute_age": [None, 1, 0.5, 400 * DAY, timedelta(days=1)],
    "algorithm": ["sha1", "sha256", "sha384", "sha512", "blake3"],
    "secure": [True, False, "auto"],
    "same_site": ["lax", "strict", "auto", None],
    "domain": [None, "example.com", "EXAMPLE.com", "localhost"],
    "path": ["/", "/a", "/a b"],
    "priority": [None, "low", "medium", "high"],
    "valid": [None, print],
    "before_save": [None, print],
    "max_cookie_bytes": [64, 4096, 15_872],
    "max_header_bytes": [4608, 16_384, 1_048_576],
    "duplicates": ["reject", "first"],
    "store": [None, MemoryStore(), Koa(), PlainStore(Koa())],
    "context_store": [None, print, lambda scope: MemoryStore()],
    "genid": [None, print],
    "prefix": ["", "sess", "app:v1.2_x-", "x" * 64],
    "external_key": [None, HeaderKey("x-session"), Key()],
    "on_conflict": ["merge", "overwrite", "raise"],
    "atomic_keys": [(), [], ["user"], ("user", "role"), {"user"}, frozenset({"user"}), ["any text at all: \n;"]],
    "on_store_error": ["unavailable", "raise", "anonymous", print],
    "store_timeout": [0.001, 1, 2.5, 60, timedelta(milliseconds=500)],
    "preset": [None, "koa"],
    "accept": [(), [], [Accept(until=1e10, keys=[KEY])], (Accept(until=1e10, preset="koa", keys=[KEY]),)],
    "scope_key": ["session", "my session"],
    "listeners": [{}, {"saved": print, "expired": print}],
    "clock": [Clock(), lambda: 0.0],
    **{name: [True, False] for name in ("auto_commit", "rolling", "renew", "signed", "http_only", "overwrite", "trust_proxy")},
    **{name: [True, False] for name in ("encrypt", "keep_empty", "lazy_rolling", "drop_bad_signature", "cache_headers")},
    **{name: [True, False] for name in ("defer", "store_breaker", "strict_startup", "commit_on_error", "strict")},
    **{name: [True, False] for name in ("resave", "allow_empty", "match_path")},
    "unset": ["destroy", "keep"],
    "regenerate_grace": [0, 0.5, 60, timedelta(seconds=5)],
    "ttl": [None],
    **{name: [True, False] for name in ("allow_weak_keys", "partitioned")},
    "encode": [None, str],
    "decode": [None, dict],
}
CHECKED_ELSEWHERE = ("ttl", "keys", "max_age", "absolute_age", "listeners", "store_timeout", "regenerate_grace", "allow_weak_keys")


def test_the_table_of_right_options_knows_every_option() -> None:
    assert set(RIGHT) == set(DEFAULTS)


KEPT_AS: dict[str, Any] = {"atomic_keys": frozenset, "accept": tuple}


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=f"{name}-{ascii(value)[:20]}") for name, right in RIGHT.items() for value in right],
)
def test_a_right_option_is_taken(name: str, value: Any) -> None:
    partner = {} if name in ("encode", "decode") and value is None else PARTNERS.get(name, {})
    options = options_of(**{**partner, name: value})
    if name not in CHECKED_ELSEWHERE:
        taken = getattr(options, name)
        assert taken is value or taken == KEPT_AS.get(name, lambda given: given)(value)


@pytest.mark.parametrize(("given", "seconds"), [(2, 2.0), (0.25, 0.25), (timedelta(milliseconds=1500), 1.5), (60, 60.0)])
def test_a_store_timeout_becomes_seconds(given: Any, seconds: float) -> None:
    taken = options_of(store=MemoryStore(), store_timeout=given).store_timeout_s
    assert (taken, type(taken)) == (seconds, float)


def test_O01_a_store_has_two_seconds_unless_it_is_set_otherwise() -> None:
    options = options_of(store=MemoryStore())
    assert (options.store_timeout_s, options.on_store_error, options.store_breaker) == (2.0, "unavailable", True)
    assert (options.on_conflict, options.commit_on_error, options.strict_startup) == ("merge", False, False)


@pytest.mark.parametrize("name", NEED_STORE)
def test_an_option_that_needs_a_store_is_refused_without_one(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: a session that lives in its cookie has no use for it; pass store=") as caught:
        options_of(**{name: NEED_STORE[name]})
    assert caught.value.option == name
    for store in ({"store": MemoryStore()}, {"store": Koa()}, {"context_store": lambda scope: MemoryStore()}):
        options_of(**store, **{name: NEED_STORE[name]})


def test_an_option_that_needs_a_store_may_be_given_as_it_is_without_one() -> None:
    options_of(**{name: DEFAULTS[name] for name in NEED_STORE})  # type: ignore[literal-required]


def test_K15_an_external_key_needs_neither_keys_nor_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for given in ({}, {"signed": False}, {"keys": [KEY]}):
            SessionMiddleware(None, store=MemoryStore(), external_key=HeaderKey("x-session"), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "option", "words"),
    [
        ({"keys": []}, "keys", "there is none to sign with"),
        ({"encode": str}, "encode", "it was given without decode"),
        ({"decode": dict}, "encode", "it was given without decode, or decode without it"),
        ({"keys": [], "encrypt": True}, "keys", "there is none to encrypt with"),
        ({"keys": [], "encrypt": True, "signed": False}, "keys", "there is none to encrypt with"),
        ({"encrypt": True, "preset": "koa"}, "encrypt", "leave out encrypt, or preset='koa'"),
        ({"encrypt": True, "encode": str, "decode": dict}, "encrypt", "leave out encrypt, or encode and decode"),
        ({"same_site": "none"}, "same_site", "pass secure=True, or same_site='auto'"),
        ({"same_site": "none", "secure": False}, "same_site", "pass secure=True"),
        ({"partitioned": True}, "partitioned", "pass secure=True"),
        ({"keys": [], "store": MemoryStore()}, "keys", "there is none to sign with"),
        ({"encrypt": True, "store": MemoryStore()}, "encrypt", "leave out encrypt: the cookie holds a random id"),
        ({"encrypt": True, "context_store": print}, "encrypt", "leave out encrypt: the cookie holds a random id"),
        ({"encode": str, "decode": dict, "store": MemoryStore()}, "encode", "the store has the session; leave them out"),
        ({"encode": str, "store": MemoryStore()}, "encode", "it was given without decode"),
        ({"prefix": "a", "genid": str, "store": MemoryStore()}, "prefix", "put it into what genid returns"),
    ],
    ids=lambda item: ascii(item)[:60],
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, Any], option: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        SessionOptions(**{"keys": [KEY], **given})
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("maxAge", "write max_age, in seconds"),
        ("httpOnly", "write http_only"),
        ("secret_key", "write keys, a list"),
        ("max_agee", "did you mean max_age?"),
        ("rollin", "did you mean rolling?"),
        ("ContextStore", "write context_store"),
        ("externalKey", "write external_key"),
        ("session_store", "write store"),
        *((name, "write max_age, in seconds") for name in ("idle_timeout", "lifetime", "expires")),
        ("cookie_name", "write key"),
        ("cookie_path", "write path"),
        ("save_uninitialized", "write allow_empty"),
        ("hash", "write algorithm"),
        ("cookie", "write its members as options of their own: max_age (in seconds), http_only, secure, same_site, domain, path"),
        ("store_timout", "did you mean store_timeout?"),
        ("xyzzy", "every option stands in the README, under Options"),
        ("samesit", "did you mean same_site?"),
        ("timeout", "did you mean store_timeout?"),
    ],
)
def test_an_unknown_option_is_refused_with_a_guess(name: str, cure: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: there is no such option; ") as caught:
        SessionOptions(**{"keys": [KEY], name: 1})  # type: ignore[misc]
    assert str(caught.value).endswith(cure) or cure in str(caught.value)


def test_an_unsigned_session_warns() -> None:
    with pytest.warns(UserWarning, match="signed=False: anybody can write this session cookie"):
        assert SessionOptions(signed=False).keys == ()


def test_an_encrypted_session_needs_no_signature_and_warns_of_none() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SessionOptions(keys=[KEY], encrypt=True, signed=False).encrypt


def test_prepared_options_come_alone() -> None:
    with pytest.raises(ConfigError, match="both prepared and by name"):
        SessionMiddleware(None, options_of(), rolling=True)  # type: ignore[arg-type]


def test_options_are_frozen_and_replaced() -> None:
    options = options_of(rolling=True, key="sid")
    with pytest.raises(AttributeError, match=r"frozen; use options\.replace\(rolling="):
        options.rolling = False
    changed = options.replace(rolling=False, path="/a")
    assert (changed.rolling, changed.key, changed.path, changed.keys) == (False, "sid", "/a", options.keys)
    assert (options.rolling, options.path) == (True, "/")


def test_replacing_checks_as_construction_does() -> None:
    with pytest.raises(ConfigError, match=r"^path: "):
        options_of().replace(path="a")
    with pytest.raises(ConfigError, match=r"^nope: there is no such option"):
        options_of().replace(nope=1)  # type: ignore[call-arg]


def test_a_preset_changes_defaults_alone() -> None:
    koa = options_of(preset="koa")
    preset = {name: value for name, value in PRESETS["koa"].items() if name != "max_age"}
    assert {name: getattr(koa, name) for name in preset} == preset
    assert (koa.max_age_ms, koa.cookie_has_expires) == (DAY * 1000, False)
    given = options_of(preset="koa", max_age=60, algorithm="sha256", same_site="strict", duplicates="reject")
    assert (given.max_age_ms, given.cookie_has_expires) == (60_000, True)
    assert (given.algorithm, given.same_site, given.duplicates) == ("sha256", "strict", "reject")


def test_a_preset_may_be_given_its_own_key() -> None:
    assert options_of(preset="koa", key="koa:sess").key == "koa:sess"
    with pytest.raises(ConfigError, match=r"^key: "):
        options_of(key="koa:sess")


@pytest.mark.parametrize("max_age", [10**17, 1e20, 1e300, timedelta.max], ids=repr)
async def test_an_age_that_the_koa_preset_takes_can_be_written(max_age: Any) -> None:
    try:
        client = Sessions(preset="koa", max_age=max_age)
    except ConfigError:
        return
    response = await client.do(lambda session: session.update(a=1))
    assert len(response.cookies) == 2
    assert await client.data() == {"a": 1}


# --- C-05: prefixes, at construction.

PREFIXES = {
    # The name's start: whether Secure, HttpOnly and a host's own cookie are asked for (RFC 6265bis section 4.1.3).
    "": (False, False, False),
    "__Secure-": (True, False, False),
    "__Host-": (True, False, True),
    "__Http-": (True, True, False),
    "__Host-Http-": (True, True, True),
}


@pytest.mark.parametrize("preset", [None, "koa"])
@pytest.mark.parametrize("spell", [str, str.lower, str.upper], ids=["exact", "lower", "upper"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_C05_option_matrix(prefix: str, spell: Any, preset: Any) -> None:
    asks_secure, asks_http_only, asks_host = PREFIXES[prefix]
    matrix = itertools.product(
        (True, False, "auto"),
        (True, False),
        (None, "example.com"),
        ("/", "/a"),
        ("lax", "strict", "none", "auto", None),
        (True, False),
    )
    wrong = []
    for secure, http_only, domain, path, same_site, partitioned in matrix:
        wanted = (
            (secure is True or not (asks_secure or same_site == "none" or partitioned))
            and (http_only or not asks_http_only)
            and ((domain, path) == (None, "/") or not asks_host)
        )
        given = {"secure": secure, "http_only": http_only, "domain": domain, "path": path, "same_site": same_site}
        try:
            SessionOptions(keys=[KEY], key=spell(prefix + "sid"), preset=preset, partitioned=partitioned, **given)
        except ConfigError:
            taken = False
        else:
            taken = True
        wrong += [] if taken == wanted else [given]
    assert wrong == []


# --- C-09: what the defaults are.


@pytest.mark.parametrize(("scheme", "secure"), [("http", ""), ("https", "; secure")])
async def test_C09_default_lines(scheme: str, secure: str) -> None:
    client = Sessions(clock=Clock())
    response = await client.do(lambda session: session.update(n=1), scheme=scheme)
    tail = f"; path=/; expires=Wed, 25 Nov 2026 12:04:55 GMT; max-age=86400; samesite=lax{secure}; httponly"
    assert response.cookies == [
        f"koa.sess=eyJuIjoxLCJfZXhwaXJlIjoxNzk1NjA4Mjk1MDAwLCJfbWF4QWdlIjo4NjQwMDAwMH0={tail}",
        f"koa.sess.sig={signature(response.cookies[0])}{tail}",
    ]


@pytest.mark.parametrize(("scheme", "secure"), [("http", ""), ("https", "; secure")])
async def test_C09_default_lines_of_a_removal(scheme: str, secure: str) -> None:
    client = Sessions(clock=Clock())
    await client.do(lambda session: session.update(n=1), scheme=scheme)
    response = await client.do(lambda session: session.destroy(), scheme=scheme)
    tail = f"; path=/; expires=Thu, 01 Jan 1970 00:00:01 GMT; max-age=0; samesite=lax{secure}; httponly"
    assert response.cookies == [f"koa.sess.sig={signature('koa.sess=')}{tail}", f"koa.sess={tail}"]


def signature(line: str) -> str:
    """Sign a line's pair independently of both backends."""
    return base64.urlsafe_b64encode(hmac.digest(KEY.encode(), line.partition(";")[0].encode(), "sha256")).decode().rstrip("=")


async def test_C09_a_host_cookie_is_one_option_away() -> None:
    client = Sessions(key="__Host-sid", secure=True)
    response = await client.do(lambda session: session.update(n=1), scheme="https")
    for line in response.cookies:
        _, attributes = parsed(line.encode())
        assert {"secure", "httponly", "path", "samesite"} <= set(attributes)
        assert (attributes["path"], "domain" in attributes) == ("/", False)


# --- C-01: whatever the options, a line says what was asked and nothing else.

CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
KOA_NAME = re.compile(rb"[\x21-\x3a\x3c\x3e-\x7e]+")
COOKIE_OCTETS = re.compile(rb"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def parsed(line: bytes) -> tuple[tuple[bytes, bytes], dict[str, str]]:
    """Read a Set-Cookie line as a browser does (RFC 6265bis section 5.6): the pair, and the attributes in lower case."""
    assert not CONTROLS.search(line), "step 1: a browser drops the whole line"
    pair, *unparsed = line.split(b";")
    name, equals, value = pair.partition(b"=")
    assert equals, "step 3: a pair without '=' has no name"
    name, value = name.strip(b" \t"), value.strip(b" \t")
    attributes: dict[str, str] = {}
    for part in unparsed:
        attribute, _, content = part.partition(b"=")
        attribute, content = attribute.strip(b" \t"), content.strip(b" \t")
        assert len(content) <= 1024, "section 5.6 step 6: a browser ignores the attribute"
        assert attribute.lower().decode() not in attributes, "an attribute that comes twice"
        attributes[attribute.lower().decode()] = content.decode("ascii")
    return (name, value), attributes


def asked(options: SessionOptions, *, secure: bool, expires_ms: int | None) -> dict[str, str]:
    """Say which attributes the options ask for."""
    same_site = ("none" if secure else "lax") if options.same_site == "auto" else options.same_site
    flags = {"secure": secure, "httponly": options.http_only, "partitioned": options.partitioned}
    texts = {"path": options.path, "domain": options.domain, "priority": options.priority, "samesite": same_site}
    dates = {} if expires_ms is None else {"expires": str(max(0, min(expires_ms // 1000, 253_402_300_799)))}
    return {name: "" for name, on in flags.items() if on} | {name: text for name, text in texts.items() if text is not None} | dates


def seen(attributes: dict[str, str]) -> dict[str, str]:
    """Give a line's attributes with the date as seconds; the lifetime beside it says the same."""
    attributes = {**attributes}
    date, age = attributes.get("expires"), attributes.pop("max-age", None)
    if date is None:
        assert age is None
        return attributes
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
    return attributes | {"expires": f"{parsedate_to_datetime(date).astimezone(UTC).timestamp():.0f}"}


def written(options: SessionOptions, own: Attributes | None = None) -> Iterator[tuple[bool, int | None, list[bytes]]]:
    """Write a session's lines and its removal, for each connection that may come."""
    session_format = format_for(options)
    life_ms = options.max_age_ms
    expire_ms = None if life_ms is None else NOW_MS + life_ms
    expires_ms = expire_ms if options.cookie_has_expires else None
    for secure in (False, True) if options.secure == "auto" else (bool(options.secure),):
        body = (b'{"a":1}', (expire_ms, life_ms, None, None), options.cookie_has_expires)
        yield secure, expires_ms, session_format.write(session_format.cookie(secure, own), *body)
        ours = options.preset is None
        removal = session_format.removal(session_format.cookie(secure, own))
        yield secure, 1000 if ours else 0, removal[::-1] if ours else removal


def check_lines(options: SessionOptions, lines: list[bytes], wanted: dict[str, str]) -> None:
    name = options.key.encode("ascii")
    names = [name, name + b".sig"] if options.signed and not options.encrypt else [name]
    assert len(lines) == len(names)
    for line, expected in zip(lines, names, strict=True):
        pair, attributes = parsed(line)
        assert pair[0] == expected
        assert (KOA_NAME if options.preset == "koa" else TOKEN).fullmatch(pair[0])
        assert COOKIE_OCTETS.fullmatch(pair[1])
        assert line.startswith(pair[0] + b"=" + pair[1] + b"; path=")
        assert seen(attributes) == wanted


HOSTILE = [
    "",
    " ",
    ";",
    "=",
    ",",
    '"',
    "\\",
    "\r\n",
    "\n",
    "\0",
    "\t",
    "\x7f",
    "\x80",
    "ü",
    "\u017f",
    "\u212a",
    "\u2028",
    "\ud800",
    "\uff1b",
    "; secure",
    ", a=b",
]
TYPES = [None, True, False, 0, 1, -1, 1.5, float("nan"), b"x", [], ["/"], {}, object()]
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=2) | st.text("aB1./-_:", max_size=4), max_size=4).map("".join)
odd = st.sampled_from(TYPES)


def values_of(*good: Any, start: str = "") -> st.SearchStrategy[Any]:
    """Draw good values most of the time, then hostile text, then other types."""
    fine = st.sampled_from(good)
    return fine | fine | fine | hostile.map(lambda text: start + text) | odd


COOKIE_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "key": values_of("koa.sess", "s", "__Host-s", "__Secure-s", "__Http-s", "koa:sess", "a.sig", "x" * 100, start="s"),
    "domain": values_of(None, "example.com", "EXAMPLE.com", "a-b.c", "x" * 63 + ".example", start="a"),
    "path": values_of("/", "/a/b", "/a b", "/%3b", "/a,b=c", start="/"),
    "same_site": values_of("lax", "strict", "none", "auto", None),
    "secure": values_of(True, True, False, "auto"),
    "http_only": values_of(True, False),
    "partitioned": values_of(True, False),
    "priority": values_of("low", "medium", "high", None),
    "max_age": values_of("session", DAY, 0.001, 400 * DAY, timedelta(days=3), 10**15, 10**400) | st.integers() | st.floats(),
    "signed": values_of(True, True, False),
    "encrypt": values_of(False, True),
    "algorithm": values_of("sha1", "sha256", "sha384", "sha512", "blake3"),
    "preset": values_of(None, "koa"),
    "max_cookie_bytes": values_of(64, 4096),
}
campaign = settings(
    max_examples=3_000,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@campaign
@given(chosen=st.lists(st.sampled_from(sorted(COOKIE_OPTIONS)), unique=True, max_size=6), data=st.data())
def test_C01_options_are_refused_or_written_to_the_letter(chosen: list[str], data: st.DataObject) -> None:
    given = {name: data.draw(COOKIE_OPTIONS[name], label=name) for name in chosen}
    try:
        options = options_of(**given)
    except ConfigError:
        return
    try:
        for secure, expires_ms, lines in written(options):
            if isinstance(lines, int):
                assert options.max_cookie_bytes < min(lines, 200)
                continue
            check_lines(options, lines, asked(options, secure=secure, expires_ms=expires_ms))
    except CookieTooLarge:
        assert options.max_cookie_bytes < 200


OWN = ("path", "domain", "same_site", "secure", "http_only", "partitioned", "priority")


@settings(campaign, max_examples=1_000)
@given(
    chosen=st.lists(st.sampled_from(OWN), unique=True, min_size=1, max_size=4),
    key=st.sampled_from(["s", "__Host-s", "__Http-s"]),
    data=st.data(),
)
def test_C01_a_sessions_own_attributes_are_refused_or_written_to_the_letter(
    chosen: list[str], key: str, data: st.DataObject
) -> None:
    options = options_of(key=key, secure=True)
    cookie = SessionCookie(key, Attributes.of(options, secure=True))
    given = {name: data.draw(COOKIE_OPTIONS[name], label=name) for name in chosen}
    try:
        for name, value in given.items():
            setattr(cookie, name, value)
        own = cookie.changed()
    except ConfigError:
        return
    wanted = options_of(key=key, **{"secure": True, **given})
    for _, expires_ms, lines in written(options, own):
        check_lines(options, lines, asked(wanted, secure=bool(wanted.secure), expires_ms=expires_ms))


@settings(campaign, max_examples=500)
@given(value=hostile | st.text(max_size=10) | st.text("".join(map(chr, range(33, 127))), min_size=1) | odd)
def test_C01_a_custom_encoded_value_is_refused_or_written_to_the_letter(value: Any) -> None:
    options = options_of(encode=lambda data: value, decode=dict)
    try:
        session_format = format_for(options)
        lines = session_format.write(
            session_format.cookie(secure=False, override=None), b"{}", (None, None, None, None), has_expires=False
        )
    except UnicodeError:
        raise
    except ValueError:
        return
    check_lines(options, lines, asked(options, secure=False, expires_ms=None))
    assert parsed(lines[0])[0][1] == value.encode("ascii")


def test_the_parser_of_this_file_sees_what_is_wrong() -> None:
    assert parsed(b"s=v; Path=/ ; SECURE;x = y") == ((b"s", b"v"), {"path": "/", "secure": "", "x": "y"})
    for line in (b"s=v\r\nx: y", b"s", b"s=v; path=/; path=/a", b"s=v; path=/" + b"a" * 1024):
        with pytest.raises(AssertionError):
            parsed(line)


# --- P-01.


def test_P01_repr_of_options_hides_every_value() -> None:
    options = options_of(keys=[SECRET], domain="hidden.example", path="/hidden", key="hidden", scope_key="hidden")
    assert repr(options) == str(options) == "SessionOptions(keys=..., domain=..., path=..., key=..., scope_key=...)"


async def test_P01_repr_of_a_session_hides_its_data() -> None:
    shown: list[str] = []
    client = Sessions()
    await client.do(lambda session: (session.update(password=SECRET, login=[SECRET]), shown.append(f"{session!r} {session}")))
    await client.do(lambda session: shown.append(f"{session!r} {session} {session.cookie!r} {session._context!r}"))
    assert [text for text in shown if SECRET in text or "password" in text or KEY in text] == []
    assert shown[0] == "<Session: 2 keys> <Session: 2 keys>"
