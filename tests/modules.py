"""Every source module has its test module: ``python -m tests.modules`` lists those that have none, and exits with 1."""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "python" / "gingersnap"
TESTS: Final = ROOT / "tests"
ROOMS: Final = {"_pure": "core"}
"""Rooms whose tests have a folder of another name: the twin's run on both cores."""

TESTED_BY: Final = {
    # A protocol or a bundle of fields: the module that works with it.
    "option_types.py": "config/test_options.py",
    "types.py": "core/test_cookie.py",
    "session/protocols.py": "session/test_session.py",
    "server_side/parts.py": "server_side/test_context.py",
    "server_side/status.py": "server_side/test_context.py",
    "server_side/record_state.py": "server_side/test_context.py",
    "stores/store.py": "stores/test_contract.py",
    "stores/layouts.py": "stores/test_contract.py",
    # What shows on the wire alone: whole requests.
    "__main__.py": "migration/test_cli.py",
    "_core.py": "core/test_equal.py",
    "_pure/headers.py": "core/test_equal.py",
    "client_side/": "test_middleware.py",
    "cookies/format.py": "cookies/test_encrypted.py",
    "cookies/headers.py": "test_middleware.py",
    "cookies/inline_signed.py": "interop/test_express.py",
    "legacy/lazy_migration.py": "behaviour/test_accept.py",
    "legacy/sources.py": "behaviour/test_accept.py",
    "lifecycle/before_save.py": "test_middleware.py",
    "lifecycle/changes.py": "test_middleware.py",
    "lifecycle/facts.py": "behaviour/test_rolling.py",
    "lifecycle/policy.py": "behaviour/test_lifetimes.py",
    "records/encoder.py": "server_side/test_context.py",
    "records/first_step.py": "behaviour/test_tasks.py",
    "records/repository.py": "server_side/test_context.py",
    "server_side/commit.py": "behaviour/test_conflicts.py",
    "server_side/fill.py": "server_side/test_context.py",
    "server_side/load.py": "server_side/test_context.py",
    "server_side/middleware.py": "server_side/test_context.py",
    "server_side/save.py": "server_side/test_context.py",
    "session/watched.py": "session/test_session.py",
    # A dialect is what its own system does: a live peer.
    "dialects/connect_record.py": "interop/test_express.py",
    "dialects/cookie_session.py": "interop/test_cookie_session.py",
    "dialects/express.py": "interop/test_express.py",
    "dialects/koa.py": "interop/test_koa.py",
    "dialects/koa_generic.py": "interop/test_koa_generic.py",
    "dialects/native.py": "dialects/test_dialect.py",
    "dialects/record.py": "dialects/test_dialect.py",
    "dialects/starlette.py": "test_starlette.py",
    # The parts of a store, on its real server.
    "stores/postgres/": "stores/postgres/test_store.py",
    "stores/redis/faults.py": "stores/test_refusals.py",
    "stores/redis/hashes.py": "stores/redis/test_store.py",
    "stores/redis/listing.py": "stores/redis/test_owners.py",
    "stores/redis/peer_layouts.py": "interop/test_node_stores.py",
    "stores/redis/replicas.py": "stores/redis/test_store.py",
    "stores/redis/scripts.py": "stores/redis/test_rights.py",
    "stores/sqlalchemy/engine.py": "stores/sqlalchemy/test_store.py",
    "stores/sqlalchemy/faults.py": "stores/test_refusals.py",
    "stores/sqlalchemy/rows.py": "stores/sqlalchemy/test_store.py",
    "stores/sqlalchemy/table.py": "stores/sqlalchemy/test_store.py",
    "stores/sqlite/": "stores/sqlite/test_store.py",
    "stores/probe.py": "stores/test_fitness.py",
    "migration/places.py": "migration/test_cli.py",
    "migration/progress.py": "migration/test_copying.py",
    "migration/target.py": "migration/test_copying.py",
    # The contract is tested by stores that break it.
    "testing/": "stores/test_contract.py",
}
"""Modules whose tests stand under another name: the longest way to them goes first where two would fit."""


def missing() -> list[str]:
    """Return the source modules without a test module, each with the path that it would have."""
    modules = [path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"]
    return [f"{module}: tests/{test}" for module in modules if not (TESTS / (test := test_of(module))).is_file()]


def test_of(module: Path) -> Path:
    """Return the path of a module's test module, below ``tests``."""
    for start, test in TESTED_BY.items():
        if str(module).startswith(start):
            return Path(test)
    room = module.parent
    return Path(ROOMS.get(str(room), room)) / f"test_{module.stem.lstrip('_')}.py"


def main() -> int:
    """Print what is missing."""
    found = missing()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
