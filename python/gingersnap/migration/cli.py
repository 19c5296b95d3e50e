"""The command ``gingersnap``: ``gingersnap migrate SOURCE TARGET``."""

import argparse
import asyncio
import hashlib
import re
import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NoReturn

from ..errors import ConfigError, kind_of
from . import OUTCOMES, Migration, Progress, open_store

try:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
except ImportError as error:
    raise ImportError("the command gingersnap needs rich: pip install 'gingersnap[cli]'") from error

_WHERE = """\
A store is named by its URL, or by a Python name:
  sqlite:///path/to/sessions.sqlite3      redis://host:6379/0, rediss://..., unix://...
  postgresql://user@host/database         mysql+asyncmy://user@host/database, or another URL of SQLAlchemy's
  package.module:name                     a store, or a function that makes one
The layout is ours unless --from-layout or --to-layout name another: connect-redis, koa-redis, connect-pg-simple,
express-mysql-session. Keys and records are copied as they are, so the middleware keeps its preset.

Until the last run is done, users are served from the source alone: a session that has ended in the target is copied again.
With --move that cannot be: each record leaves the source as it arrives.
"""
_OUTCOMES = {
    "copied": "copied",
    "replaced": "replaced by the source's",
    "same": "there already",
    "kept": "left as the target has them, where the source has others",
    "ended": "ended while they were being copied",
    "expired": "expired",
    "unreadable": "unreadable, left where they are",
    "refused": "refused by the target, left where they are",
    "pruned": "removed from the target, since the source has them no more",
}


class _Parser(argparse.ArgumentParser):
    """Reports an error without the argument: it may be a URL with a password."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments"):
            message = "there are arguments too many"
        super().error(re.sub(r"invalid (\w+) value: .*", r"it is no \1", message, flags=re.DOTALL))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("gingersnap", description="Sessions for ASGI applications.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    about = "copy sessions from one store to another, while the source is in use"
    migrate = commands.add_parser(
        "migrate", help=about, description=about, epilog=_WHERE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    migrate.set_defaults(run=_migrate)
    migrate.add_argument("source", metavar="SOURCE")
    migrate.add_argument("target", metavar="TARGET")
    for side in ("from", "to"):
        migrate.add_argument(f"--{side}-layout", metavar="NAME")
        migrate.add_argument(f"--{side}-table", metavar="NAME", help="its table in SQL")
        migrate.add_argument(f"--{side}-prefix", metavar="TEXT", help="what its keys begin with in Redis")
    migrate.add_argument("--dry-run", action="store_true", help="write nothing, and say what would become of each record")
    migrate.add_argument(
        "--overwrite", action="store_true", help="replace records that differ in the target by those of the source"
    )
    migrate.add_argument(
        "--prune",
        action="store_true",
        help="at the end remove from the target the records that the source no longer has; no application may use the target yet",
    )
    migrate.add_argument(
        "--move", action="store_true", help="remove each record from the source once it is copied, so that none comes back"
    )
    migrate.add_argument("--resume", metavar="FILE", type=Path, help="note progress there, and go on from what it says")
    migrate.add_argument("--batch", metavar="N", type=int, default=200, help="how many keys to ask for at a time (200)")
    migrate.add_argument(
        "--show-keys", action="store_true", help="name unreadable and refused records by their whole keys, which may be ids"
    )
    return parser


async def _migrate(given: argparse.Namespace, console: Console) -> int:
    where = [(given.source, given.from_layout, given.from_table, given.from_prefix)]
    where.append((given.target, given.to_layout, given.to_table, given.to_prefix))
    if where[0] == where[1]:
        raise ConfigError("target", "it is the source", "name another store, layout, table or prefix")
    if given.batch < 1:
        raise ConfigError("batch", "it is not positive", "give 1 or more")
    options = {name: getattr(given, name) for name in ("overwrite", "prune", "move", "dry_run")}
    identity = hashlib.sha256(repr((where, options)).encode("utf-8")).hexdigest()
    progress = Progress() if given.resume is None else Progress.load(given.resume, identity)
    async with aclosing(open_store(*where[0], reads=True)) as source, aclosing(open_store(*where[1])) as target:
        migration = Migration(source, target, batch=given.batch, show_keys=given.show_keys, **options)
        _note(progress, given.resume, identity)
        with _bar(console) as bar:
            task = bar.add_task("copying", total=await source.count(), completed=progress.seen)
            async for _ in migration.run(progress):
                bar.update(task, completed=progress.seen, description=progress.phase)
                _note(progress, given.resume, identity)
    _summarise(progress, console, dry_run=given.dry_run)
    return 0


def _note(progress: Progress, path: Path | None, identity: str) -> None:
    try:
        if path is not None:
            progress.save(path, identity)
    except OSError:
        raise ConfigError("resume", "it cannot be written", "give a path in a folder that is there and yours") from None


def _bar(console: Console) -> Bar:
    return Bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)


def _summarise(progress: Progress, console: Console, *, dry_run: bool) -> None:
    """Print the result for all records."""
    console.print("nothing was written; this is what would become of them" if dry_run else "done", highlight=False)
    for outcome in OUTCOMES:
        if progress.counts[outcome]:
            console.print(f"{progress.counts[outcome]:>10}  {_OUTCOMES[outcome]}", highlight=False)
    for outcome, names in (("unreadable", progress.unreadable), ("refused", progress.refused)):
        for name in names:
            console.print(f"{outcome}: {name}", highlight=False, markup=False)
        if len(names) < progress.counts[outcome]:
            console.print(f"{outcome}: {progress.counts[outcome] - len(names)} more", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 where it is done, 1 where a store failed, 2 where it was asked for what cannot be, 130 at Ctrl-C."""
    given = _parser().parse_args(arguments)
    console = Console()
    try:
        code: int = asyncio.run(given.run(given, console))
    except (ConfigError, ImportError) as error:
        print(f"gingersnap: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gingersnap: stopped; with --resume FILE it goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        # The text of a store's exception may quote its password.
        print(f"gingersnap: a store failed: {kind_of(error)}; with --resume FILE it goes on from there", file=sys.stderr)
        return 1
    return code
