"""Keep sessions in Redis as connect-redis and koa-redis do: each a string, with its octets for its version."""

from typing import Any

from ..layouts import refuse_owner, whole_seconds
from .scripts import Layout, Script

# A list, say, or a hash that somebody else keeps under the key of a record is no record.
_READ = """
local function read(key)
  return redis.call('TYPE', key).ok == 'string' and redis.call('GET', key)
end
"""

# Of no lifetime, 0, a record is kept for good: connect-redis's `disableTTL`.
_WRITE = """
local function write(key, d, ttl, nx)
  if ttl == '0' then return nx and redis.call('SET', key, d, 'NX') or not nx and redis.call('SET', key, d) end
  return nx and redis.call('SET', key, d, 'PX', ttl, 'NX') or not nx and redis.call('SET', key, d, 'PX', ttl)
end
"""

STRINGS = Layout(
    load=Script(
        _READ,
        """
local d, left = read(KEYS[1]), redis.call('PTTL', KEYS[1])
if not d or left == 0 then return false end
return {d, false, left}
""",
    ),
    create=Script(_WRITE, "return write(KEYS[1], ARGV[1], ARGV[2], true) and 1 or 0"),
    replace=Script(
        _READ,
        _WRITE,
        """
local d = read(KEYS[1])
if not d then return 0 end
if d ~= ARGV[1] then return {d, false, false} end
write(KEYS[1], ARGV[2], ARGV[3])
return 1
""",
    ),
    move=Script(
        _READ,
        _WRITE,
        """
local d = read(KEYS[1])
if not d then return 0 end
if d ~= ARGV[1] then return {d, false, false} end
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
write(KEYS[2], ARGV[2], ARGV[3])
redis.call('UNLINK', KEYS[1])
return 1
""",
    ),
    touch=Script("""
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 0 end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1], 'GT') end
return redis.call('EXISTS', KEYS[1])
"""),
    take=Script(
        _READ,
        """
local d = read(KEYS[1])
if not d then return 0 end
if d ~= ARGV[1] then return {d, false, false} end
return redis.call('UNLINK', KEYS[1])
""",
    ),
    destroy=Script("""
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 0 end
return redis.call('UNLINK', KEYS[1])
"""),
)


class Strings:
    """The layout of connect-redis and koa-redis. ``endless``: as connect-redis's ``disableTTL``."""

    scripts: Layout = STRINGS
    type: str = "string"
    has_owners: bool = False

    def __init__(self, *, endless: bool) -> None:
        self._endless = endless

    def lasting(self, ttl_ms: int) -> int:
        """Return a lifetime in whole seconds, 0 for no end; below a second it stays: the record is to end at once.

        Source: connect-redis ``getTTL``, koa-redis ``set``.
        """
        return 0 if self._endless and ttl_ms >= 1000 else whole_seconds(ttl_ms)

    def check_owner(self, owner: str | None) -> None:
        """Refuse an owner. Raises: ConfigError."""
        refuse_owner(owner, "connect-redis or koa-redis")

    def version(self, value: bytes, token: bytes, owner: bytes | None = None) -> bytes:
        """Return a record's octets."""
        return value

    def parts(self, version: Any) -> tuple[bytes, str]:
        """Return a record's octets, and no owner."""
        return version, ""
