"""The progress of a migration: the position, the outcome of each record, and the file that holds both."""

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from ..errors import ConfigError

Outcome: TypeAlias = Literal["copied", "replaced", "same", "kept", "ended", "expired", "unreadable", "refused", "pruned"]
"""The outcome of a record: ``same``, the target has an equal one; ``kept``, the target has a different one, which stays;
``ended``, it was removed during the copy; ``unreadable``, it is no JSON object or its key is not ASCII; ``refused``, the
target cannot hold it; ``pruned``, the target had one that the source no longer has.
Unreadable and refused records stay in the source."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
NAMED: Final = 100
"""The most unreadable records that are named, and the most refused ones."""


@dataclass(slots=True)
class Progress:
    """How far a migration has come; ``cursor`` is where the next batch begins."""

    cursor: str | None = None
    phase: Literal["copying", "pruning", "done"] = "copying"
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many records were looked at."""
        return self.counts.total()

    def note(self, outcome: Outcome, name: str) -> None:
        """Count what became of a record, and name it where somebody has to look after it."""
        self.counts[outcome] += 1
        names = {"unreadable": self.unreadable, "refused": self.refused}.get(outcome)
        if names is not None and len(names) < NAMED:
            names.append(name)

    def begin_again(self) -> None:
        """Go back to the beginning: what the source still has is seen again, so it is not counted before."""
        self.cursor = None
        for outcome in ("expired", "unreadable", "refused"):
            del self.counts[outcome]
        self.unreadable, self.refused = [], []

    def save(self, path: Path, identity: str) -> None:
        """Write it to a file, whole or not at all, that its owner alone can read: a cursor may be the id of a session.

        Raises: OSError where it cannot be written.
        """
        text = json.dumps({"identity": identity, "cursor": self.cursor, "phase": self.phase, **self._told()})
        temporary = path.with_name(path.name + ".new")
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)

    def _told(self) -> dict[str, Any]:
        return {"counts": dict(self.counts), "unreadable": self.unreadable, "refused": self.refused}

    @classmethod
    def load(cls, path: Path, identity: str) -> "Progress":
        """Read it from a file; a new one where there is no file.

        Raises: ConfigError where the file is of another migration, or of something else.
        """
        try:
            said = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError):
            raise ConfigError("resume", "it is no file of a migration", "give another path") from None
        if not isinstance(said, dict) or said.get("identity") != identity:
            raise ConfigError("resume", "it is of a migration between other stores, or with other options", "give another path")
        return cls(said["cursor"], said["phase"], Counter(said["counts"]), said["unreadable"], said["refused"])


def masked(key: str) -> str:
    """Name a record so that who reads the name cannot use it as a session's id."""
    return f"{shown(key[:6])}... (SHA-256 {hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:16]})"


def shown(key: str) -> str:
    """Write a key so that any terminal can show it, and none obeys it."""
    return key if key.isascii() and key.isprintable() else ascii(key)[1:-1]
