"""CRC-32, koa-session's fingerprint."""

from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("data", "sum_"),
    [
        (b"", 0),
        # The check value of the catalogue of parametrised CRC algorithms, CRC-32/ISO-HDLC.
        (b"123456789", 0xCBF43926),
        (b"\0" * 32, 0x190A55AD),
        (b"\xff" * 32, 0xFF6CAB0B),
        # Two sessions that koa-session takes for one (REQUIREMENTS.md, L-07).
        (b'{"role":"admin","nick":"AAAAAA"}', 0xDB12719E),
        (b'{"role":"guest","nick":"avg2Wv"}', 0xDB12719E),
        (b'{"user":"mallory","nick":"k7V5Gh"}', 0),
    ],
    ids=repr,
)
def test_sums_are_those_of_the_published_crc(core: ModuleType, data: bytes, sum_: int) -> None:
    assert core.crc32(data) == sum_


@pytest.mark.parametrize("size", [1, 15, 16, 17, 63, 64, 65, 1_000, 100_000])
def test_a_sum_depends_on_every_octet(core: ModuleType, size: int) -> None:
    data = bytes(size)
    assert core.crc32(data[:-1] + b"\1") != core.crc32(data)
    assert core.crc32(b"\1" + data[1:]) != core.crc32(data)
