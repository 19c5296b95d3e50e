"""Cookies that nobody with a key made are refused on both sides alike, and so are those that somebody else made."""

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from tests.asgi import KEY, NOW, OLD_KEY
from tests.interop.node_and_ours import Koa, Ours, Peer

pytestmark = pytest.mark.interop

DATA = {"user": "ada", "admin": False}
DROPPED = ["koa.sess.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"]
EXPIRE = round(NOW * 1000) + 86_400_000

Forge = Callable[[str, str], str]


def sign(value: str, key: str = KEY, name: str = "koa.sess") -> str:
    """Sign as Keygrip does, without Keygrip."""
    digest = hmac.digest(key.encode(), f"{name}={value}".encode("latin-1"), hashlib.sha1)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def pair(value: str, signature: str) -> str:
    return f"koa.sess={value}; koa.sess.sig={signature}"


def signed(value: str, key: str = KEY) -> str:
    return pair(value, sign(value, key))


def flip(text: str, at: int) -> str:
    """Change one letter for another that may stand there."""
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


def admin(value: str) -> str:
    return base64_text(base64.b64decode(value).decode().replace("false", "true"))


OTHER = base64_text(f'{{"user":"eve","_expire":{EXPIRE},"_maxAge":86400000}}')

ACCEPTED: dict[str, Forge] = {
    "as it came": pair,
    "signature first": lambda value, sig: f"koa.sess.sig={sig}; koa.sess={value}",
    "other cookies around": lambda value, sig: f"a=1; {pair(value, sig)}; xkoa.sess=2; koa.sess2=3; koa.sess.sig2=4",
    "no space after the semicolon": lambda value, sig: f"koa.sess={value};koa.sess.sig={sig}",
    "in quotes": lambda value, sig: pair(f'"{value}"', f'"{sig}"'),
    "a second, forged one behind it": lambda value, sig: f"{pair(value, sig)}; koa.sess={OTHER}; koa.sess.sig={sig}",
    "signed by another hand with the same key": lambda value, sig: pair(value, sign(value)),
}
REFUSED: dict[str, Forge] = {
    "other data": lambda value, sig: pair(admin(value), sig),
    "another session's data": lambda value, sig: pair(OTHER, sig),
    "another session's signature": lambda value, sig: pair(value, sign(OTHER)),
    "signature of a cookie of another name": lambda value, sig: pair(value, sign(value, name="sess")),
    "signature of the value alone": lambda value, sig: pair(value, sign(value, name="")),
    "value and signature swapped": lambda value, sig: pair(sig, value),
    "another key": lambda value, sig: pair(value, sign(value, "an0ther-k3y-alt0gether-0f-n0b0dy-here")),
    "an empty key": lambda value, sig: pair(value, sign(value, "")),
    "sha256 in place of sha1": lambda value, sig: pair(
        value,
        base64.urlsafe_b64encode(hmac.digest(KEY.encode(), f"koa.sess={value}".encode(), hashlib.sha256)).decode().rstrip("="),
    ),
    "value cut by one": lambda value, sig: pair(value[:-1], sig),
    "value cut by four": lambda value, sig: pair(value[:-4], sig),
    "value cut in half": lambda value, sig: pair(value[: len(value) // 2], sig),
    "value longer by one": lambda value, sig: pair(value + "A", sig),
    "signature cut by one": lambda value, sig: pair(value, sig[:-1]),
    "signature cut to one": lambda value, sig: pair(value, sig[:1]),
    "signature longer by one": lambda value, sig: pair(value, sig + "A"),
    "signature with padding": lambda value, sig: pair(value, sig + "="),
    "signature in capitals": lambda value, sig: pair(value, sig.upper()),
    "signature twice in one": lambda value, sig: pair(value, sig + sig),
    "signature of no letters": lambda value, sig: pair(value, "\xff\xfe"),
    "value with a letter of latin-1": lambda value, sig: pair(value + "\xe9", sig),
    "value percent-encoded": lambda value, sig: pair(value.replace("e", "%65", 1), sig),
    "a forged one before it": lambda value, sig: f"koa.sess={OTHER}; {pair(value, sig)}",
    "a forged signature before it": lambda value, sig: f"koa.sess.sig={'A' * 27}; {pair(value, sig)}",
    **{f"value flipped at {at}": (lambda value, sig, at=at: pair(flip(value, at), sig)) for at in (0, 1, 10, 40, -5, -1)},
    **{f"signature flipped at {at}": (lambda value, sig, at=at: pair(value, flip(sig, at))) for at in range(27)},
}
IGNORED: dict[str, Forge] = {
    "no cookie at all": lambda value, sig: "",
    "signature alone": lambda value, sig: f"koa.sess.sig={sig}",
    "name in capitals": lambda value, sig: f"KOA.SESS={value}; KOA.SESS.SIG={sig}",
    "a look-alike of the name": lambda value, sig: f"koaXsess={value}; koaXsess.sig={sig}",
    "a name that ends alike": lambda value, sig: f"my-koa.sess={value}; my-koa.sess.sig={sig}",
    "nothing but semicolons": lambda value, sig: ";;; ; ;",
    "neither value nor signature": lambda value, sig: pair("", ""),
}
UNSIGNED: dict[str, Forge] = {
    "no signature": lambda value, sig: f"koa.sess={value}",
    "empty signature": lambda value, sig: pair(value, ""),
    "signature in empty quotes": lambda value, sig: pair(value, '""'),
    "signature under another name": lambda value, sig: f"koa.sess={value}; koa.sess-sig={sig}",
    "empty value": lambda value, sig: pair("", sig),
}


async def cookie_of(peer: Peer, writer: str) -> tuple[str, str]:
    side = Koa(peer, keys=[KEY]) if writer == "koa" else Ours(keys=[KEY])
    await side.do(["replace", DATA])
    return side.browser.jar["koa.sess"], side.browser.jar["koa.sess.sig"]


@pytest.mark.parametrize("writer", ["koa", "ours"])
@pytest.mark.parametrize("name", ACCEPTED)
async def test_W01_good_cookies_are_accepted_on_both_sides(both, peer: Peer, name: str, writer: str) -> None:
    header = ACCEPTED[name](*await cookie_of(peer, writer))

    read = await both().read(header)

    assert read.seen == [DATA]
    assert read.cookies == []


@pytest.mark.parametrize("writer", ["koa", "ours"])
@pytest.mark.parametrize("name", REFUSED)
async def test_K48_forged_cookies_are_refused_and_their_signature_removed_on_both_sides(both, peer, name: str, writer: str) -> None:
    header = REFUSED[name](*await cookie_of(peer, writer))

    read = await both().read(header)

    assert read.seen == [{}]
    assert read.cookies == DROPPED


@pytest.mark.parametrize("options", [{}, {"secure": False}, {"secure": True}], ids=str)
async def test_K48_the_removal_of_a_signature_is_Secure_where_the_connection_is(both, options) -> None:
    sides = both(**options)
    await sides.do(["set", "n", 1], https=True)
    for side in (sides.koa, sides.ours):
        side.browser.jar["koa.sess.sig"] = "A" * 27

    answer = await sides.do(["see"], https=True)

    assert answer.cookies == ["koa.sess.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; secure; httponly"]


@pytest.mark.parametrize("name", IGNORED)
async def test_K48_what_is_no_cookie_of_ours_is_ignored_on_both_sides(both, peer: Peer, name: str) -> None:
    read = await both().read(IGNORED[name](*await cookie_of(peer, "koa")))

    assert read.seen == [{}]
    assert read.cookies == []


@pytest.mark.parametrize("writer", ["koa", "ours"])
@pytest.mark.parametrize("name", UNSIGNED)
async def test_K48_cookies_without_value_or_signature_are_refused_on_both_sides(peer: Peer, name: str, writer: str) -> None:
    """The verdict; test_koa_differences.py has the lines."""
    header = UNSIGNED[name](*await cookie_of(peer, writer))

    for side in (Koa(peer, keys=[KEY]), Ours(keys=[KEY])):
        assert (await side.read(header)).seen == [{}]


@pytest.mark.parametrize(
    "steps", [[["see"], ["set", "n", 2]], [["set", "n", 2]], [["null"]], [["see"], ["null"]], [["regenerate"]]]
)
async def test_K48_a_forged_session_that_is_written_to_begins_anew_on_both_sides(both, steps) -> None:
    sides = both(maxAge=3_600_000)
    await sides.do(["replace", DATA])
    for side in (sides.koa, sides.ours):
        side.browser.jar["koa.sess.sig"] = "A" * 27

    assert len((await sides.do(*steps, after=1)).cookies) == 2


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", {}),
        ("no JSON", {}),
        ('{"cut":', {}),
        ('{"a":1}garbage', {}),
        ("null", {}),
        (f'{{"a":1,"_expire":{round(NOW * 1000)},"_maxAge":86400000}}', {"a": 1}),
        (f'{{"a":1,"_expire":{round(NOW * 1000) - 1},"_maxAge":86400000}}', {}),
        (f'{{"_expire":{EXPIRE},"_maxAge":86400000,"a":1}}', {"a": 1}),
        (f'{{ "a" : [ 1 , 2 ] , "_expire" : {EXPIRE} , "_maxAge" : 86400000 }}', {"a": [1, 2]}),
        (f'{{"a":"\\u00e9\\ud83c\\udf6a\\/","_expire":{EXPIRE},"_maxAge":86400000}}', {"a": "é🍪/"}),
    ],
)
async def test_K40_K42_what_a_key_holder_signs_is_judged_alike(both, text: str, seen: object) -> None:
    read = await both().read(signed(base64_text(text)) if text else pair("", sign("")))

    assert read.seen == [seen]
    assert read.cookies == []


async def test_rotation_accepts_the_second_key_on_both_sides(peer: Peer) -> None:
    value, signature = await cookie_of_old(peer)
    for side in (Koa(peer, keys=[KEY, OLD_KEY]), Ours(keys=[KEY, OLD_KEY])):
        assert (await side.read(pair(value, signature))).seen == [DATA]


async def test_rotation_refuses_a_key_that_was_taken_out_on_both_sides(both, peer: Peer) -> None:
    value, signature = await cookie_of_old(peer)

    read = await both(keys=(KEY,)).read(pair(value, signature))

    assert read.seen == [{}]
    assert read.cookies == DROPPED


async def cookie_of_old(peer: Peer) -> tuple[str, str]:
    koa = Koa(peer, keys=[OLD_KEY])
    await koa.do(["replace", DATA])
    return koa.browser.jar["koa.sess"], koa.browser.jar["koa.sess.sig"]


@pytest.mark.parametrize("rest", ["", "; koa.sess.sig=", '; koa.sess.sig=""', "; koa.sess-sig=x"])
async def test_K48_a_missing_signature_is_ignored_in_silence(both, peer: Peer, rest: str) -> None:
    value, _ = await cookie_of(peer, "koa")

    assert (await both().read(f"koa.sess={value}{rest}")).cookies == []


async def test_K22_K48_a_forged_cookie_is_not_answered_until_the_session_is_touched(both) -> None:
    sides = both()
    await sides.do(["set", "n", 1])
    for side in (sides.koa, sides.ours):
        side.browser.jar["koa.sess.sig"] = "A" * 27

    assert (await sides.do()).cookies == []
