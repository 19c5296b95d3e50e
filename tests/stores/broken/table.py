"""The table of broken stores, and what most of them are made of."""

import time
from typing import Any

from tests.stores.own_store_page import MappingStore

BROKEN: list[tuple[type, list[str]]] = []


def fails(*tests: str) -> Any:
    """Enter a store in the table, with the tests that it must fail; one is named by any part of its name that is its own."""

    def enter(store: type) -> type:
        BROKEN.append((store, list(tests)))
        return store

    return enter


class Broken(MappingStore):
    prompt = False

    def __init__(self, rows: dict[str, Any] | None = None) -> None:
        super().__init__({} if rows is None else rows)

    def end(self, key: str, ttl_ms: int) -> None:
        self.rows[key] = (*self.rows[key][:3], time.time() + ttl_ms / 1000)
