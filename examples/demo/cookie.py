"""Tell which session cookie a browser holds once it has a response."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """A session cookie in a browser."""

    name: str
    value: str
    signature: str

    @property
    def octets(self) -> int:
        """What counts against the limit: name and value."""
        return len(self.name) + len(self.value)

    @property
    def payload(self) -> dict[str, Any] | None:
        """What anybody can read in it; ``None`` where it is no session, though another cookie of its name is."""
        try:
            return json.loads(base64.b64decode(self.value, validate=True))
        except (ValueError, RecursionError):
            return None


def held(name: str, came: Mapping[str, str], lines: Iterable[str]) -> Held | None:
    """Put the cookies that are being set over those that came."""
    jar = dict(came)
    for line in lines:
        key, _, value = line.partition(";")[0].partition("=")
        jar[key] = value
    return Held(name, jar[name], jar.get(f"{name}.sig", "")) if jar.get(name) else None
