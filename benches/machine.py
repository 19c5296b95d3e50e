"""Name what numbers depend on: processor, versions, date. No paths and no host names."""

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("gingersnap", "orjson", "itsdangerous", "starlette", "asgi-sessions", "starsessions")


def describe() -> dict[str, str]:
    """Give everything as text."""
    return {
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.machine()}",
        platform.python_implementation().lower(): platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _cpu() -> str:
    """Give the processor's model; Linux alone has it where Python can read it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or sys.platform
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]}, {len(models)} cores" if models else platform.processor()
