"""What Gingersnap is made of, and how it is built: read off the files that say so, with no network."""

# Names bear the ids of requirements as they are written.

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RECIPES = [ROOT / "Makefile", ROOT / ".ci" / "run", *WORKFLOWS]
RUST = sorted((ROOT / "rust").rglob("*.rs"))
CARGO_LOCKS = [ROOT / "Cargo.lock", ROOT / "fuzz" / "Cargo.lock"]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.in"))
NPM_LOCKS = [ROOT / folder / "package-lock.json" for folder in ("tests/interop", "benches/peers", "examples/strangler")]


def name_of(path: Path) -> str:
    """Say which file a case is about."""
    return path.relative_to(ROOT).as_posix()


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


def lines(path: Path) -> list[str]:
    """Give the lines of a recipe, continued ones joined, comments left out."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def locked(path: Path) -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in toml(path)["package"]}


def test_U01_unsafe_code_is_forbidden() -> None:
    assert "\n#![forbid(unsafe_code)]\n" in (ROOT / "rust" / "lib.rs").read_text("utf-8")
    assert toml(ROOT / "Cargo.toml")["lints"]["rust"]["unsafe_code"] == "forbid"


@pytest.mark.parametrize("path", RUST, ids=name_of)
def test_U01_no_file_of_the_core_is_unsafe(path: Path) -> None:
    # `unsafe_code`, the lint, is one word to this.
    assert re.findall(r"\bunsafe\b", path.read_text("utf-8")) == []


def test_U01_pyo3_is_not_one_with_a_known_hole() -> None:
    # RUSTSEC-2025-0020: PyString::from_object read past its buffer until 0.24.1.
    version = locked(CARGO_LOCKS[0])["pyo3"]["version"]
    assert tuple(int(part) for part in version.split(".")) >= (0, 24, 1)


def test_U01_every_python_package_of_ours_is_pinned_to_one_version() -> None:
    pins = [line for path in REQUIREMENTS for line in path.with_suffix(".txt").read_text("utf-8").splitlines()]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    assert len({pin.partition("==")[0].lower() for pin in pins}) == len(set(pins))


@pytest.mark.parametrize("path", REQUIREMENTS, ids=name_of)
def test_U01_each_named_python_package_is_pinned(path: Path) -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-") for line in path.with_suffix(".txt").read_text("utf-8").splitlines()
    }
    named = re.findall(r"^[A-Za-z][\w.-]*", path.read_text("utf-8"), re.MULTILINE)
    assert {name.lower() for name in named} <= pinned


@pytest.mark.parametrize("path", CARGO_LOCKS, ids=name_of)
def test_U01_crates_come_from_cargos_own_index_with_a_checksum(path: Path) -> None:
    packages = [package for package in toml(path)["package"] if not package["name"].startswith("gingersnap")]
    assert packages
    assert all(package["source"].startswith("registry+") for package in packages)
    assert len({package["source"] for package in packages}) == 1
    assert all(re.fullmatch(r"[0-9a-f]{64}", package["checksum"]) for package in packages)


@pytest.mark.parametrize("path", NPM_LOCKS, ids=name_of)
def test_U01_node_packages_have_a_checksum_and_no_address(path: Path) -> None:
    packages = json.loads(path.read_text("utf-8"))["packages"]
    del packages[""]
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package or "integrity" not in package] == []


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_U01_cargo_builds_what_is_locked(path: Path) -> None:
    commands = re.compile(r"\b(?:cargo (?:bench|build|check|clippy|deny|install|run|test)|maturin (?:build|develop))\b")
    assert [line for line in lines(path) if commands.search(line) and "--locked" not in line] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_U03_actions_are_pinned_by_hash(path: Path) -> None:
    used = [line.split("uses:")[1].strip() for line in lines(path) if "uses:" in line]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_U03_an_action_has_one_hash_everywhere() -> None:
    pins = {tuple(line.split("uses:")[1].strip().split("@")) for path in WORKFLOWS for line in lines(path) if "uses:" in line}
    assert len({action for action, _ in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_U03_a_workflow_begins_without_rights(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "\npermissions: {}\n" in text
    granted = re.findall(r"^ +([\w-]+): (read|write)$", text, re.MULTILINE)
    assert set(granted) <= {("contents", "read"), ("id-token", "write")}
    assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_U03_no_command_is_made_of_what_others_write(path: Path) -> None:
    harmless = re.compile(r"\s+(?:name|group|runs-on|continue-on-error|python-version|manylinux): ")
    assert [line for line in lines(path) if "${{" in line and not harmless.match(line)] == []


def test_U03_only_a_tag_in_a_named_environment_publishes_and_no_password_is_kept() -> None:
    assert all(re.search(r"secrets\.|password:|token:(?! write$)", line) is None for path in WORKFLOWS for line in lines(path))
    asking = [path.name for path in WORKFLOWS for line in lines(path) if "id-token: write" in line]
    assert asking == ["wheels.yml"]
    publish = (ROOT / ".github" / "workflows" / "wheels.yml").read_text("utf-8").split("\n  publish:\n")[1]
    assert "startsWith(github.ref, 'refs/tags/v')" in publish
    assert "\n    environment: release\n" in publish
    assert "\n          attestations: true\n" in publish


def test_U03_the_module_needs_no_compiler_but_rustc() -> None:
    # The lock file holds the crates of every feature and platform, so more than any one build.
    packages = locked(CARGO_LOCKS[0])
    assert {"cmake", "bindgen", "openssl-sys", "pkg-config"}.isdisjoint(packages)
    assert not [name for name in packages if name.endswith("-sys")]
    # BLAKE3's build script can compile C, and with the feature `pure` does not: CI builds with CC=false besides.
    assert [name for name, package in packages.items() if "cc" in package.get("dependencies", [])] == ["blake3"]
    blake3 = toml(ROOT / "Cargo.toml")["dependencies"]["blake3"]
    assert "pure" in blake3["features"]
    assert blake3["default-features"] is False


def test_D04_every_property_is_fuzzed_by_make_fuzz() -> None:
    names = re.search(r"^FUZZ_TARGETS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert names is not None
    assert sorted(names[1].split()) == sorted(path.stem for path in (ROOT / "fuzz" / "targets").glob("*.rs"))
    assert sorted(names[1].split()) == sorted(target["name"] for target in toml(ROOT / "fuzz" / "Cargo.toml")["bin"])


def test_U05_security_md_claims_only_what_has_a_test() -> None:
    claimed = set(re.findall(r"^\| ([A-Z]\d\d) \|", (ROOT / "SECURITY.md").read_text("utf-8"), re.MULTILINE))
    modules = [path for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts]
    names = {name for path in modules for name in re.findall(r"def test_(\w+)", path.read_text("utf-8"))}
    assert claimed
    assert sorted(row for row in claimed if not any(row in name.split("_") for name in names)) == []
