"""A headless Chromium, and the demo served to it as `make demo` serves it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from tests.conftest import missing

SERVE = Path(__file__).parents[2] / "examples" / "demo" / "serve.py"
# The last three keep it from calling home; the sandbox needs rights that containers seldom have.
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,1000"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """Serve the demo on a free port and give its address."""
    environment = {**os.environ, "PORT": "0", **environment}
    with subprocess.Popen([sys.executable, SERVE], env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        try:
            assert said.startswith("Gingersnap demo on http://127.0.0.1:"), said
            yield said.split()[3]
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """Serve the demo."""
    with served(STORE="cookie") as address:
        yield address


@pytest.fixture
def demo_with_store() -> Iterator[str]:
    """Serve it with its sessions in SQLite."""
    with served(STORE="sqlite", SQLITE_FILE="") as address:
        yield address


@contextmanager
def chromium(profile: Path) -> Iterator[WebDriver]:
    """Open a browser that keeps its cookies in that folder."""
    browser, chromedriver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if browser is None or chromedriver is None:
        missing("chromium or chromedriver", "apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # Both paths are given, so selenium looks for nothing to download.
    driver = webdriver.Chrome(options=options, service=Service(executable_path=chromedriver))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[WebDriver]:
    """Open a browser that nobody has used."""
    with chromium(tmp_path / "profile") as driver:
        yield driver


@pytest.fixture
def other(tmp_path: Path) -> Iterator[WebDriver]:
    """Open another one beside it."""
    with chromium(tmp_path / "other") as driver:
        yield driver
