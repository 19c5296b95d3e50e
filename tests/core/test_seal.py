"""Sealed cookies: what opens, what does not, and what is bound to a token."""

# Names bear the ids of requirements as they are written.

import base64
import hashlib
import hmac
import itertools
import os
import sys
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from hypothesis import given
from hypothesis import strategies as st

from gingersnap import _pure
from tests.core.test_equal import OCTETS, RESERVED, agree, envelopes, equal, keyrings, listed, payloads, sessions
from tests.cores import BACKENDS
from tests.vectors import vectors

KEY, OLD_KEY, OTHER_KEY = (bytes([octet]) * 32 for octet in b"KOX")
ENVELOPE = (None, None, None, None, False)
DATED = (1_000_000, 60_000, 900_000, "ann", True)


def cookie_of(core: ModuleType, keys: list[bytes] | None = None, name: str = "s", **given: Any) -> Any:
    return core.SealedCookie(name, [KEY] if keys is None else keys, b"; path=/", b"; httponly", **given)


def token_of(core: ModuleType, data: dict[str, Any], **given: Any) -> bytes:
    """Seal and cut the token out of the line."""
    lines = cookie_of(core, **given).dump(data, *ENVELOPE)
    assert len(lines) == 1
    return lines[0].split(b";")[0].partition(b"=")[2]


def headers(*values: bytes, name: bytes = b"s") -> list[tuple[bytes, bytes]]:
    return [(b"cookie", b"; ".join(name + b"=" + value for value in values))]


def loaded(core: ModuleType, *values: bytes, **given: Any) -> object:
    """Give the data, or the word in its place."""
    into: dict[str, Any] = {}
    name = given.get("name", "s").encode()
    answer = cookie_of(core, **given).load(headers(*values, name=name), into, 0)
    assert into == {} or not isinstance(answer, str)
    return answer if answer is None or isinstance(answer, str) else (into, answer[1])


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def by_hand(
    text: bytes,
    *,
    secret: bytes = KEY,
    name: bytes = b"s",
    version: bytes = b"v1",
    suite: bytes = b"A1",
    purpose: bytes = b"gingersnap/v1/seal/",
    kid: bytes | None = None,
    nonce: bytes = bytes(range(12)),
) -> bytes:
    """Seal independently of both backends, by the design's own words: HKDF (RFC 5869) by hand."""
    key = hmac.digest(hmac.digest(bytes(32), secret, "sha256"), purpose + name + b"\x01", "sha256")
    kid = b64(hashlib.sha256(b"kid" + key).digest()[:4]) if kid is None else kid
    sealed = nonce + AESGCMSIV(key).encrypt(nonce, text, b"\0".join([version, suite, kid, name]))
    return version + b"." + kid + b"." + b64(sealed)


TEXT = b'{"a":1,"_session":true}'


# --- The format.


def test_a_token_made_by_hand_opens(core: ModuleType) -> None:
    assert loaded(core, by_hand(TEXT)) == ({"a": 1}, 0)
    assert cookie_of(core).read(headers(by_hand(TEXT))) == (TEXT, 0)


def test_a_token_is_what_one_makes_by_hand(core: ModuleType) -> None:
    token = token_of(core, {"a": 1})
    assert token == by_hand(TEXT, nonce=unb64(token.split(b".")[2])[:12])
    assert [len(part) for part in token.split(b".")[:2]] == [2, 6]
    # Nothing is compressed, nothing is padded: the length is the text's.
    assert len(unb64(token.split(b".")[2])) == 12 + len(TEXT) + 16


def test_the_text_inside_is_that_of_a_signed_cookie(core: ModuleType) -> None:
    data = {"a": [1, None, "ü"], "b": {"c": 1.5}}
    signed = core.SignedCookie("s", None, b"", b"").dump(data, *DATED)[0].split(b";")[0].partition(b"=")[2]
    line = cookie_of(core).dump(data, *DATED)[0]
    value = line.split(b";")[0].partition(b"=")[2]
    assert cookie_of(core).read(headers(value)) == (base64.b64decode(signed), 0)
    assert line.partition(b"; path=/")[2] == b"; expires=Thu, 01 Jan 1970 00:16:40 GMT; httponly"


def test_load_tells_the_dates_the_owner_and_whether_it_is_fresh(core: ModuleType) -> None:
    value = cookie_of(core).dump({"a": 1}, *DATED)[0].split(b";")[0].partition(b"=")[2]
    for now_ms, fresh in ((990_000, True), (1_000_001, False), (900_000, False)):
        into: dict[str, Any] = {}
        answer = cookie_of(core).load(headers(value), into, now_ms)
        assert answer == (b'{"a":1}', 0, fresh, 1_000_000, 60_000, None, 900_000, "ann")
        assert into == {"a": 1}


def test_seal_does_as_dump_does(core: ModuleType) -> None:
    lines = cookie_of(core).seal(b'{"a":1}', *ENVELOPE)
    assert loaded(core, lines[0].split(b";")[0].partition(b"=")[2]) == ({"a": 1}, 0)


def test_no_token_comes_twice(core: ModuleType) -> None:
    tokens = {token_of(core, {"a": 1}) for _ in range(200)}
    assert len(tokens) == 200
    assert len({unb64(token.split(b".")[2])[:12] for token in tokens}) == 200


def test_a_token_shows_nothing_of_the_session(core: ModuleType) -> None:
    token = token_of(core, {"password": "correct horse"})
    shown = token + unb64(token.split(b".")[2])
    assert not any(part in shown for part in (b"password", b"correct", b"horse", b"_session", b64(b"password")[:8]))


def test_lines_write_any_value_once_and_remove_the_cookie(core: ModuleType) -> None:
    assert cookie_of(core).lines(b"", 0) == [b"s=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"]
    assert cookie_of(core).lines(b"v", None) == [b"s=v; path=/; httponly"]


@pytest.mark.parametrize("spare", [-1, 0])
def test_C02_a_token_that_passes_the_limit_is_a_number(core: ModuleType, spare: int) -> None:
    size = len(cookie_of(core).dump({"a": "x" * 100}, *ENVELOPE)[0])
    answer = cookie_of(core, max_octets=size + spare).dump({"a": "x" * 100}, *ENVELOPE)
    assert answer == size if spare < 0 else len(answer) == 1


# --- rotation.


def test_X05_the_newest_key_seals_and_all_open(core: ModuleType) -> None:
    old, new = token_of(core, {"a": 1}, keys=[OLD_KEY]), token_of(core, {"a": 2}, keys=[KEY, OLD_KEY])
    assert loaded(core, old, keys=[KEY, OLD_KEY]) == ({"a": 1}, 1)
    assert loaded(core, new, keys=[KEY, OLD_KEY]) == ({"a": 2}, 0)
    assert loaded(core, new, keys=[KEY]) == ({"a": 2}, 0)
    assert loaded(core, new, keys=[OLD_KEY]) == "tampered"
    assert loaded(core, old, keys=[KEY]) == "tampered"


def test_a_key_that_stands_twice_counts_where_it_stands_first(core: ModuleType) -> None:
    assert loaded(core, by_hand(TEXT), keys=[OLD_KEY, KEY, KEY]) == ({"a": 1}, 1)


# --- what a token is bound to.

BOUND = {
    "version": {"version": b"v2"},
    "suite": {"suite": b"A2"},
    "purpose": {"purpose": b"gingersnap/v1/sign/"},
    "name": {"name": b"t"},
    "secret": {"secret": OTHER_KEY},
    "kid": {"kid": b"AAAAAA"},
}


@pytest.mark.parametrize("change", BOUND.values(), ids=BOUND)
def test_X03_a_token_of_another_version_suite_kid_name_or_key_is_refused(core: ModuleType, change: dict[str, Any]) -> None:
    forged = by_hand(TEXT, **change)
    right = by_hand(TEXT).split(b".")
    assert loaded(core, forged) == "tampered"
    # Dressed as a token of ours, it is still one of another.
    assert loaded(core, b".".join([*right[:2], forged.split(b".")[2]])) == "tampered"


PARTS = {"version": 0, "kid": 1, "nonce": slice(0, 12), "ciphertext": slice(12, -16), "tag": slice(-16, None)}


@pytest.mark.parametrize("part", PARTS)
def test_X03_a_flipped_bit_in_any_part_is_refused(core: ModuleType, part: str) -> None:
    pieces = by_hand(TEXT).split(b".")
    sealed = unb64(pieces[2])
    place = PARTS[part]
    octets = pieces[place] if isinstance(place, int) else sealed
    for at in range(len(octets))[place if isinstance(place, slice) else slice(None)]:
        for bit in range(8):
            flipped = octets[:at] + bytes([octets[at] ^ 1 << bit]) + octets[at + 1 :]
            forged = [*pieces]
            forged[place if isinstance(place, int) else 2] = flipped if isinstance(place, int) else b64(flipped)
            assert loaded(core, b".".join(forged)) == "tampered", (at, bit)


@pytest.mark.parametrize("part", ["kid", "nonce", "ciphertext", "tag"])
def test_X03_a_part_of_another_token_is_refused(core: ModuleType, part: str) -> None:
    one, two = by_hand(TEXT), by_hand(b'{"a":2,"_session":true}', secret=OLD_KEY, nonce=bytes(12))
    pieces, others = one.split(b"."), two.split(b".")
    place = PARTS[part]
    if isinstance(place, int):
        pieces[place] = others[place]
    else:
        sealed = bytearray(unb64(pieces[2]))
        sealed[place] = unb64(others[2])[place]
        pieces[2] = b64(bytes(sealed))
    assert loaded(core, b".".join(pieces), keys=[KEY, OLD_KEY]) == "tampered"


def test_X03_a_token_is_good_for_its_own_cookie_alone(core: ModuleType) -> None:
    token = token_of(core, {"a": 1}, name="s")
    assert loaded(core, token, name="s") == ({"a": 1}, 0)
    for name in ("t", "S", "ss", "s.sig", "__Host-s"):
        assert loaded(core, token, name=name) == "tampered"


# --- nothing stands in for a token.


def signed_value() -> bytes:
    return base64.b64encode(TEXT)


NOT_TOKENS: dict[str, bytes] = {
    "plain base64 JSON": signed_value(),
    "base64url JSON": b64(TEXT),
    "JSON": TEXT.replace(b'"', b"'"),
    "another kid": by_hand(TEXT, secret=OTHER_KEY),
    "no version": by_hand(TEXT)[3:],
    "no kid": b"v1." + by_hand(TEXT).split(b".")[2],
    "an empty kid": b"v1.." + by_hand(TEXT).split(b".")[2],
    "no text": b".".join(by_hand(TEXT).split(b".")[:2]),
    "an empty text": b".".join(by_hand(TEXT).split(b".")[:2]) + b".",
    "plain JSON behind the kid": b".".join([*by_hand(TEXT).split(b".")[:2], b64(TEXT)]),
    "version in upper case": by_hand(TEXT).replace(b"v1", b"V1"),
    "version with a zero": by_hand(TEXT).replace(b"v1", b"v01"),
    "padding": by_hand(TEXT) + b"=",
    "more padding": by_hand(TEXT) + b"==",
    "a part more": by_hand(TEXT) + b".AAAA",
    "a dot more": by_hand(TEXT) + b".",
    "a dot before": b"." + by_hand(TEXT),
    "percent coding": by_hand(TEXT).replace(b".", b"%2E"),
    "nonce alone": b".".join([*by_hand(TEXT).split(b".")[:2], b64(bytes(12))]),
    "nonce and tag": b".".join([*by_hand(TEXT).split(b".")[:2], b64(bytes(28))]),
    "a JWT": b"eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",
    "beyond ASCII": by_hand(TEXT) + b"\xc3\xa9",
}


@pytest.mark.parametrize("value", NOT_TOKENS.values(), ids=NOT_TOKENS)
def test_X04_what_is_no_token_is_tampered(core: ModuleType, value: bytes) -> None:
    assert loaded(core, value) == "tampered"


def test_X04_a_signed_cookie_is_tampered_though_its_signature_verifies(core: ModuleType) -> None:
    signed = core.SignedCookie("s", core.Keygrip([KEY], "sha256"), b"", b"")
    pairs = [(b"cookie", b"; ".join(signed.dump({"a": 1}, *ENVELOPE)))]
    assert isinstance(signed.load(pairs, {}, 0), tuple)
    assert cookie_of(core).load(pairs, {}, 0) == "tampered"


def test_X04_a_signed_format_takes_no_token_either(core: ModuleType) -> None:
    signed = core.SignedCookie("s", core.Keygrip([KEY], "sha256"), b"", b"")
    assert signed.load(headers(by_hand(TEXT)), {}, 0) == "unsigned"


def test_X04_a_token_cut_anywhere_is_tampered(core: ModuleType) -> None:
    token = by_hand(TEXT)
    for at in range(1, len(token)):
        assert loaded(core, token[:at]) == "tampered"
        assert loaded(core, token[at:]) == "tampered"


def test_X04_one_spelling_of_a_token_is_taken(core: ModuleType) -> None:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for text in (TEXT, TEXT + b" ", TEXT + b"  "):
        token = by_hand(text)
        taken = [octet for octet in alphabet if loaded(core, token[:-1] + bytes([octet])) != "tampered"]
        assert taken == [token[-1]]


def test_no_cookie_is_none(core: ModuleType) -> None:
    for sent in ([], [(b"cookie", b"")], [(b"cookie", b"t=x; s=")], [(b"accept", b"s=x")]):
        assert cookie_of(core).load(sent, {}, 0) is None
        assert cookie_of(core).read(sent) is None
    assert cookie_of(core).load([(b"cookie", b"s.sig=" + by_hand(TEXT))], {}, 0) is None


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"5", b"null", b"{", b'{"a":1}x', b"\xff", b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 200, b" " * 66_000]
)
def test_D03_a_token_that_opens_but_holds_no_session_is_corrupt(core: ModuleType, text: bytes) -> None:
    assert loaded(core, by_hand(text), header_limit=200_000) == "corrupt"


# --- C-04: several of one name.


def test_C04_the_one_distinct_token_that_opens_wins_in_any_order(core: ModuleType) -> None:
    kinds = {"one": by_hand(TEXT), "two": by_hand(TEXT, nonce=bytes(12)), "forged": by_hand(TEXT, secret=OTHER_KEY)}
    for count in range(1, 5):
        for order in itertools.product(kinds, repeat=count):
            valid = set(order) - {"forged"}
            wanted = ({"a": 1}, 0) if len(valid) == 1 else "duplicate" if valid else "tampered"
            assert loaded(core, *(kinds[kind] for kind in order)) == wanted
            first = "tampered" if order[0] == "forged" else ({"a": 1}, 0)
            assert loaded(core, *(kinds[kind] for kind in order), first_only=True) == first


@pytest.mark.parametrize(("junk", "wanted"), [(3, ({"a": 1}, 0)), (4, "tampered"), (100, "tampered")])
def test_C04_at_most_four_candidates_are_looked_at(core: ModuleType, junk: int, wanted: object) -> None:
    assert loaded(core, *(b"junk%d" % at for at in range(junk)), by_hand(TEXT)) == wanted


def test_D01_what_passes_the_header_limit_is_not_looked_at(core: ModuleType) -> None:
    token = by_hand(TEXT)
    assert loaded(core, token, header_limit=len(token) + 2) == ({"a": 1}, 0)
    assert loaded(core, token, header_limit=len(token) + 1) is None


# --- the cipher and the random numbers.


@pytest.mark.parametrize("row", vectors("aes_gcm_siv"), ids=lambda row: row["result"][-8:])
def test_X07_the_twins_cipher_is_that_of_rfc_8452(row: dict[str, str]) -> None:
    # The native one runs the same rows in rust/seal.rs.
    key, nonce, aad, text, sealed = (bytes.fromhex(row[part]) for part in ("key", "nonce", "aad", "plaintext", "result"))
    cipher = AESGCMSIV(key)
    assert cipher.encrypt(nonce, text, aad) == sealed
    assert cipher.decrypt(nonce, sealed, aad) == text


def test_X09_no_random_octets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    # The native one, whose octets come from no Python function, has the same test in rust/seal.rs.
    def fail(count: int) -> bytes:
        raise OSError("no entropy")

    cookie = cookie_of(_pure)
    monkeypatch.setattr(os, "urandom", fail)
    with pytest.raises(OSError, match="no entropy"):
        cookie.dump({"a": 1}, *ENVELOPE)


def test_the_twin_without_cryptography_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ImportError, match=r"pip install 'gingersnap\[pure\]'"):
        cookie_of(_pure)


# --- What is refused at construction, and what is shown.


def test_no_keys_are_refused(core: ModuleType) -> None:
    with pytest.raises(ValueError, match="SealedCookie needs at least one key"):
        cookie_of(core, keys=[])


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\0b", "ü", "a\n"])
def test_a_name_that_no_cookie_can_have_is_refused(core: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match="a cookie's name is visible ASCII"):
        cookie_of(core, name=name)


def test_P01_repr_of_sealed_cookie_hides_its_name_keys_and_attributes(core: ModuleType) -> None:
    assert repr(cookie_of(core)) == str(cookie_of(core)) == "SealedCookie(<hidden>)"


# --- U-02: both backends are one.

names = st.sampled_from(["s", "koa.sess", "__Host-s", "s.sig", '"s"', "$v"])
pieces = st.sampled_from([b"v1", b"v1.", b".", b"..", b"=", b"-", b"_", b"+", b"/", b"A", b"AAAA", by_hand(TEXT), TEXT, *OCTETS])
values = (
    st.binary(max_size=80)
    | st.lists(pieces, max_size=6).map(b"".join)
    | st.tuples(st.integers(0, 60), st.binary(max_size=3)).map(lambda cut: by_hand(TEXT)[: cut[0]] + cut[1])
    | st.tuples(st.integers(0, 90), st.binary(max_size=3)).map(lambda cut: cut[1] + by_hand(TEXT)[cut[0] :])
    | st.binary(max_size=60).map(lambda sealed: b".".join([*by_hand(TEXT).split(b".")[:2], b64(sealed)]))
    | payloads.map(by_hand)
    | payloads.map(lambda text: by_hand(text, secret=OLD_KEY))
)


@equal
@given(sent=st.lists(values, max_size=5), first_only=st.booleans(), limit=st.integers(0, 400) | st.just(16_384))
def test_U02_load_of_anything(sent: list[bytes], first_only: bool, limit: int) -> None:
    given = {"keys": [KEY, OLD_KEY], "first_only": first_only, "header_limit": limit}
    agree(lambda core: loaded(core, *sent, **given))
    agree(lambda core: cookie_of(core, **given).read(headers(*sent)))


@equal
@given(data=sessions, envelope=envelopes, keys=keyrings, name=names)
def test_U02_what_one_seals_the_other_opens(data: dict[str, Any], envelope: Any, keys: list[bytes], name: str) -> None:
    data = {key: value for key, value in data.items() if key not in RESERVED}
    for writer, reader in itertools.product(BACKENDS.values(), repeat=2):
        line = writer.SealedCookie(name, keys, b"", b"", max_octets=16_384).dump(data, *envelope[:-1], False)
        into: dict[str, Any] = {}
        answer = reader.SealedCookie(name, [OTHER_KEY, *keys], b"", b"").load([(b"cookie", line[0])], into, 0)
        assert answer[:2] == (writer.dumps(data), 1)
        assert repr(into) == repr(listed(data))


@equal
@given(data=sessions, envelope=envelopes, keys=keyrings, name=names)
def test_U02_the_lines_of_both_are_alike_but_for_what_is_random(
    data: dict[str, Any], envelope: Any, keys: list[bytes], name: str
) -> None:
    def shape(core: ModuleType) -> object:
        lines = core.SealedCookie(name, keys, b"; path=/", b"; httponly", max_octets=300).dump(data, *envelope)
        if isinstance(lines, int):
            return lines
        (line,) = lines
        version, kid, _ = line.split(b"=", 1)[1].split(b".", 2)
        return version, kid, len(line), line.partition(b";")[2]

    agree(shape)


@equal
@given(value=st.binary(max_size=40), expires_ms=st.none() | st.integers(-(2**63), 2**63 - 1))
def test_U02_lines(value: bytes, expires_ms: int | None) -> None:
    agree(lambda core: cookie_of(core).lines(value, expires_ms))


@pytest.mark.parametrize("data", [{"a": {1}}, {"a": float("nan")}, {1: 1}, {"\ud83d\ude00": 1}, {"a": "x" * 70_000}], ids=repr)
def test_U02_what_cannot_be_written_is_refused_alike(data: Any) -> None:
    agree(lambda core: cookie_of(core).dump(data, *ENVELOPE))
