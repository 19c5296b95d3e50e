"""Generated programs of Starlette's middleware and ours: the same octets from both sides, and from both in turn.

Both run in process, and neither needs Node.
"""

import copy
import random
from typing import Any

import itsdangerous.timed
import pytest
from starlette.middleware.sessions import SessionMiddleware as StarletteMiddleware

from gingersnap import SessionMiddleware
from gingersnap.starlette import SessionMiddleware as DropIn
from tests.asgi import KEY, NOW, Browser, Clock, Response, app_of
from tests.interop.generated_programs import HOUR, RecordWriter, Request
from tests.interop.generated_system_programs import SEEDS

WAITS = (0, 0.25, 1, 20, 59, 60, 61, HOUR, HOUR + 1, 30 * 86_400)
BACK = -10_000_000
"""How far clocks are set back: within a minute ours reads what Starlette does not, and further away what has no lifetime not."""
CLIENTS = ("lose", "forge", "cut", "rotate")


class Times:
    """The time as itsdangerous asks for it."""

    def __init__(self, clock: Clock) -> None:
        self.time = clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give one clock to both sides: itsdangerous has its module's alone."""
    clock = Clock()
    monkeypatch.setattr(itsdangerous.timed, "time", Times(clock))
    return clock


class Maker:
    """What makes up one program."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = random.Random(f"starlette {seed}")
        self.writer = RecordWriter(dice)
        each: list[tuple[str, tuple[Any, ...]]] = [
            ("max_age", (60, int(HOUR), None)),
            ("path", ("/app", "/")),
            ("same_site", ("lax", "strict")),
            ("https_only", (True,)),
            ("domain", ("example.com", ".example.com")),
            ("session_cookie", ("sid",)),
        ]
        self.options: dict[str, Any] = {name: dice.choice(values) for name, values in each if dice.random() < 0.3}
        self.requests = [self.request() for _ in range(dice.randint(1, 12))]

    def request(self) -> Request:
        dice = self.dice
        waits = WAITS if self.options.get("max_age", HOUR) is None else (*WAITS, BACK)
        wait = dice.choice(waits) if dice.random() < 0.5 else 1
        client: Any = dice.choice(CLIENTS) if dice.random() < 0.2 else "as it is"
        return Request(wait, client, self.steps())

    def steps(self) -> list[list[Any]]:
        dice, steps = self.dice, [["see"]] if self.dice.random() < 0.6 else []
        kind = dice.random()
        if kind < 0.3:
            return steps
        if kind < 0.4:
            return [*steps, ["clear"], ["see"]]
        if kind < 0.5:
            # What is filled again is another session to neither.
            return [*steps, ["clear"], self.writer.fresh(), ["see"]]
        if kind < 0.6:
            # A change inside of a value shows to Starlette where another is set beside it.
            return [*steps, ["set", "list", [0]], ["push", ["list"], self.writer.fresh()[2]], ["see"]]
        return [*steps, *(self.writer.data() for _ in range(dice.randint(0, 3))), self.writer.fresh(), ["see"]]


VERBS: dict[str, Any] = {
    "see": lambda session, seen: seen.append(copy.deepcopy(dict(session))),
    "set": lambda session, seen, name, value: session.__setitem__(name, value),
    "delete": lambda session, seen, name: session.pop(name, None),
    "push": lambda session, seen, path, value: session[path[0]].append(value),
    "clear": lambda session, seen: session.clear(),
}


class Client:
    """A jar, and what it is sent to."""

    def __init__(self, options: dict[str, Any], clock: Clock) -> None:
        self.options, self.clock = options, clock
        self.jar: dict[str, str] = {}

    def carry(self, client: str) -> None:
        """Do to the cookie what a program says; that of an older key is forged to Starlette, which has one key."""
        name = self.options.get("session_cookie", "session")
        if client == "lose":
            self.jar.clear()
        elif name in self.jar and client == "forge":
            self.jar[name] = self.jar[name][:-3] + ("AAA" if self.jar[name][-3:] != "AAA" else "BBB")
        elif name in self.jar and client == "cut":
            self.jar[name] = self.jar[name].rpartition(".")[0]

    async def do(self, side: str, key: str, steps: list[list[Any]]) -> tuple[list[Any], Response]:
        """Send a request to one side."""
        seen: list[Any] = []

        def handle(scope: Any) -> None:
            for verb, *given in steps:
                VERBS[verb](scope["session"], seen, *copy.deepcopy(given))

        app, options = app_of(handle), self.options
        made: Any = StarletteMiddleware(app, key, **options)
        if side == "drop-in":
            made = DropIn(app, key, clock=self.clock, cache_headers=False, **options)
        elif side == "preset":
            names = {"session_cookie": "key", "https_only": "secure"}
            ours = {names.get(name, name): "session" if value is None else value for name, value in options.items()}
            made = SessionMiddleware(app, keys=[key], preset="starlette", clock=self.clock, cache_headers=False, **ours)
        browser = Browser(made, scheme="https")
        browser.jar = self.jar
        return seen, await browser.get(f"{options.get('path', '')}/x")


async def play(seed: int, clock: Clock, sides: tuple[str, ...]) -> None:
    """Have Starlette take a program, and beside it, request by request, any of the sides."""
    made, dice, key, now = Maker(seed), random.Random(seed), KEY, NOW
    alone, beside = Client(made.options, clock), Client(made.options, clock)
    for index, request in enumerate(made.requests):
        now += request.wait
        clock.now = now
        key = f"{KEY}{index}" if request.client == "rotate" else key
        answers = []
        for client, side in ((alone, "starlette"), (beside, dice.choice(sides))):
            client.carry(request.client)
            seen, response = await client.do(side, key, request.steps)
            answers.append((seen, response.cookies, client.jar))
        assert answers[1] == answers[0], f"seed {seed}, request {index} at {side}: {made.options}, {made.requests}"


async def test_programs_are_the_same_on_both_sides(clock: Clock) -> None:
    for seed in SEEDS:
        await play(seed, clock, ("preset",))


async def test_each_request_may_go_to_either(clock: Clock) -> None:
    for seed in SEEDS:
        await play(seed, clock, ("preset", "drop-in", "starlette"))


# Where we part on purpose.


def nested(depth: int) -> Any:
    """Make lists within lists."""
    return [nested(depth - 1)] if depth > 1 else []


UNREAD = {
    "NaN": float("nan"),
    "Infinity": float("-inf"),
    "many digits": 10**30,
    "one text": {1: "a", "1": "b"},
    "deep": nested(100),
}


@pytest.mark.parametrize("value", UNREAD.values(), ids=UNREAD)
@pytest.mark.parametrize("side", ["preset", "drop-in"])
async def test_D03_what_no_other_json_holds_is_a_new_session_here(clock: Clock, side: str, value: Any) -> None:
    client = Client({}, clock)
    await client.do("starlette", KEY, [["set", "user", "ann"], ["set", "odd", value]])
    # Not theirs: what has no meaning elsewhere, or several, is not read.
    assert (await client.do("starlette", KEY, [["see"]]))[0][0]["user"] == "ann"
    seen, response = await client.do(side, KEY, [["see"]])
    assert (seen, response.status, response.cookies) == ([{}], 200, [])


@pytest.mark.parametrize(
    "value",
    [1e308, 5e-324, -0.0, 1e22, 2**69, {None: 1, True: 2}, (1, 2), "é🦊", "\ud83d", {"\udd8a": "\ud83d"}, nested(99)],
    ids=lambda v: ascii(v)[:20],
)
@pytest.mark.parametrize("side", ["preset", "drop-in"])
async def test_D03_what_json_holds_is_read(clock: Clock, side: str, value: Any) -> None:
    client = Client({}, clock)
    await client.do("starlette", KEY, [["set", "user", "ann"], ["set", "odd", value]])
    theirs, ours = [(await client.do(one, KEY, [["see"]]))[0] for one in ("starlette", side)]
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(
    ("max_age", "ahead", "seen"), [(60, 59, [False, True]), (60, 61, [False, False]), (None, 61, [True, False])]
)
async def test_D03_what_was_signed_in_the_future_is_read_for_a_minute_here(
    clock: Clock, max_age: Any, ahead: int, seen: list[bool]
) -> None:
    client = Client({"max_age": max_age}, clock)
    clock.now = NOW + ahead
    await client.do("starlette", KEY, [["set", "user", "ann"]])
    clock.now = NOW
    found = [(await client.do(side, KEY, [["see"]]))[0] for side in ("starlette", "preset")]
    assert [data == [{"user": "ann"}] for data in found] == seen
