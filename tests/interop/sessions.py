"""Generated sessions: what applications keep, and what they had better not; the same ones in every run."""

import json
import random
from typing import Any

LIMIT = 2700
"""The octets of JSON that surely fit, with their dates, into a cookie of 4096."""

TEXTS = (
    *("", " ", "a", "plain words", "quote \" and 'single'", "semi;colon, comma; equals=", "back\\slash /slash", "%41+%20&amp;"),
    *(
        "line\nfeed\r\ttab\b\f",
        "\0\x01\x1f\x7f\x80\x9f",
        "\u2028 and \u2029",
        "\ufeffmark",
        "\ufffd\ufffe\uffff",
        "ß \u0130 \u0131 \u017f",
    ),
    *("żółć", "Ελληνικά", "עברית العربية", "日本語のテキスト", "🍪🧑‍💻", "\U0001d54a\U0010ffff", "e\u0301 is not \u00e9"),
    # What JavaScript leaves of an emoji that it cuts, and what it never makes a character of.
    *("cut \ud83d", "\ude00", "\ude00\ud83d", "\ud83d\ud83d and\udfff"),
    *("null", "true", "1e3", "{}", "[]", "<script>alert(1)</script>", "${x}", "koa.sess=; path=/", "x" * 700),
)
NUMBERS = (
    *(0, 1, -1, 42, -273, 2**31 - 1, -(2**31), 2**32, 2**53 - 1, -(2**53) + 1, 2**53, 1_795_521_895_032),
    *(10**16, 10**17, 10**18, 10**19, 10**20, 123_456_789_012_345_680_000, -(10**20)),
    *(-0.0, 0.5, -0.5, 0.1 + 0.2, 1 / 3, 1e21, 1e22, -1e21, 1.5e300, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308),
    *(1e-7, 1e-6, 1.5e-6, 123e-20, 9007199254740993.0, 1e16, 123456789.125, 4.35, 2.0, 1e20, 999999999999999900000.0),
)
NAMES = (
    *(
        "n",
        "user",
        "cart",
        "a b",
        "",
        'say "hi"',
        "it's",
        "semi;colon",
        "a=b",
        "a,b",
        "back\\slash",
        "{}",
        "[0]",
        "0",
        "17",
        "-1",
        "1.5",
    ),
    *("constructor", "hasOwnProperty", "toString", "valueOf", "prototype", "\u2028", "🍪", "ключ", "new\nline", "\0", "k" * 200),
    *("\ud83d", "is_new", "expire", "csrf-token", "$ref", "@id", "a.b.c"),
)
INNER_NAMES = (*NAMES, "__proto__", "_expire", "_maxAge", "_session", "isNew", "maxAge", "length", "toJSON", "save", "_private")
"""What only stands below the top: there koa-session drops or mistakes these."""


def _text(dice: random.Random) -> str:
    if dice.random() < 0.6:
        return dice.choice(TEXTS)
    ranges = ((0x20, 0x7E), (0x00, 0x1F), (0xA0, 0x24F), (0x2000, 0x206F), (0x4E00, 0x4FFF), (0xE000, 0xE0FF), (0x1F300, 0x1F9FF))
    return "".join(chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randint(0, 30)))


def _number(dice: random.Random) -> int | float:
    kind = dice.random()
    if kind < 0.5:
        return dice.choice(NUMBERS)
    if kind < 0.7:
        return dice.randint(-(2**53), 2**53)
    if kind < 0.8:
        # Up to 21 digits, and exactly a double's shortest digits: JavaScript has no other integers.
        return int(f"{dice.randint(1, 10**15 - 1)}{'0' * dice.randint(0, 6)}")
    return dice.uniform(-1, 1) * 10 ** dice.randint(-320, 307)


def _value(dice: random.Random, depth: int) -> Any:
    kind = dice.random()
    if depth and kind < 0.2:
        return [_value(dice, depth - 1) for _ in range(dice.randint(0, 5))]
    if depth and kind < 0.4:
        return {dice.choice(INNER_NAMES): _value(dice, depth - 1) for _ in range(dice.randint(0, 5))}
    if kind < 0.5:
        return dice.choice((None, True, False))
    return _text(dice) if kind < 0.75 else _number(dice)


def _nested(dice: random.Random) -> Any:
    value = _value(dice, 0)
    for _ in range(dice.randint(10, 60)):
        value = [value] if dice.random() < 0.5 else {"in": value}
    return value


def _session(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.05:
        return {"deep": _nested(dice)}
    return {dice.choice(NAMES): _value(dice, 3) for _ in range(dice.randint(1, 8))}


def sessions(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Make sessions that fit into a cookie; every text, number and name that is listed above comes once at least."""
    made: list[dict[str, Any]] = [{"v": text} for text in TEXTS] + [{"v": number} for number in NUMBERS]
    made += [{name: 1} for name in NAMES] + [{"in": {name: name}} for name in INNER_NAMES]
    made += [{"v": value} for value in (None, True, False, [], {}, [[]], [{}], {"__proto__": {"polluted": True}})]
    dice = random.Random(seed)
    while len(made) < count:
        data = _session(dice)
        if len(json.dumps(data, ensure_ascii=False).encode("utf-8", "backslashreplace")) <= LIMIT:
            made.append(data)
    return made


def same(value: Any) -> Any:
    """Put a JSON value into a form to compare: every number a double, zero without sign, and no ``True == 1``."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return float(value) + 0.0
    if isinstance(value, list):
        return [same(item) for item in value]
    if isinstance(value, dict):
        return {name: same(item) for name, item in value.items()}
    return ("text", value) if value in ("True", "False") else value
