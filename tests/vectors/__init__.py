"""Golden vectors, captured from the Node packages: README.md says what they hold."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def vectors(name: str) -> list[dict[str, Any]]:
    """Read one file's rows."""
    return json.loads((HERE / f"{name}.json").read_text("ascii"))
