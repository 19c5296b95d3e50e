"""The core alone: Cookie header to verified dict, dict to finished Set-Cookie lines, and the parts of both."""

import hmac
import json
import zlib
from types import ModuleType
from typing import Any, Final

import orjson

from benches import cases
from benches.composed import Composed, Dangerous
from benches.timing import Contender, Group
from gingersnap import _native, _pure

BACKENDS: Final[dict[str, ModuleType]] = {"native": _native, "pure": _pure}
ALGORITHMS: Final = ("sha1", "sha256", "blake3")
LOAD: Final = "load: Cookie header to verified dict"
DUMP: Final = "dump: dict to Set-Cookie lines"
DATED: Final = (cases.EXPIRE_MS, cases.MAX_AGE_MS, None, None, True)


def cookie(core: ModuleType, algorithm: str = "sha256") -> Any:
    """Make the signed cookie of one backend, as the middleware makes it."""
    return core.SignedCookie(cases.NAME, core.Keygrip([cases.KEY], algorithm), cases.HEAD, cases.TAIL)


def lines(algorithm: str = "sha256") -> list[bytes]:
    """Write the payload's Set-Cookie lines, by the specification."""
    written: list[bytes] = cookie(_pure, algorithm).dump(cases.PAYLOAD, *DATED)
    return written


def _text(loaded: Any) -> Any:
    """Take what was loaded as data, or the word that says why nothing was."""
    return json.loads(loaded[0]) if isinstance(loaded, tuple) else loaded


def _load(name: str, core: ModuleType, algorithm: str, header: bytes, expected: Any = cases.PAYLOAD) -> Contender:
    names = {"load": cookie(core, algorithm).load, "headers": cases.headers_of(header), "now": cases.NOW_MS}
    return Contender(name=name, statement="load(headers, {}, now)", names=names, expected=expected, answer=_text)


def _dump(name: str, core: ModuleType, algorithm: str) -> Contender:
    names = {"dump": cookie(core, algorithm).dump, "data": cases.PAYLOAD, "expire": cases.EXPIRE_MS, "age": cases.MAX_AGE_MS}
    statement = "dump(data, expire, age, None, None, True)"
    return Contender(name=name, statement=statement, names=names, expected=lines(algorithm))


def _orjson(name: str, text: bytes) -> Contender:
    names = {"loads": orjson.loads, "text": text}
    return Contender(name=name, statement="loads(text)", names=names, expected=json.loads(text))


def load() -> Group:
    """Compare the ways from a Cookie header to a verified dict."""
    header = cases.cookies_of(lines())
    dangerous = Dangerous()
    envelope = b'%b,"_expire":%d,"_maxAge":%d}' % (cases.PAYLOAD_TEXT[:-1], cases.EXPIRE_MS, cases.MAX_AGE_MS)
    signed = cases.headers_of(cases.cookies_of(dangerous.dump(cases.PAYLOAD)))
    return Group(
        LOAD,
        [
            _load("native", _native, "sha256", header),
            _load("pure", _pure, "sha256", header),
            Contender(
                name="orjson + stdlib",
                statement="load(headers)",
                names={"load": Composed().load, "headers": cases.headers_of(header)},
                expected=(cases.PAYLOAD, zlib.crc32(cases.PAYLOAD_TEXT)),
            ),
            Contender(
                name="itsdangerous + json",
                statement="load(headers)",
                names={"load": dangerous.load, "headers": signed},
                expected=cases.PAYLOAD,
            ),
            _orjson("orjson.loads alone", cases.PAYLOAD_TEXT),
            _orjson("orjson.loads alone, with envelope", envelope),
        ],
    )


def dump() -> Group:
    """Compare the ways from a dict to finished Set-Cookie lines."""
    dangerous = Dangerous()
    return Group(
        DUMP,
        [
            _dump("native", _native, "sha256"),
            _dump("pure", _pure, "sha256"),
            Contender(
                name="orjson + stdlib",
                statement="dump(data, expire, 0)",
                names={"dump": Composed().dump, "data": cases.PAYLOAD, "expire": cases.EXPIRE_MS},
                expected=lines(),
            ),
            Contender(
                name="itsdangerous + json",
                statement="dump(data)",
                names={"dump": dangerous.dump, "data": cases.PAYLOAD},
                expected=cases.PAYLOAD,
                answer=lambda result: dangerous.load(cases.headers_of(cases.cookies_of(result))),
            ),
            Contender(
                name="orjson.dumps alone",
                statement="dumps(data)",
                names={"dumps": orjson.dumps, "data": cases.PAYLOAD},
                expected=cases.PAYLOAD_TEXT,
            ),
        ],
    )


def algorithms(backend: str) -> Group:
    """Compare the algorithms of one backend, load and dump."""
    core = BACKENDS[backend]
    contenders = []
    for name in ALGORITHMS:
        contenders.append(_load(f"load {name}", core, name, cases.cookies_of(lines(name))))
        contenders.append(_dump(f"dump {name}", core, name))
    return Group(f"algorithms, {backend}", contenders)


def sign(algorithm: str) -> Group:
    """Compare signatures alone."""
    pair = lines()[0].partition(b";")[0]
    expected = _pure.Keygrip([cases.KEY], algorithm).sign(pair)
    contenders = [
        Contender(
            name=name,
            statement="sign(pair)",
            names={"sign": core.Keygrip([cases.KEY], algorithm).sign, "pair": pair},
            expected=expected,
        )
        for name, core in BACKENDS.items()
    ]
    if algorithm != "blake3":
        copied = Composed(algorithm).signature
        names = {"digest": hmac.digest, "key": cases.KEY, "pair": pair, "algorithm": algorithm}
        raw = hmac.digest(cases.KEY, pair, algorithm)
        contenders += [
            Contender(
                name="copied state + binascii",
                statement="sign(pair)",
                names={"sign": copied, "pair": pair},
                expected=expected.encode(),
            ),
            Contender(name="hmac.digest alone", statement="digest(key, pair, algorithm)", names=names, expected=raw),
        ]
    return Group(f"sign, {algorithm}", contenders)


def parts() -> Group:
    """Compare canonical JSON and CRC-32 alone."""
    text, data = cases.PAYLOAD_TEXT, cases.PAYLOAD
    dumps = {"native": _native.dumps, "pure": _pure.dumps, "orjson": orjson.dumps}
    sums = {"native": _native.crc32, "pure": _pure.crc32, "zlib": zlib.crc32}
    return Group(
        "parts: canonical JSON, CRC-32",
        [
            *(
                Contender(name=f"dumps, {name}", statement="dumps(data)", names={"dumps": made, "data": data}, expected=text)
                for name, made in dumps.items()
            ),
            *(
                Contender(
                    name=f"crc32, {name}", statement="crc32(text)", names={"crc32": made, "text": text}, expected=zlib.crc32(text)
                )
                for name, made in sums.items()
            ),
        ],
    )


def hostile(backend: str) -> Group:
    """Load what attackers send."""
    made = cases.hostile(lines()).items()
    core = BACKENDS[backend]
    return Group(
        f"load, hostile input, {backend}",
        [_load(name, core, "sha256", header, cases.PAYLOAD if word == "good" else word) for name, (header, word) in made],
    )


def groups() -> list[Group]:
    """Give every table of the core."""
    return [
        load(),
        dump(),
        parts(),
        *(sign(name) for name in ALGORITHMS),
        *(algorithms(name) for name in BACKENDS),
        *(hostile(name) for name in BACKENDS),
    ]
