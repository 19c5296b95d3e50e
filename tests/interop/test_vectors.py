"""The golden vectors are what the Node packages make today."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop.conftest import HERE, Node
from tests.vectors import HERE as VECTORS
from tests.vectors import vectors

NAMES = ["koa", "keygrip", "cookies", "json"]


@pytest.fixture(scope="module")
def captured(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Capture all vectors anew."""
    folder = tmp_path_factory.mktemp("vectors")
    subprocess.run([*node.node, "capture.mjs", str(folder)], cwd=HERE, check=True, timeout=60)
    return folder


@pytest.mark.interop
@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_what_the_packages_make(captured: Path, name: str) -> None:
    file = f"{name}.json"

    # Lists first: their difference is short to read.
    assert vectors(name) == json.loads((captured / file).read_text("ascii"))
    assert (VECTORS / file).read_bytes() == (captured / file).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_a_name_of_its_own_and_a_reason_where_we_differ(name: str) -> None:
    rows = vectors(name)

    assert len({(row.get("kind"), row["name"], row.get("key")) for row in rows}) == len(rows)
    assert [row["name"] for row in rows if ("ours" in row) != bool(row.get("why"))] == []


def test_versions_of_the_readme_are_those_of_the_lock() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    readme = (VECTORS / "README.md").read_text()

    for name in ("koa-session", "koa", "cookies", "keygrip"):
        assert f"{name} {packages[f'node_modules/{name}']['version']}" in readme


def test_the_lock_names_no_place_to_download_from() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
