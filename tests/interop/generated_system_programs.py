"""Generated programs for the systems beside koa-session: options, and requests with what clients and handlers do."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gingersnap.types import Preset
from tests.interop.generated_programs import HOUR, RecordWriter, Request
from tests.interop.paired_applications import Pair

Steps = list[list[Any]]

COUNT = int(os.environ.get("GINGERSNAP_PROGRAMS", "200"))
# The same programs in every run, others in a search.
FIRST = int(os.environ.get("GINGERSNAP_FIRST", "0"))
SEEDS = range(FIRST, FIRST + COUNT)
NAMES = (*"abcxyz", "list", "new", "r")
"""What a session may hold."""
WAITS = (0, 0.25, 1, 20, 61, HOUR / 2 + 1, HOUR + 1, 30 * 86_400, -40)
CLIENTS = {
    "cookie-session": ("lose", "forge", "strip", "rotate"),
    "express": ("lose", "unknown", "forge", "strip", "rotate", "expire", "age", "age"),
    "koa-generic": ("lose", "unknown", "forge", "strip", "rotate", "expire", "age"),
}


@dataclass
class Program:
    """Options for both sides, in our spelling, and requests, by https or not."""

    options: dict[str, Any]
    https: bool
    requests: list[Request]


@dataclass
class Maker:
    """What makes up one program. ``moves``: it has ids changed, not lifetimes: theirs begins anew with a new id, ours goes on."""

    preset: Preset
    dice: random.Random
    options: dict[str, Any]
    moves: bool

    def __post_init__(self) -> None:
        self.writer = RecordWriter(self.dice)

    def steps(self) -> Steps:
        dice = self.dice
        kind = dice.random()
        steps: Steps = [["see"]] if dice.random() < 0.6 else []
        if kind < 0.12:
            return []
        if kind < 0.25:
            return steps
        if kind < 0.35:
            return self.ended(steps)
        if kind < 0.45:
            return [*steps, ["replace", {"r": self.writer.fresh()[2]}], *self.writer.some(1), ["see"]]
        if kind < 0.48:
            return [*steps, *(["delete", name] for name in NAMES), ["see"]]
        steps += self.writer.some(3)
        if kind < 0.6:
            return [*steps, ["set", "list", [0]], ["push", ["list"], self.writer.fresh()[2]], ["see"]]
        return [*steps, *self.own(), ["see"]]

    def ended(self, steps: Steps) -> Steps:
        if self.preset == "cookie-session" and self.dice.random() < 0.4:
            return [*steps, ["null"], ["replace", {"new": self.writer.fresh()[2]}], ["see"]]
        if self.preset == "express" and self.dice.random() < 0.5:
            return [*steps, ["destroy"]]
        return [*steps, ["null"], ["see"]]

    def own(self) -> Steps:
        """Give what this system alone can do."""
        dice, fresh = self.dice, self.writer.fresh()
        lives: Steps = [["max_age", dice.choice([60_000, 3_600_000, 864_000_000, "session"])], fresh]
        if dice.random() < 0.4:
            lives = [["cookie", *dice.choice([("httpOnly", False), ("httpOnly", True), ("sameSite", "strict")])], fresh]
        moves: Steps = [["regenerate"], fresh]
        # What follows a write must not take it back: express-session would not tell.
        now: Steps = [
            fresh,
            ["save_now" if self.preset == "express" else "commit"],
            *([self.writer.fresh()] if dice.random() < 0.5 else []),
        ]
        # Where that is put off, it does not save what fails.
        failed: Steps = [] if "defer" in self.options else [["fail"]]
        more: dict[Preset, list[Steps]] = {
            "cookie-session": [lives],
            "express": [[fresh, ["touch"], ["save"]], [["touch"]], now, moves if self.moves else lives],
            "koa-generic": [[["save"]], now, [fresh, *failed], moves if self.moves else lives],
        }
        return dice.choice(more[self.preset])

    def client(self) -> str:
        return self.dice.choice(CLIENTS[self.preset]) if self.dice.random() < 0.2 else "as it is"

    def next(self) -> list[Request]:
        """Give the next request, or two that belong together."""
        wait = self.dice.choice(WAITS) if self.dice.random() < 0.5 else 1
        client: Any = self.client()
        requests = self.rotated(wait) if client == "rotate" else [Request(wait, client, self.steps())]
        if "defer" in self.options:
            for request in requests:
                request.steps = [["load"], *request.steps] if request.steps else []
        return requests

    def rotated(self, wait: float) -> list[Request]:
        """Have both sides get a newer key, where they agree: `cookies` answers by half of a cookie, unless it has it to write."""
        dice, write = self.dice, [self.writer.fresh(), ["see"]]
        kinds: dict[Preset, list[Steps]] = {
            "cookie-session": [write, [["see"], ["null"], ["see"]]],
            # It says nothing, and `Pair` lets ours speak.
            "express": [write, self.steps()],
            "koa-generic": [write],
        }
        if self.preset == "cookie-session" and dice.random() < 0.3:
            # Nobody looks.
            return [Request(wait, "rotate", []), Request(1, "as it is", write)]
        if self.preset == "koa-generic" and self.options.get("rolling") and dice.random() < 0.5:
            # What has just been written is live, and goes on.
            return [Request(wait, "as it is", write), Request(1, "rotate", dice.choice([[], [["see"]]]))]
        return [Request(wait, "rotate", dice.choice(kinds[self.preset]))]


def _choice(dice: random.Random, *each: tuple[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Give some of the options, in any order."""
    some = [(name, dice.choice(values)) for name, values in each if dice.random() < 0.3]
    dice.shuffle(some)
    return dict(some)


def _options(preset: Preset, dice: random.Random, https: bool) -> dict[str, Any]:
    both = (False, True)
    cookie: list[tuple[str, tuple[Any, ...]]] = [
        ("max_age", (60, 3600, 864_000, "session")),
        ("http_only", both),
        ("path", ("/app",)),
        ("domain", ("example.com",)),
        ("same_site", ("lax", "strict")),
        ("priority", ("low", "medium", "high")),
        ("secure", both if https else (False,)),
    ]
    own: dict[Preset, list[tuple[str, tuple[Any, ...]]]] = {
        "cookie-session": [],
        "express": [("rolling", both), ("unset", ("keep", "destroy")), ("ttl", (600,))],
        "koa-generic": [("rolling", both), ("allow_empty", both), ("ttl", (600,)), ("defer", (True,))],
    }
    options = {**_choice(dice, *cookie), **_choice(dice, *own[preset])}
    if preset == "express":
        # Its defaults are those that its readme advises against.
        options |= {"resave": dice.random() < 0.4, "allow_empty": dice.random() < 0.4}
    # Browsers take the two together alone, and so do we.
    return {**options, "secure": True, "same_site": "none"} if https and dice.random() < 0.2 else options


def program(preset: Preset, seed: int) -> Program:
    """Make the program of a seed: 1 to 12 requests."""
    dice = random.Random(f"{preset} {seed}")
    https = dice.random() < 0.3
    options = _options(preset, dice, https)
    maker = Maker(preset, dice, options, dice.random() < 0.5)
    return Program(options, https, [request for _ in range(dice.randint(1, 12)) for request in maker.next()])


async def play(make: Callable[..., Pair], preset: Preset, seed: int) -> None:
    """Have both sides take a program's requests, and say which failed."""
    made, after = program(preset, seed), 0.0
    pair, done = make(**made.options), []
    try:
        for request in made.requests:
            done.append(str(request))
            after += request.wait
            pair.carry(request.client)
            await pair.do(*request.steps, after=after, https=made.https, path=f"{made.options.get('path', '')}/x")
    except AssertionError as error:
        error.add_note("\n".join([f"program({preset!r}, {seed}): {made.options}, https={made.https}", *done]))
        raise
