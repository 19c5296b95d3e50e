"""Keys: signing with the newest, verifying with all."""

# Names bear the ids of requirements as they are written.

import ast
import base64
import hmac
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gingersnap import ConfigError, _pure
from gingersnap._pure import keygrip as twin

ALGORITHMS = ("sha1", "sha256", "sha384", "sha512", "blake3")
RUST = Path(__file__).parents[2] / "rust" / "keygrip.rs"

JEFE = b"what do ya want for nothing?"
COUNT = bytes(range(1, 26))
LONG_KEY = b"Test Using Larger Than Block-Size Key - Hash Key First"
LONG_BOTH = (
    b"This is a test using a larger than block-size key and a larger than block-size data. "
    b"The key needs to be hashed before being used by the HMAC algorithm."
)

# RFC 2202 section 3: key, data, digest.
RFC2202 = [
    (b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", JEFE, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (COUNT, b"\xcd" * 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
    (b"\x0c" * 20, b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
    (b"\xaa" * 80, LONG_KEY, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ),
]

# RFC 4231 section 4: key, data, then the digests of SHA-256, SHA-384 and SHA-512; case 5 is cut to 128 bits there.
RFC4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        JEFE,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    (
        COUNT,
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    (
        b"\x0c" * 20,
        b"Test With Truncation",
        "a3b6167473100ee06e0c796c2955552b",
        "3abf34c3503b2a23a46efc619baef897",
        "415fad6271580a531d4179bc891d87a6",
    ),
    (
        b"\xaa" * 131,
        LONG_KEY,
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    (
        b"\xaa" * 131,
        LONG_BOTH,
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
]

VECTORS = [("sha1", *case) for case in RFC2202] + [
    (algorithm, key, data, digests[at])
    for key, data, *digests in RFC4231
    for at, algorithm in enumerate(("sha256", "sha384", "sha512"))
]

# What the Node packages sent (PARITY.md section 6): keys, the signed pair, its signature.
KOA = [
    (
        [b"k1", b"k2"],
        b"koa.sess=eyJuIjoxLCJfZXhwaXJlIjoxNzk1NTIxODk1MDMyLCJfbWF4QWdlIjo4NjQwMDAwMH0=",
        "TNZ6pnHlFwHaZHQTeIwt36tpiZE",
    ),
    ([b"n", b"o"], b"session=eyJhIjoxfQ==", "vHy9rp8nJmgSaFO5XPU7cRda3dA"),
    ([b"n", b"o"], b"session=", "VngoPNf3pKvO9ZoQGqGzq7aAu84"),
    ([b"a"], b"koa.sid=z3ZBY2mpurEuKdDkez1dN-cNyQbGEskT", "xD6vZ3v0NB4s6u6f_P5iCt8jjKY"),
]


@pytest.mark.parametrize(("algorithm", "key", "data", "digest"), VECTORS, ids=lambda item: repr(item)[:20])
def test_X01_digests_are_those_of_the_rfcs(core: ModuleType, algorithm: str, key: bytes, data: bytes, digest: str) -> None:
    text = core.Keygrip([key], algorithm).sign(data)
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert octets[: len(digest) // 2].hex() == digest
    assert "=" not in text


@pytest.mark.parametrize(
    ("keys", "pair", "digest"), KOA, ids=["koa-session", "cookie-session", "cookie-session-unset", "koa-generic-session"]
)
def test_X01_signatures_are_those_of_keygrip(core: ModuleType, keys: list[bytes], pair: bytes, digest: str) -> None:
    grip = core.Keygrip(keys)
    assert grip.sign(pair) == digest
    assert grip.index(pair, digest.encode()) == 0


def test_X01_blake3_is_keyed_by_a_derived_key(core: ModuleType) -> None:
    blake3 = pytest.importorskip("blake3").blake3
    derived = blake3(b"secret", derive_key_context="gingersnap/v1/sign").digest()
    wanted = base64.urlsafe_b64encode(blake3(b"data", key=derived).digest()).rstrip(b"=").decode()
    assert core.Keygrip([b"secret"], "blake3").sign(b"data") == wanted


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_newest_key_signs_and_every_key_verifies(core: ModuleType, algorithm: str) -> None:
    keys = [b"newest", b"older", b"oldest"]
    grip = core.Keygrip(keys, algorithm)
    assert grip.sign(b"data") == core.Keygrip(keys[:1], algorithm).sign(b"data")
    digests = [core.Keygrip([key], algorithm).sign(b"data").encode() for key in keys]
    assert [grip.index(b"data", digest) for digest in digests] == [0, 1, 2]


def test_a_key_that_was_taken_out_verifies_nothing(core: ModuleType) -> None:
    digest = core.Keygrip([b"gone"], "sha256").sign(b"data").encode()
    assert core.Keygrip([b"new"], "sha256").index(b"data", digest) is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_of_other_data_or_another_spelling_is_refused(core: ModuleType, algorithm: str) -> None:
    grip = core.Keygrip([b"secret"], algorithm)
    digest = grip.sign(b"data").encode()
    forged = [b"", digest[:-1], digest + b"=", digest + b"A", b" " + digest, digest.swapcase(), digest[::-1], b"\xff" * len(digest)]
    assert [grip.index(b"data", wrong) for wrong in forged] == [None] * len(forged)
    assert grip.index(b"Data", digest) is None
    assert grip.index(b"", digest) is None


def test_one_bit_of_a_digest_is_enough_to_refuse_it(core: ModuleType) -> None:
    grip = core.Keygrip([b"secret"])
    digest = grip.sign(b"data").encode()
    flipped = [digest[:at] + bytes([digest[at] ^ 1 << bit]) + digest[at + 1 :] for at in range(len(digest)) for bit in range(8)]
    assert {grip.index(b"data", wrong) for wrong in flipped} == {None}


def test_algorithms_do_not_stand_in_for_each_other(core: ModuleType) -> None:
    digests = {algorithm: core.Keygrip([b"secret"], algorithm).sign(b"data").encode() for algorithm in ALGORITHMS}
    for algorithm in ALGORITHMS:
        grip = core.Keygrip([b"secret"], algorithm)
        assert [name for name, digest in digests.items() if grip.index(b"data", digest) is not None] == [algorithm]


@pytest.mark.parametrize(("keys", "algorithm"), [([], "sha1"), ([b"k"], "md5"), ([b"k"], "SHA1"), ([b"k"], ""), ([b"k"], "sha1\0")])
def test_no_keys_or_another_algorithm_is_refused(core: ModuleType, keys: list[bytes], algorithm: str) -> None:
    with pytest.raises(ValueError, match="at least one key and a known algorithm"):
        core.Keygrip(keys, algorithm)


def test_X02_rust_compares_digests_with_ct_eq_alone() -> None:
    code = re.sub(r"//.*", "", RUST.read_text("utf-8").split("#[cfg(test)]")[0])
    assert re.findall(r"[=!]=", code) == []
    assert re.findall(r"\b(?:eq|ne|cmp|contains|starts_with|memcmp)\(", code) == []
    assert code.count(".ct_eq(") == 2


def test_X02_the_twin_compares_digests_with_compare_digest_alone() -> None:
    code = inspect.getsource(twin)
    compared = [ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Compare)]
    # An algorithm's name is no secret; nothing else is compared by an operator.
    assert [text for text in compared if not text.startswith("algorithm ")] == []
    assert code.count("hmac.compare_digest(") == 1


def test_X02_a_forged_digest_is_compared_under_every_key_and_with_every_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def spy(wanted: bytes, digest: bytes) -> bool:
        compared.append((wanted, digest))
        return compare(wanted, digest)

    keys, forged = [b"k1", b"k2", b"k3"], [b"f1", b"f2", b"f3", b"f4"]
    wanted = [_pure.Keygrip([key], "sha256").sign(b"s=value").encode() for key in keys]
    monkeypatch.setattr(hmac, "compare_digest", spy)
    cookie = _pure.SignedCookie("s", _pure.Keygrip(keys, "sha256"), b"", b"")
    assert cookie.read([(b"cookie", b"s=value; " + b"; ".join(b"s.sig=" + digest for digest in forged))]) == "tampered"
    assert compared == [(right, wrong) for right in wanted for wrong in forged]


def test_X02_a_hit_among_candidates_does_not_end_the_comparing(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest
    grip = _pure.Keygrip([b"k1", b"k2"])
    right = grip.sign(b"data").encode()
    monkeypatch.setattr(hmac, "compare_digest", lambda wanted, digest: compared.append(digest) or compare(wanted, digest))
    assert grip.find(b"data", [right, b"f1", b"f2"]) == 0
    assert compared == [right, b"f1", b"f2"]


def test_P01_repr_of_keygrip_hides_its_keys(core: ModuleType) -> None:
    grip = core.Keygrip([b"a-key-nobody-may-see"], "sha256")
    assert repr(grip) == str(grip) == "Keygrip(<hidden>)"


def test_blake3_without_its_package_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(ConfigError, match=r"^algorithm: .+; pip install 'gingersnap\[pure\]', or choose algorithm='sha256'$"):
        _pure.Keygrip([b"secret"], "blake3")
