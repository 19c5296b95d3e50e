"""Generated programs: requests that applications and clients make, and a model of what the session is after each."""

import copy
import random
from dataclasses import dataclass
from typing import Any, Literal

Client = Literal["as it is", "lose", "unknown", "forge", "strip", "rotate"]
"""What becomes of a client's cookies before a request: kept, lost, replaced by the signed id of no session, badly signed,
without signature, or met by a server that has a newer key."""

VALUES: tuple[Any, ...] = (
    *(0, -7, 2**40, 0.5, 1e-10, "", "plain", "é🍪\u2028", None, True),
    *([], {}, [{"deep": [None]}], {"__proto__": 1}),
)
"""What Python's json spells as JavaScript's: nothing that would tell the two sides apart by that alone."""
LIVES_MS = (60_000, 3_600_000, 10 * 86_400_000)
HOUR = 3_600.0


@dataclass
class Request:
    """One request: how long after the one before it, in seconds, what its client has done, and what its handler does."""

    wait: float
    client: Client
    steps: list[list[Any]]


@dataclass
class Program:
    """Options for both sides, in koa-session's spelling, and requests."""

    options: dict[str, Any]
    requests: list[Request]


@dataclass
class RecordWriter:
    """What makes up the steps of one request; no value that it sets under ``NAMES`` comes twice in a program."""

    dice: random.Random
    count: int = 0

    def fresh(self) -> list[Any]:
        self.count += 1
        return ["set", self.dice.choice("abc"), {"turn": self.count, "of": self.dice.choice(VALUES)}]

    def data(self) -> list[Any]:
        kind = self.dice.random()
        if kind < 0.5:
            return self.fresh()
        if kind < 0.65:
            return ["set", "list", [1]]
        if kind < 0.75:
            return ["set", self.dice.choice("xyz"), copy.deepcopy(self.dice.choice(VALUES))]
        return ["delete", self.dice.choice("abcxyz")]

    def steps(self, *, lasts: bool) -> list[list[Any]]:
        """Make steps. ``lasts``: the session may live as long as its browser, so that koa-session must not write it twice."""
        dice, steps = self.dice, []
        kind = dice.random()
        if kind < 0.15:
            return []
        if dice.random() < 0.7:
            steps.append(["see"])
        if kind < 0.3:
            return steps
        if kind < 0.4:
            steps.append(["null"])
            return steps + ([["replace", {"new": self.fresh()[2]}], ["see"]] if dice.random() < 0.3 else [["see"]])
        if kind < 0.5:
            return [*steps, ["replace", {} if dice.random() < 0.2 else {"r": self.fresh()[2]}], *self.some(1), ["see"]]
        steps += self.some(3)
        if kind < 0.6:
            steps += [["set", "list", [0]], ["push", ["list"], self.fresh()[2]]]
        if kind > 0.8 and not lasts:
            # What follows a write must not take it back: koa-session would not see that.
            steps += [[dice.choice(["save", "regenerate", "regenerate", "commit"])]]
            steps += [self.fresh() for _ in range(dice.randint(0, 1))]
        elif kind > 0.75 and not lasts:
            steps += [["max_age", dice.choice(LIVES_MS)]]
        elif kind > 0.7:
            steps += [["fail"]]
            return steps
        return [*steps, ["see"]]

    def rotated(self, wait: float, *, rolling: bool) -> list[Request]:
        """Have both sides get a newer key, where they agree: koa-session answers by half of a cookie, unless it has it to write."""
        kind, write = self.dice.random(), [self.fresh(), ["see"]]
        if kind < 0.2:
            return [Request(wait, "rotate", [["see"], ["null"], ["see"]])]
        if kind < 0.6 and rolling:
            # What has just been written is live, and goes on.
            return [Request(wait, "as it is", write), Request(1, "rotate", [["see"]])]
        return [Request(wait, "rotate", write)]

    def some(self, most: int) -> list[list[Any]]:
        return [self.data() for _ in range(self.dice.randint(0, most))]


def program(seed: int) -> Program:
    """Make the program of a seed: 1 to 12 requests."""
    dice = random.Random(seed)
    writer = RecordWriter(dice)
    options: dict[str, Any] = {}
    if (life := dice.choice([None, None, 60_000, 3_600_000, 3_600_000, "session"])) is not None:
        options["maxAge"] = life
    for name in ("rolling", "renew"):
        if dice.random() < 0.3:
            options[name] = True
    requests = []
    for _ in range(dice.randint(1, 12)):
        wait = dice.choice([0, 0.25, 1, 20, 40, 61, HOUR / 2 + 1, HOUR - 1, HOUR + 1]) if dice.random() < 0.5 else 1
        client: Client = dice.choice(["lose", "unknown", "forge", "strip", "rotate"]) if dice.random() < 0.15 else "as it is"
        if client == "rotate":
            requests += writer.rotated(wait, rolling="rolling" in options)
        else:
            requests.append(Request(wait, client, writer.steps(lasts=life == "session")))
    return Program(options, requests)


class Handling:
    """What a handler's steps make of a session."""

    def __init__(self, session: dict[str, Any], life_ms: int | None) -> None:
        self.session: Any = session
        self.life_ms = life_ms
        self.seen: list[Any] = []
        self.did: set[str] = set()

    def take(self, verb: str, *given: Any) -> None:
        self.did.add(verb)
        if (step := getattr(self, f"_{verb}", None)) is not None:
            step(*copy.deepcopy(given))

    def _see(self) -> None:
        self.seen.append(copy.deepcopy(self.session))

    def _set(self, key: str, value: Any) -> None:
        self.session[key] = value

    def _delete(self, key: str) -> None:
        self.session.pop(key, None)

    def _push(self, path: list[str], value: Any) -> None:
        self.session[path[0]].append(value)

    def _replace(self, data: dict[str, Any]) -> None:
        self.session = data

    def _null(self) -> None:
        self.session = None

    def _max_age(self, life_ms: int) -> None:
        self.life_ms = life_ms


@dataclass
class Model:
    """What one client's session is. Milliseconds since the program's beginning."""

    options: dict[str, Any]
    data: dict[str, Any] | None = None
    """``None``: the client has none, or its cookies are those of no live session."""
    life_ms: int | None = None
    ends_ms: float = 0

    def request(self, request: Request, now_ms: float) -> list[Any]:
        """Take a request; give what its handler sees at each step "see", as far as the client is told."""
        if request.client not in ("as it is", "rotate") or (self.life_ms is not None and now_ms > self.ends_ms):
            self.data = None
        was, option = self.data, self.options.get("maxAge", 86_400_000)
        fresh_ms = None if option == "session" else option
        handling = Handling(copy.deepcopy(was or {}), fresh_ms if was is None else self.life_ms)
        for step in request.steps:
            handling.take(*step)
        self._settle(handling, now_ms)
        if "fail" not in handling.did:
            return handling.seen
        if was is None or "regenerate" in handling.did:
            # Saved, but under an id that no response told.
            self.data = None
        return []

    def _settle(self, handling: Handling, now_ms: float) -> None:
        was, session, life_ms = self.data, handling.session, handling.life_ms
        if session is None:
            self.data = None
            return
        forced = not handling.did.isdisjoint({"save", "regenerate", "max_age"})
        if was is None and not session and not forced:
            return
        changed = session != was or [*session] != [*was]
        aged = life_ms is not None and self.ends_ms - now_ms < life_ms / 2
        if forced or changed or self.options.get("rolling") or (self.options.get("renew") and aged):
            self.ends_ms = now_ms + (life_ms or 0)
        self.data, self.life_ms = session, life_ms
