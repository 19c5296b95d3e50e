"""Find out whether a store can hold sessions: write a record that is no session's, and remove it."""

import contextlib
import secrets
from typing import Any, Final

from ..errors import StoreUnfit
from .store import Saved

TTL_MS: Final = 10_000
"""How long a record lives that could not be removed, in milliseconds."""
_VALUE: Final = b'{"probe":true}'
_CHANGED: Final = b'{"probe":false}'


async def probe(store: Any, *, reads: bool = True, owner: str | None = None) -> None:
    """Make every call that writes; nothing of it stays. ``reads=False``: only make a record and remove it.

    Raises: StoreUnfit where a call does not do what it is to do; else whatever it raises.
    """
    tag = secrets.token_hex(4)
    first, second = (f"{{{tag}}}probe-{secrets.token_hex(16)}" for _ in range(2))
    owned = {} if owner is None else {"owner": owner}
    try:
        if not await store.create(first, _VALUE, TTL_MS, **owned):
            raise StoreUnfit("it says that there is a record under a new key; look for another program that writes there")
        if reads:
            await _change(store, first, second, owned)
        await store.destroy(second if reads else first)
    except BaseException:
        # What went wrong before this is what is told. A record that stays ends by itself.
        for key in (first, second):
            with contextlib.suppress(Exception):
                await store.destroy(key)
        raise


async def _change(store: Any, first: str, second: str, owned: dict[str, str]) -> None:
    record = await store.load(first)
    # Some write JSON their own way, with blanks.
    if record is None or record.value.replace(b" ", b"") != _VALUE:
        raise StoreUnfit("it does not give back the octets that it took; see whether its driver can send bytes (docs/stores.md)")
    saved = await store.replace(first, _CHANGED, TTL_MS, version=record.version)
    if not isinstance(saved, Saved):
        raise StoreUnfit("it did not write over a record that it had just given out; see whether reads go to another server")
    if not isinstance(await store.move(first, second, _VALUE, TTL_MS, version=saved.version, **owned), Saved):
        raise StoreUnfit("it did not move a record that it had just written; see whether reads go to another server")
    if not await store.touch(second, 2 * TTL_MS):
        raise StoreUnfit("it did not renew a record that it had just written; see whether reads go to another server")
