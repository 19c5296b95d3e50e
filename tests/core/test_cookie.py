"""Cookie octets in, Set-Cookie lines out."""

# Names bear the ids of requirements as they are written.

import base64
import contextlib
import hmac
import itertools
import json
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gingersnap import _pure
from tests.cores import BACKENDS, needs_native

KEY = b"a-key-of-this-test-and-of-no-other-one"
OLD = b"the-key-that-was-in-use-before-that-one"
CAP = 16_384

# A header, and what its cookie `__Host-s` says. RFC 6265bis section 5.6; the cases of section 5 of REQUIREMENTS.md.
LOOK_ALIKES: list[tuple[bytes, list[bytes]]] = [
    (b"__Host-s=1", [b"1"]),
    (b"%5f_Host-s=1", []),
    (b"%5F%5FHost-s=1", []),
    (b"__Host%2Ds=1", []),
    (b"..Host-s=1", []),
    (b"  Host-s=1", []),
    (b"++Host-s=1", []),
    (b"[_Host-s=1", []),
    (b"\xa0__Host-s=1", []),
    (b"\xc2\xa0__Host-s=1", []),
    (b"\x0b__Host-s=1", []),
    (b"\x0c__Host-s=1", []),
    (b"\r\n__Host-s=1", []),
    (b"\x00__Host-s=1", []),
    (b"\xef\xbb\xbf__Host-s=1", []),
    (b"__Host-s\xa0=1", []),
    (b"__Host-s\x0b=1", []),
    (b"__Host-s\n=1", []),
    (b"__Host-s\x00=1", []),
    (b"=__Host-s=1", []),
    (b"= __Host-s=1", []),
    (b"__host-s=1", []),
    (b"__HOST-S=1", []),
    (b"__Host-S=1", []),
    (b"_Host-s=1", []),
    (b"___Host-s=1", []),
    (b"__Host-s.=1", []),
    (b"__Host-s[]=1", []),
    (b'"__Host-s"=1', []),
    (b"'__Host-s'=1", []),
    (b"__Host-s", []),
    (b"__Host-s=", []),
    (b'__Host-s=""', []),
    (b"__Host-s:1", []),
    (b"a, __Host-s=1", []),
    (b"a=2,__Host-s=1", []),
    (b"a=2&__Host-s=1", []),
    (b"a=2\n__Host-s=1", []),
    (b"\xef\xbc\xbf\xef\xbc\xbfHost-s=1", []),
    (b"__Ho\xc5\xbft-s=1", []),
    # White space is SP and HTAB, around names and values.
    (b" \t__Host-s \t= \t1 \t", [b"1"]),
    (b"a=2;__Host-s=1", [b"1"]),
    (b";;; ;__Host-s=1;;", [b"1"]),
    (b"__Host-s=\xa01\xa0", [b"\xa01\xa0"]),
    (b"__Host-s=\x0b1\x0c", [b"\x0b1\x0c"]),
    (b"__Host-s=1 2", [b"1 2"]),
    (b"__Host-s==1=", [b"=1="]),
    # `$Version` and its kin are names like all others; no comma ends a pair.
    (b"$Version=1; __Host-s=1; $Path=/; $Domain=x", [b"1"]),
    (b'$Version="1"; __Host-s="1"; $Path="/"', [b"1"]),
    (b"$__Host-s=1", []),
    (b"__Host-s=1, __Host-s=2", [b"1, __Host-s=2"]),
    # A quote spans no `;`.
    (b'a="x; __Host-s=evil"', [b'evil"']),
    (b'a="x; __Host-s=evil; b="', [b"evil"]),
    (b'__Host-s="x; y"', [b""]),
    (b'__Host-s="xy', [b"x"]),
    (b'__Host-s="', []),
    (b'__Host-s=xy"', [b'xy"']),
    (b'__Host-s=\\"1\\"', [b'\\"1\\"']),
    # Nothing is unescaped.
    (b'__Host-s="a\\073b\\"c"', [b'a\\073b\\"c']),
    (b"__Host-s=a\\073b", [b"a\\073b"]),
    (b"__Host-s=%31%3B+", [b"%31%3B+"]),
    (b"__Host-s=\xff\xfe\x00", [b"\xff\xfe\x00"]),
]


def value_of(data: dict[str, Any]) -> bytes:
    return base64.b64encode(json.dumps(data, separators=(",", ":")).encode())


def cookie_of(core: ModuleType, keys: list[bytes] | None = None, **given: Any) -> Any:
    return core.SignedCookie("s", core.Keygrip(keys or [KEY], "sha256"), b"; path=/", b"; httponly", **given)


def signature(value: bytes, key: bytes = KEY, name: bytes = b"s") -> bytes:
    """Sign independently of both backends."""
    digest = hmac.digest(key, name + b"=" + value, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=")


def headers(*pairs: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [(b"cookie", b"; ".join(name + b"=" + value for name, value in pairs))]


def signed(value: bytes, key: bytes = KEY) -> list[tuple[bytes, bytes]]:
    return headers((b"s", value), (b"s.sig", signature(value, key)))


# --- C-03: what a name is.


@pytest.mark.parametrize(("header", "values"), LOOK_ALIKES, ids=lambda item: repr(item)[:40])
def test_C03_only_the_exact_octets_are_the_name(core: ModuleType, header: bytes, values: list[bytes]) -> None:
    assert core.find(header, b"__Host-s") == ([value for value in values if value], [])


@pytest.mark.parametrize(("header", "values"), LOOK_ALIKES, ids=lambda item: repr(item)[:40])
def test_C03_a_signature_is_found_by_the_same_octets(core: ModuleType, header: bytes, values: list[bytes]) -> None:
    as_signature = header.replace(b"__Host-s", b"__Host-s.sig")
    if b"__Host-s" in header and b"\xa0=" not in header:
        assert core.find(as_signature, b"__Host-s")[0] == []
        assert core.find(as_signature, b"__Host-s.sig")[0] == core.find(as_signature, b"__Host-s")[1]


def test_C03_a_name_that_is_another_names_start_is_another_name(core: ModuleType) -> None:
    header = b"s=1; ss=2; s.s=3; s.sig=4; s.sig.sig=5; s.sigs=6; s.SIG=7; s .sig=8; s.sig =9"
    assert core.find(header, b"s") == ([b"1"], [b"4", b"9"])


def test_C03_a_look_alike_is_no_session(core: ModuleType) -> None:
    value = value_of({"a": 1})
    pair = [(b"%73", value), (b"S", value), (b"=s", value), (b"\xa0s", value), (b"s.sig", signature(value))]
    assert cookie_of(core).read(headers(*pair)) is None


# --- C-04: several of one name.

ONE, TWO = value_of({"n": 1}), value_of({"n": 2})
FORGED, BAD = value_of({"n": 666}), b"A" * 43
KINDS = {"one": ONE, "two": TWO, "forged": FORGED}


def duplicates() -> list[Any]:
    """All orders of up to four candidates of three kinds."""
    counts = range(1, 5)
    return [order for count in counts for order in itertools.product(KINDS, repeat=count)]


def verdict(order: tuple[str, ...]) -> Any:
    valid = {kind for kind in order if kind != "forged"}
    if len(valid) == 1:
        return KINDS[valid.pop()], 0
    return "duplicate" if valid else "tampered"


def test_C04_the_one_distinct_value_that_verifies_wins_in_any_order(core: ModuleType) -> None:
    cookie = cookie_of(core)
    digests = [(b"s.sig", signature(ONE)), (b"s.sig", signature(TWO)), (b"s.sig", BAD)]
    answers = {
        (order, sent): cookie.read(headers(*[(b"s", KINDS[kind]) for kind in order], *sent))
        for order in duplicates()
        for sent in itertools.permutations(digests)
    }
    assert {case for case, answer in answers.items() if answer != verdict(case[0])} == set()


def test_C04_first_only_believes_the_first_value_and_the_first_signature(core: ModuleType) -> None:
    cookie = cookie_of(core, first_only=True)
    for order in duplicates():
        for right in ("one", "two"):
            sent = [(b"s", KINDS[kind]) for kind in order]
            answer = cookie.read(headers(*sent, (b"s.sig", signature(KINDS[right])), (b"s.sig", BAD)))
            assert answer == ((KINDS[right], 0) if order[0] == right else "tampered")
            assert cookie.read(headers(*sent, (b"s.sig", BAD), (b"s.sig", signature(KINDS[right])))) == "tampered"


@pytest.mark.parametrize(("forged_before", "found"), [(0, True), (3, True), (4, False), (100, False)])
def test_C04_at_most_four_candidates_are_looked_at(core: ModuleType, forged_before: int, found: bool) -> None:
    junk = [(b"s", b"forged%d" % at) for at in range(forged_before)]
    answer = cookie_of(core).read(headers(*junk, (b"s", ONE), (b"s.sig", signature(ONE))))
    assert answer == ((ONE, 0) if found else "tampered")
    junk = [(b"s.sig", b"forged%d" % at) for at in range(forged_before)]
    answer = cookie_of(core).read(headers((b"s", ONE), *junk, (b"s.sig", signature(ONE))))
    assert answer == ((ONE, 0) if found else "tampered")


def test_C04_empty_values_take_no_candidates_place(core: ModuleType) -> None:
    assert cookie_of(core).read(headers(*[(b"s", b"")] * 9, (b"s", ONE), (b"s.sig", b'""'), (b"s.sig", signature(ONE)))) == (ONE, 0)


def test_C04_values_under_two_keys_are_two_values(core: ModuleType) -> None:
    sent = headers((b"s", ONE), (b"s", TWO), (b"s.sig", signature(ONE, OLD)), (b"s.sig", signature(TWO)))
    assert cookie_of(core, [KEY, OLD]).read(sent) == "duplicate"
    assert cookie_of(core, [KEY]).read(sent) == (TWO, 0)


def test_C04_an_unsigned_cookie_that_comes_twice_is_a_duplicate(core: ModuleType) -> None:
    plain = partial(core.SignedCookie, "s", None, b"", b"")
    assert plain().read(headers((b"s", ONE), (b"s", ONE))) == (ONE, 0)
    assert plain().read(headers((b"s", ONE), (b"s", TWO))) == "duplicate"
    assert plain(first_only=True).read(headers((b"s", ONE), (b"s", TWO))) == (ONE, 0)


# --- C-08: several headers.

PAIRS = [b"a=1", b"s=" + ONE, b"b=2", b"s.sig=" + signature(ONE), b"c=3"]


@pytest.mark.parametrize("cuts", [cuts for count in range(1, 5) for cuts in itertools.combinations(range(1, 5), count)], ids=repr)
def test_C08_two_to_five_cookie_headers_are_one(core: ModuleType, cuts: tuple[int, ...]) -> None:
    edges = [0, *cuts, len(PAIRS)]
    split = [(b"cookie", b"; ".join(PAIRS[start:end])) for start, end in itertools.pairwise(edges)]
    others = [(b"accept", b"s=x"), (b"x-cookie", b"s=x"), (b"set-cookie", b"s=x")]
    between = [pair for header in split for pair in (*others, header)]
    assert cookie_of(core).read(between) == (ONE, 0)
    assert cookie_of(core).load(between, {}, 0) == cookie_of(core).load([(b"cookie", b"; ".join(PAIRS))], {}, 0)


def test_C08_duplicates_are_counted_over_all_headers(core: ModuleType) -> None:
    split = [(b"cookie", b"s=" + value) for value in (ONE, TWO)]
    sent = [*split, (b"cookie", b"s.sig=%b; s.sig=%b" % (signature(ONE), signature(TWO)))]
    assert cookie_of(core).read(sent) == "duplicate"


def test_C08_the_cap_holds_for_all_headers_together(core: ModuleType) -> None:
    junk = [(b"cookie", b"j=" + b"x" * 5_000)] * 4
    assert cookie_of(core).read([*signed(ONE), *junk]) == (ONE, 0)
    assert cookie_of(core).read([*junk, *signed(ONE)]) is None


# --- D-01: how much work a header can make.


def padded(octets: int, after: bytes) -> bytes:
    """Make a header of that many octets whose last pair is ``after``."""
    return b"j=" + b"x" * (octets - len(after) - 4) + b"; " + after


@pytest.mark.parametrize(("octets", "found"), [(CAP - 1, True), (CAP, True), (CAP + 1, False), (CAP + 1_000, False)])
def test_D01_a_pair_that_passes_the_cap_is_not_seen(core: ModuleType, octets: int, found: bool) -> None:
    header = padded(octets, b"s=value")
    assert len(header) == octets
    plain = core.SignedCookie("s", None, b"", b"")
    assert plain.read([(b"cookie", header)]) == ((b"value", 0) if found else None)


def test_D01_a_value_is_never_cut_in_half(core: ModuleType) -> None:
    plain = core.SignedCookie("s", None, b"", b"", header_limit=64)
    seen = {length: plain.read([(b"cookie", b"s=1; s=" + b"x" * length)]) for length in range(50, 80)}
    # Two values are a duplicate; as soon as the second one is cut, it is gone whole.
    assert seen == {length: "duplicate" if length + 7 <= 64 else (b"1", 0) for length in range(50, 80)}


def test_D01_a_header_of_one_endless_pair_holds_nothing(core: ModuleType) -> None:
    plain = core.SignedCookie("s", None, b"", b"")
    assert plain.read([(b"cookie", b"s=" + b"x" * 1_048_576)]) is None


@pytest.fixture
def macs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the keys of all MACs that the pure twin makes from now on, in their order."""
    digest, made = hmac.digest, list[bytes]()

    def spy(key: bytes, *message: bytes, digest_of: Any = digest, **given: Any) -> bytes:
        made.append(key)
        return digest_of(key, *message, **given)

    monkeypatch.setattr(hmac, "digest", spy)
    return made


def test_D01_a_thousand_duplicates_cost_four_macs_a_key(macs: list[bytes]) -> None:
    cookie = cookie_of(_pure, [KEY, OLD, b"third"], header_limit=1_048_576)
    many = [(b"s", b"value%d" % at) for at in range(1_000)] + [(b"s.sig", b"digest%d" % at) for at in range(1_000)]
    assert cookie.read(headers(*many)) == "tampered"
    assert {key: macs.count(key) for key in macs} == {KEY: 4, OLD: 4, b"third": 4}


def test_D01_values_without_any_signature_cost_no_mac(macs: list[bytes]) -> None:
    assert cookie_of(_pure).read(headers((b"s", ONE), (b"s", TWO))) == "unsigned"
    assert macs == []


TOKEN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

HOSTILE = {
    "one pair": lambda size: b"s=" + b"x" * size,
    "semicolons": lambda size: b";" * size,
    "blanks": lambda size: b" " * size,
    "blank pairs": lambda size: b" \t;" * (size // 3),
    "near misses": lambda size: b"s ;" * (size // 3),
    "long gaps": lambda size: b"s" + b" " * (size // 2) + b"=" + b" " * (size // 2),
    "quotes": lambda size: b's=";' * (size // 4),
    "equals": lambda size: b"=" * size,
    "duplicates": lambda size: b"s=1;s.sig=2;" * (size // 12),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_D01_a_mebibyte_of_anything_is_searched(core: ModuleType, shape: str) -> None:
    # In one pass: work that grew with the square of the size would not end within the suite's time.
    values, digests = core.find(HOSTILE[shape](1_048_576), b"s")
    assert (len(values) <= 4, len(digests) <= 4) == (True, True)


@pytest.mark.parametrize("shape", HOSTILE)
def test_D01_what_passes_the_cap_is_not_examined(core: ModuleType, shape: str) -> None:
    cookie, huge = cookie_of(core), HOSTILE[shape](1_048_576)
    hidden = huge + b"; s=%b; s.sig=%b" % (ONE, signature(ONE))
    cut = huge[: CAP + 1].rpartition(b";")[0]
    assert cookie.read([(b"cookie", hidden)]) == cookie.read([(b"cookie", cut)])


# --- D-03: signed, and yet no session.

ODD = {
    "empty list": b"[]",
    "string": b'"s"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
    "blank": b" ",
    "depth 1e5 lists": b"[" * 100_000 + b"]" * 100_000,
    "depth 30000 lists": b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "depth 10000 dicts": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "depth 101": b'{"a":' * 101 + b"1" + b"}" * 101,
    "10,001 values": b'{"a":[' + b"1," * 9_998 + b"1]}",
    "22 digits": b'{"a":1234567890123456789012}',
    "5,001 digits": b'{"a":' + b"9" * 5_001 + b"}",
    "5,001 digits, negative": b'{"a":-' + b"9" * 5_001 + b"}",
    "over 64 KiB": b'{"a":"' + b"x" * 65_536 + b'"}',
    "bad UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\xa0"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a BOM": '{"a":1}'.encode("utf-16-le"),
    "duplicate keys": b'{"a":1,"a":1}',
    "duplicate keys by escape": b'{"a":1,"\\u0061":1}',
    "duplicate envelope": b'{"_expire":1,"_expire":2}',
    "nested duplicates": b'{"a":[{"b":1,"b":2}]}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b'{"a":-Infinity}',
    "1e999": b'{"a":1e999}',
    "-1e999": b'{"a":-1e999}',
    "duplicate keys with a lone surrogate": b'{"\\ud800":1,"\\uD800":1}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "BOM": b'\xef\xbb\xbf{"a":1}',
    "trailing octets": b'{"a":1}x',
    "two objects": b'{"a":1}{"b":2}',
    "trailing NUL": b'{"a":1}\0',
    "trailing comma": b'{"a":1,}',
    "cut": b'{"a":1,"b":',
    "late fault": b'{"a":1,"b":2,"c":{"d":3},"e":NaN}',
    "pickle": b"\x80\x04}\x94.",
}


@pytest.mark.parametrize("payload", ODD)
def test_D03_a_signed_payload_that_is_no_session_is_corrupt(core: ModuleType, payload: str) -> None:
    into: dict[str, Any] = {}
    cookie = cookie_of(core, header_limit=1_048_576)
    assert cookie.load(signed(base64.b64encode(ODD[payload])), into, 0) == "corrupt"
    assert into == {}


@pytest.mark.parametrize(
    "value", [b"!", b"e30", b"e3", b"e30=x", b"e31=", b"-_-_", b"{}", b"\xff\xff\xff", b"e 30=", b"%7B%7D", b"="], ids=repr
)
def test_D03_a_signed_value_that_is_no_base64_is_corrupt(core: ModuleType, value: bytes) -> None:
    into: dict[str, Any] = {}
    assert cookie_of(core).load(signed(value), into, 0) == "corrupt"
    assert into == {}


@pytest.mark.parametrize("sent", [b"s=; s.sig=%b", b's=""; s.sig=%b', b"s; s.sig=%b"], ids=repr)
def test_D03_a_signed_empty_value_is_no_cookie_at_all(core: ModuleType, sent: bytes) -> None:
    into: dict[str, Any] = {}
    assert cookie_of(core).load([(b"cookie", sent % signature(b""))], into, 0) is None
    assert into == {}


# --- D-04: no panic, whatever comes.

octets = st.binary(max_size=200)
numbers = st.integers(-(2**63), 2**63 - 1)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | octets | st.just(object()) | st.builds(bytearray),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers() | st.none(), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


def survives(call: Callable[[], object]) -> None:
    """Call with nonsense: any exception will do, but not a panic, which is a BaseException and no Exception."""
    with contextlib.suppress(Exception):
        call()


@needs_native
@settings(derandomize=True, deadline=None, max_examples=300)
@given(data=octets, name=octets, keys=st.lists(octets, max_size=3), limit=st.integers(0, 64))
@example(data=b"=", name=b"", keys=[], limit=0)
@example(data=b";", name=b";", keys=[b""], limit=0)
def test_D04_random_octets_never_panic(data: bytes, name: bytes, keys: list[bytes], limit: int) -> None:
    core = BACKENDS["native"]
    with contextlib.suppress(ValueError):
        core.find(data, name)
    name = bytes(octet for octet in name if octet in TOKEN) or b"s"
    core.loads(data)
    core.decode(data)
    core.crc32(data)
    core.find(data, name)
    grip = core.Keygrip([b"k", *keys])
    grip.index(data, name)
    cookie = core.SignedCookie(name.decode("latin-1"), grip if keys else None, data, data, max_octets=limit, header_limit=limit)
    given = [(b"cookie", data), (name, data), (b"cookie", b'%b=%b; %b.sig=%b; %b="' % (name, data, name, data, name))]
    cookie.read(given)
    cookie.load(given, {}, 0)
    cookie.seal(data, limit, limit, limit, "", True)
    cookie.lines(data, limit)


@needs_native
@settings(derandomize=True, deadline=None, max_examples=300)
@given(at_ms=numbers, members=st.tuples(st.none() | numbers, st.none() | numbers, st.none() | numbers, st.none() | st.text()))
def test_D04_no_number_panics(at_ms: int, members: tuple[Any, ...]) -> None:
    core = BACKENDS["native"]
    assert len(core.http_date(at_ms)) == 29
    lines = cookie_of(core).dump({}, *members, True)
    assert len(lines) == 2


@needs_native
@settings(derandomize=True, deadline=None, max_examples=400)
@given(given_=st.lists(anything, min_size=7, max_size=7))
def test_D04_no_value_of_any_type_panics(given_: list[Any]) -> None:
    core = BACKENDS["native"]
    one, two, *rest = given_
    for function in (core.dumps, core.loads, core.encode, core.decode, core.crc32, core.http_date):
        survives(lambda function=function: function(one))
    survives(lambda: core.find(one, two))
    survives(lambda: core.Keygrip(one, two))
    survives(lambda: core.SignedCookie(one, two, *rest[:2]))
    cookie = cookie_of(core)
    survives(lambda: cookie.read(one))
    survives(lambda: cookie.read([one, (b"cookie", two), (b"cookie",)]))
    survives(lambda: cookie.load(one, two, 0))
    survives(lambda: cookie.load([(b"cookie", b"s=1")], one, 0))
    survives(lambda: cookie.dump(one, two, *rest[:4]))
    survives(lambda: cookie.seal(one, two, *rest[:4]))
    survives(lambda: cookie.lines(one, two))


WRONG: dict[str, Callable[[Any], object]] = {
    "loads": lambda core: core.loads("{}"),
    "loads None": lambda core: core.loads(None),
    "decode": lambda core: core.decode("e30="),
    "crc32": lambda core: core.crc32("x"),
    "http_date": lambda core: core.http_date("0"),
    "http_date float": lambda core: core.http_date(1.5),
    "find header": lambda core: core.find("s=1", b"s"),
    "find name": lambda core: core.find(b"s=1", "s"),
    "encode": lambda core: core.encode({"a": {1}}),
    "dumps": lambda core: core.dumps(object()),
    "Keygrip str": lambda core: core.Keygrip("key"),
    "Keygrip bytes": lambda core: core.Keygrip([None]),
    "Keygrip algorithm": lambda core: core.Keygrip([b"k"], 1),
    "Keygrip keys None": lambda core: core.Keygrip(None),
    "sign": lambda core: core.Keygrip([b"k"]).sign("x"),
    "index": lambda core: core.Keygrip([b"k"]).index(b"x", "x"),
    "SignedCookie name": lambda core: core.SignedCookie(b"s", None, b"", b""),
    "SignedCookie keygrip": lambda core: core.SignedCookie("s", b"key", b"", b""),
    "SignedCookie head": lambda core: core.SignedCookie("s", None, "", b""),
    "SignedCookie limit": lambda core: core.SignedCookie("s", None, b"", b"", max_octets="1"),
    "read": lambda core: cookie_of(core).read(None),
    "read str": lambda core: cookie_of(core).read([("cookie", "s=1")]),
    "read pairs": lambda core: cookie_of(core).read([5]),
    "load into": lambda core: cookie_of(core).load([], [], 0),
    "dump": lambda core: cookie_of(core).dump({}, "1", 1, None, None, True),
    "dump owner": lambda core: cookie_of(core).dump({}, 1, 1, None, 5, True),
    "seal": lambda core: cookie_of(core).seal("{}", 1, 1, None, None, True),
    "lines": lambda core: cookie_of(core).lines("x", None),
}


@needs_native
@pytest.mark.parametrize("call", WRONG)
def test_D04_wrong_types_raise_type_error(call: str) -> None:
    with pytest.raises(TypeError):
        WRONG[call](BACKENDS["native"])


def test_D04_an_exception_of_the_callers_own_comes_through(core: ModuleType) -> None:
    def hostile() -> Any:
        yield (b"cookie", b"s=1")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        cookie_of(core).read(hostile())


# --- Reading.


def test_a_signed_session_is_loaded_into_the_dict(core: ModuleType) -> None:
    into: dict[str, Any] = {}
    value = value_of({"a": [1], "_expire": 5, "_maxAge": 6})
    assert cookie_of(core).load(signed(value), into, 0) == (b'{"a":[1]}', 0, True, 5, 6, None, None, None)
    assert into == {"a": [1]}


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ([], None),
        ([(b"cookie", b"")], None),
        ([(b"cookie", b"a=1; b=2")], None),
        ([(b"cookie", b"s=")], None),
        ([(b"Cookie", b"s=1; s.sig=2")], None),
        ([(b"cookie", b"s.sig=" + signature(ONE))], None),
        ([(b"cookie", b"s=" + ONE)], "unsigned"),
        ([(b"cookie", b"s=%b; s.sig=" % ONE)], "unsigned"),
        ([(b"cookie", b"s=%b; s.sig=%b" % (ONE, signature(TWO)))], "tampered"),
        ([(b"cookie", b"s=%b; s.sig=%b" % (ONE, signature(ONE, OLD)))], "tampered"),
        ([(b"cookie", b"s=%b; s.sig=%b" % (ONE, signature(ONE, name=b"t")))], "tampered"),
        ([(b"cookie", b"s=%b; s.sig=%b=" % (ONE, signature(ONE)))], "tampered"),
        ([(b"cookie", b's="%b"; s.sig="%b"' % (ONE, signature(ONE)))], (ONE, 0)),
        ([(b"cookie", b"s.sig=%b; s=%b" % (signature(ONE), ONE))], (ONE, 0)),
    ],
    ids=lambda item: repr(item)[:60],
)
def test_a_cookie_is_believed_only_with_its_signature(core: ModuleType, sent: Any, answer: Any) -> None:
    assert cookie_of(core).read(sent) == answer


def test_reading_says_which_key_signed(core: ModuleType) -> None:
    cookie = cookie_of(core, [KEY, OLD])
    assert [cookie.read(signed(ONE, key)) for key in (KEY, OLD)] == [(ONE, 0), (ONE, 1)]
    assert cookie.load(signed(ONE, OLD), {}, 0)[1] == 1


@pytest.mark.parametrize("sent", [[], [(b"cookie", b"s=1")], [(b"cookie", b"s=%b; s.sig=x" % ONE)]], ids=repr)
def test_a_cookie_that_is_not_believed_leaves_the_dict_empty(core: ModuleType, sent: Any) -> None:
    into: dict[str, Any] = {}
    cookie_of(core).load(sent, into, 0)
    assert into == {}


# --- Writing.


def test_lines_carry_attributes_around_the_date(core: ModuleType) -> None:
    value = value_of({"a": 1, "_expire": 86_400_000, "_maxAge": 5})
    date = b"; path=/; expires=Fri, 02 Jan 1970 00:00:00 GMT; httponly"
    wanted = [b"s=" + value + date, b"s.sig=" + signature(value) + date]
    assert cookie_of(core).dump({"a": 1}, 86_400_000, 5, None, None, True) == wanted


def test_undated_lines_carry_no_date(core: ModuleType) -> None:
    lines = cookie_of(core).dump({"a": 1}, 86_400_000, 5, None, None, False)
    assert [line.partition(b";")[2] for line in lines] == [b" path=/; httponly"] * 2


def test_a_session_without_an_end_carries_no_date(core: ModuleType) -> None:
    lines = cookie_of(core).dump({"a": 1}, None, None, None, None, True)
    assert [line.partition(b";")[2] for line in lines] == [b" path=/; httponly"] * 2


def test_removal_signs_the_empty_value(core: ModuleType) -> None:
    date = b"; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"
    assert cookie_of(core).lines(b"", 0) == [b"s=" + date, b"s.sig=" + signature(b"") + date]


def test_an_unsigned_cookie_has_one_line(core: ModuleType) -> None:
    assert core.SignedCookie("s", None, b"", b"").lines(b"v", None) == [b"s=v"]


def test_what_was_written_is_read(core: ModuleType) -> None:
    cookie = cookie_of(core)
    lines = cookie.dump({"ü": [1.0, None]}, 5, 6, 7, "me", True)
    into: dict[str, Any] = {}
    loaded = cookie.load([(b"cookie", line.partition(b";")[0]) for line in lines], into, 0)
    assert loaded == ('{"ü":[1.0,null]}'.encode(), 0, True, 5, 6, None, 7, "me")
    assert into == {"ü": [1.0, None]}


@pytest.mark.parametrize(("name", "octets", "sent"), [("s" * 7, 4095, True), ("s" * 8, 4096, True), ("s" * 9, 4097, False)])
@pytest.mark.parametrize("keygrip", [False, True])
def test_C02_a_line_stays_within_4096(core: ModuleType, name: str, octets: int, sent: bool, keygrip: bool) -> None:
    # {"a":"...","_session":true} makes 3,066 octets, and those 4,088 of base64.
    body = core.dumps({"a": "x" * (3_066 - 24)})
    # Some clients count the attributes too, and would keep the old value with the new signature, a cookie of its own.
    head = b"; path=/" + b"a" * 92
    cookie = core.SignedCookie(name, core.Keygrip([KEY]) if keygrip else None, head, b"", max_octets=4_096 + len(head) + 1)
    written = cookie.seal(body, None, None, None, None, False)
    assert (isinstance(written, list), octets) == (sent, len(name) + 4_088)
    line = octets + len(b"=") + len(head)
    assert (len(written[0]) if sent else written) == line


@pytest.mark.parametrize(
    ("expires_ms", "now_ms", "age"),
    [
        (90_999, 0, 90),
        (1, 0, 1),
        (1_000, 1_000, 0),
        (0, 5_000, 0),
        (-5, 0, 0),
        (2**63 - 1, 0, 34_560_000),
    ],
)
def test_a_lifetime_stands_beside_the_date(core: ModuleType, expires_ms: int, now_ms: int, age: int) -> None:
    for cookie in (cookie_of(core), core.SealedCookie("s", [KEY], b"; path=/", b"; httponly")):
        for line in cookie.lines(b"v", expires_ms, now_ms):
            assert re.fullmatch(rb"s(\.sig)?=[^;]+; path=/; expires=[^;]+ GMT; max-age=%d; httponly" % age, line)
        assert all(b"max-age" not in line for line in cookie.lines(b"v", None, now_ms))


@pytest.mark.parametrize(
    ("at_ms", "date"),
    [
        (0, b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (999, b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (1_000, b"Thu, 01 Jan 1970 00:00:01 GMT"),
        (-1, b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (-(2**63), b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400_999, b"Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_795_521_895_032, b"Tue, 24 Nov 2026 12:04:55 GMT"),
        (4_107_542_399_000, b"Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400_000, b"Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799_999, b"Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800_000, b"Fri, 31 Dec 9999 23:59:59 GMT"),
        (2**63 - 1, b"Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_dates_are_http_dates_from_1970_to_9999(core: ModuleType, at_ms: int, date: bytes) -> None:
    assert core.http_date(at_ms) == date


def test_every_day_has_its_date(core: ModuleType) -> None:
    days = range(0, 200_000 * 86_400, 86_400 * 7 + 3_661)
    wrong = [second for second in days if parsedate_to_datetime(core.http_date(second * 1000).decode()).timestamp() != second]
    assert wrong == []


def test_P01_repr_of_signed_cookie_hides_its_name_keys_and_attributes(core: ModuleType) -> None:
    cookie = core.SignedCookie("s", core.Keygrip([KEY]), b"; path=/secret", b"")
    assert repr(cookie) == str(cookie) == "SignedCookie(<hidden>)"
