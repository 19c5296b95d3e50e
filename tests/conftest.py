"""What all tests share: both backends, and async tests without a plugin."""

import asyncio
import inspect
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.asgi import Clock
from tests.cores import BACKENDS
from tests.skipped import summary


@pytest.fixture(params=list(BACKENDS))
def core(request: pytest.FixtureRequest) -> ModuleType:
    """Give the native core, then its pure twin."""
    return BACKENDS[request.param]


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run ``async def`` tests on an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def pytest_report_header() -> str:
    """Say which backend the middleware runs on."""
    from gingersnap import _core

    return f"gingersnap backend: {_core.BACKEND}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum up what was skipped; under ``make test`` leave that to the last of its runs."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)]
    if path := os.environ.get("GINGERSNAP_SKIPPED"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("".join(f"{reason}\n" for reason in reasons), "utf-8")
    else:
        for line in summary(reasons):
            terminalreporter.write_line(line)


def missing(part: str, cure: str) -> Any:
    """Skip what needs a part that is not here; under CI, fail: there it must be here."""
    if os.environ.get("CI"):
        pytest.fail(f"{part} is missing, and CI must have it: {cure}")
    pytest.skip(f"{part} is missing: {cure}")
