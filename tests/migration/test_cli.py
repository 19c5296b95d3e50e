"""The command ``gingersnap migrate``: what it says, and what it exits with."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gingersnap.migration import masked, open_store
from gingersnap.migration.cli import main
from gingersnap.stores import MemoryStore, RedisStore, SQLAlchemyStore, SQLiteStore
from tests.migration.test_copying import LONG, filled


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["migrate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    async def fill() -> None:
        store = await filled(250, SQLiteStore(tmp_path / "source"))
        await store.create("odd-one-and-its-secret", b"no JSON", LONG)
        await store.aclose()

    asyncio.run(fill())
    return f"sqlite:///{tmp_path / 'source'}", f"sqlite:///{tmp_path / 'target'}"


def test_the_command_copies_and_says_what_became_of_all(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *files, "--dry-run")
    assert (code, err) == (0, "")
    assert "nothing was written" in out
    code, out, err = run(capsys, *files)
    assert (code, err) == (0, "")
    assert "       250  copied" in out
    assert "         1  unreadable, left where they are" in out
    assert f"unreadable: {masked('odd-one-and-its-secret')}" in out
    code, out, _ = run(capsys, *files, "--show-keys", "--batch", 7)
    assert (code, "       250  there already" in out, "unreadable: odd-one-and-its-secret" in out) == (0, True, True)


def test_the_command_goes_on_with_what_it_noted(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "progress"
    assert run(capsys, *files, "--resume", file)[0] == 0
    assert json.loads(file.read_text())["phase"] == "done"
    code, out, _ = run(capsys, *files, "--resume", file)
    assert (code, "       250  copied" in out) == (0, True)
    code, _, err = run(capsys, *files, "--resume", file, "--overwrite")
    assert (code, err.startswith("gingersnap: resume: it is of a migration between other stores")) == (2, True)


async def emptied(path: Path) -> None:
    store = SQLiteStore(path)
    await store.ping()
    await store.aclose()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sqlite:///a", "sqlite:///a"], "target: it is the source"),
        (["nonsense", "sqlite:///a"], "store: it is neither a URL nor a Python name"),
        (["no.such.module:hunter2", "sqlite:///a"], "store: there is nothing of that Python name"),
        (["gingersnap:hunter2", "sqlite:///a"], "store: there is nothing of that Python name"),
        (["redis:hunter2", "sqlite:///a"], "store: there is nothing of that Python name"),
        (["redis:hunter2@localhost", "sqlite:///a"], "store: it is neither a URL nor a Python name"),
        (["gingersnap.hunter2:it", "sqlite:///a"], "store: there is nothing of that Python name"),
        (["sqlite:///source", "sqlite:///b", "--from-layout", "koa-redis"], "layout: SQLiteStore has no such option"),
        (["sqlite:///source", "redis://localhost", "--to-layout", "connect"], "layout: "),
        (["sqlite:///source", "postgresql://localhost/b", "--to-prefix", "p:"], "prefix: a table has none"),
        (["sqlite:///source", "sqlite:///b", "--batch", "0"], "batch: it is not positive"),
        (["sqlite:///source", "sqlite:///b", "--move", "--prune"], "move: it goes with neither overwrite nor prune"),
        (["sqlite:///none", "sqlite:///b", "--prune"], "source: there is no such file"),
        (["sqlite+aiosqlite:///none?mode=rwc", "sqlite:///b"], "source: there is no such file"),
        (["sqlite:///source", "sqlite:///b", "--resume", "no/folder"], "resume: it cannot be written"),
        (["sqlite:///source", "sqlite:///b", "--prune"], "prune: the source holds no session"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else case,
)
def test_what_cannot_be_done_is_said(arguments: list[str], words: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(emptied(tmp_path / "source"))
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert words in err
    assert "hunter2" not in err
    assert [path.name for path in tmp_path.iterdir() if path.name[:6] != "source"] == ["b"] * ("prune:" in words)


@pytest.mark.parametrize("more", [["redis://:hunter2@localhost"], ["--batch", "redis://:hunter2@localhost"]])
def test_what_is_out_of_place_is_not_repeated(more: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["migrate", "sqlite:///a", "sqlite:///b", *more])
    assert "hunter2" not in capsys.readouterr().err


def test_a_store_that_fails_is_told_without_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "source").write_bytes(b"no database " * 100)
    code, _, err = run(capsys, f"sqlite:///{tmp_path / 'source'}", f"sqlite:///{tmp_path / 'target'}")
    told = "the file given to SQLiteStore is no SQLite file; give it another path"
    assert (code, err) == (1, f"gingersnap: a store failed: {told}; with --resume FILE it goes on from there\n")


def test_a_store_is_named_by_its_url_or_a_python_name(tmp_path: Path) -> None:
    assert isinstance(open_store("redis://localhost:1", None, None, "p:"), RedisStore)
    assert isinstance(open_store("mysql+asyncmy://u@localhost/d", "express-mysql-session", "t", None), SQLAlchemyStore)
    assert isinstance(open_store("gingersnap.stores:MemoryStore", None, None, None), MemoryStore)
    assert type(open_store("postgresql://u@localhost/d", "connect-pg-simple", None, None)).__name__ == "PostgresStore"


def test_python_m_gingersnap_is_the_command(files: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "gingersnap", "migrate", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "250  copied" in done.stdout
