"""Both cores against what the Node packages made; no Node needed. Where we differ on purpose, the row says why."""

import struct
from types import ModuleType
from typing import Any

import pytest

from gingersnap.cookies.attributes import Attributes
from tests.vectors import vectors

Row = dict[str, Any]


def rows(name: str, kind: str | None = None) -> pytest.MarkDecorator:
    """Parametrize a test over the rows of one file, or over those of one kind."""
    chosen = [row for row in vectors(name) if row.get("kind") == kind]
    return pytest.mark.parametrize("row", chosen, ids=[ascii(row["name"])[1:-1] for row in chosen])


def keygrip(core: ModuleType, row: Row) -> Any:
    return core.Keygrip([key.encode() for key in row["keys"]], row.get("algorithm", "sha1"))


# koa.json


@rows("koa")
def test_K01_koa_s_cookie_is_read(core: ModuleType, row: Row) -> None:
    cookie = core.SignedCookie(row["key"], keygrip(core, row), b"; path=/", b"; httponly")
    data: Row = {}

    loaded = cookie.load([(b"cookie", row["header"].encode("ascii"))], data, 0)

    assert data == row["data"]
    fresh = row["expire_ms"] is not None and row["expire_ms"] <= row["max_age_ms"]
    assert loaded == (core.dumps(row["data"]), 0, fresh, row["expire_ms"], row["max_age_ms"], row["session"], None, None)


@rows("koa")
def test_K35_koa_s_lines_are_written(core: ModuleType, row: Row) -> None:
    cookie = core.SignedCookie(row["key"], keygrip(core, row), b"; path=/", b"; httponly")

    lines = cookie.dump(row["data"], row["expire_ms"], row["max_age_ms"], None, None, row["dated"])

    assert [line.decode("ascii") for line in lines] == row["lines"]


# keygrip.json


@rows("keygrip", "sign")
def test_W01_signatures_are_keygrip_s(core: ModuleType, row: Row) -> None:
    assert keygrip(core, row).sign(row["data"].encode()) == row["digest"]


@rows("keygrip", "index")
def test_W01_the_key_of_a_signature_is_found_as_keygrip_finds_it(core: ModuleType, row: Row) -> None:
    index = keygrip(core, row).index(row["data"].encode(), row["digest"].encode("latin-1"))

    assert (-1 if index is None else index) == row["index"]


# cookies.json


@rows("cookies", "set")
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_W02_W03_lines_are_those_of_cookies(core: ModuleType, row: Row, signed: bool) -> None:
    attributes = Attributes(**row["attributes"])
    cookie = core.SignedCookie(row["key"], keygrip(core, row) if signed else None, attributes.head(), attributes.tail())

    lines = cookie.lines(row["value"].encode("ascii"), row["expires_ms"])

    assert [line.decode("ascii") for line in lines] == row["lines" if signed else "unsigned"]


@rows("cookies", "get")
def test_W04_values_are_found_as_cookies_finds_them(core: ModuleType, row: Row) -> None:
    values, _ = core.find(row["header"].encode("latin-1"), row["key"].encode("ascii"))

    wanted = row.get("ours", row["value"])
    assert [value.decode("latin-1") for value in values[:1]] == ([] if wanted is None else [wanted])


# json.json


@rows("json", "number")
def test_numbers_are_spelled_as_JSON_stringify_spells_them(core: ModuleType, row: Row) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(row["bits"]))

    assert core.dumps({"v": number}).decode("ascii") == f'{{"v":{row.get("ours", row["text"])}}}'
    # What JavaScript wrote is written again as it came.
    assert core.dumps(core.loads(f'{{"v":{row["text"]}}}'.encode())).decode("ascii") == f'{{"v":{row["text"]}}}'


@rows("json", "string")
def test_strings_are_spelled_as_JSON_stringify_spells_them(core: ModuleType, row: Row) -> None:
    text = "".join(map(chr, row["points"]))
    written = f'{{"v":{row["text"]}}}'.encode()

    assert core.dumps({"v": text}) == written
    assert core.loads(written) == {"v": text}
