"""What RedisStore asks the server to do as one step, in Lua: how a record is laid out in Redis stands here alone."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from redis.exceptions import NoScriptError, RedisError

from ..store import MOST_LATE_MS
from .faults import unfit

Send: TypeAlias = Callable[..., Awaitable[Any]]
"""Sends one command and gives its reply."""


class Script:
    """A script, sent by its digest, and by its text to a server that does not know it: one that was restarted, say.

    Each makes all its checks before it writes, for Redis takes nothing back. Each touches declared keys alone, all of one slot.
    """

    def __init__(self, *parts: str) -> None:
        self.text = "".join(parts)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, send: Send, keys: Sequence[str | bytes], args: Sequence[Any] = ()) -> Any:
        """Run it; answers with what it returns. Raises: StoreUnfit where the server says that it cannot hold sessions."""
        try:
            try:
                return await send("EVALSHA", self.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await send("EVAL", self.text, len(keys), *keys, *args)
        except RedisError as error:
            if (reported_error := unfit(error)) is not None:
                raise reported_error from error
            raise


class Fresh(NamedTuple):
    """What a call is to write. ``owner``: his digest, "" for none."""

    value: bytes
    ttl_ms: int
    token: bytes
    owner: str


class Layout(NamedTuple):
    """How records lie in Redis. Keys and arguments, and answers, are the same in each; a layout ignores what it has no use for.

    - ``load`` key; roll (0, 1): nothing, or {data, version, ms left}, + {owner}, + {1} if his index must now live that long
    - ``create`` key, index of owner if any; data, ms, new version, owner: 0, or 1 + how many keys the index holds
    - ``replace`` key, index if any; version, data, ms, new version: 1, 0 (gone), or {data, version, owner} of what is there
    - ``move`` old, new, index if any; version, data, ms, new version, owner: as replace, but 1 + as create, and -1 (taken)
    - ``touch`` key; ms: 0, 1, or the owner of the index that must now live that long
    - ``take`` key; version: removes that version; answers as replace
    - ``destroy`` key: how many it removed

    A key of another type than records have is none: it is read as one that is not there, and stays as it is.
    """

    load: Script
    create: Script
    replace: Script
    move: Script
    touch: Script
    take: Script
    destroy: Script


# The server's clock in microseconds, in whole milliseconds, by what is known of a key that has an end: TIME is in none of the
# categories that a user of sessions needs otherwise (docs/stores.md).
_NOW = """
local function now(index)
  local left = redis.call('PTTL', index)
  return left < 0 and 0 or (redis.call('PEXPIRETIME', index) - left) * 1000
end
"""

# No index may end before a record that it lists.
_EXTEND = """
local function extend(index, ttl)
  if redis.call('PTTL', index) < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
end
"""

# A score is the time of insertion in microseconds, or one more than the highest: the order of scores is the order of insertion.
# What was inserted within the last 30 s keeps its place, for that is a call that is sent again. An end, a member with a name that
# starts with a line feed, has the negative of such a score: whatever was inserted before it is to end, but the key it names.
_INSERT = (
    _NOW
    + _EXTEND
    + r"""
local function after(index)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] or 0
  local ended = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')[2] or 0
  return math.max(now(index), last + 1, 1 - ended)
end
local function ends(index, key)
  local score = redis.call('ZSCORE', index, key)
  if not score then return false end
  local found = redis.call('ZRANGE', index, '-inf', '(0', 'BYSCORE', 'WITHSCORES')
  for i = 1, #found, 2 do
    if tonumber(score) <= -found[i + 1] and found[i] ~= '\n' .. key then return true end
  end
  return false
end
local function insert(index, key, ttl)
  -- An index that is not there yet has no end that tells the time.
  local fresh = redis.call('ZADD', index, 'NX', 1, key) == 1
  extend(index, ttl)
  local score = redis.call('ZSCORE', index, key)
  if fresh or now(index) - score > 30000000 or ends(index, key) then
    redis.call('ZADD', index, string.format('%.0f', after(index)), key)
  end
  return redis.call('ZCARD', index)
end
"""
)

_FIELDS = """
local function fields(key, ...)
  return redis.call('TYPE', key).ok == 'hash' and redis.call('HMGET', key, ...) or {}
end
"""

# A hash: v, the version, eight random octets made with each write, so that no version comes twice and a call that the
# driver sends again after a lost reply knows its own work; d, the data; t, the lifetime last given; o, the owner's digest.
NATIVE = Layout(
    load=Script(
        _FIELDS,
        f"""
local r = fields(KEYS[1], 'd', 'v', 'o', 't')
local left = redis.call('PTTL', KEYS[1])
if not r[1] or left == 0 then return false end
local found, ttl = {{r[1], r[2], left, r[3] or nil}}, tonumber(r[4])
if ARGV[1] == '1' and left > 0 and left <= ttl - math.min(math.floor(ttl / 10), {MOST_LATE_MS}) then
  -- A server that takes no writes can still be read: a replica, one that cannot save its snapshot, a user without the right.
  if type(redis.pcall('PEXPIRE', KEYS[1], r[4])) == 'number' then found[3], found[5] = ttl, r[3] and 1 or nil end
end
return found
""",
    ),
    create=Script(
        _INSERT,
        _FIELDS,
        """
if redis.call('EXISTS', KEYS[1]) == 1 then return fields(KEYS[1], 'v')[1] == ARGV[3] and 1 or 0 end
local size = KEYS[2] and insert(KEYS[2], KEYS[1], ARGV[2]) or 0
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'd', ARGV[1], 't', ARGV[2])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'o', ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1 + size
""",
    ),
    replace=Script(
        _EXTEND,
        _FIELDS,
        """
local r = fields(KEYS[1], 'd', 'v', 'o')
if not r[2] then return 0 end
if r[2] ~= ARGV[1] and r[2] ~= ARGV[4] then return r end
redis.call('HSET', KEYS[1], 'v', ARGV[4], 'd', ARGV[2], 't', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if KEYS[2] then extend(KEYS[2], ARGV[3]) end
return 1
""",
    ),
    move=Script(
        _INSERT,
        _FIELDS,
        """
local r = fields(KEYS[1], 'd', 'v', 'o')
if not r[2] then return fields(KEYS[2], 'v')[1] == ARGV[4] and 1 or 0 end
if r[2] ~= ARGV[1] then return r end
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
if KEYS[3] and ends(KEYS[3], KEYS[1]) then
  redis.call('UNLINK', KEYS[1])
  return 0
end
local size = KEYS[3] and insert(KEYS[3], KEYS[2], ARGV[3]) or 0
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'v', ARGV[4], 'd', ARGV[2], 't', ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[2], 'o', ARGV[5]) else redis.call('HDEL', KEYS[2], 'o') end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1 + size
""",
    ),
    touch=Script("""
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
if redis.call('PEXPIRE', KEYS[1], ARGV[1], 'GT') == 1 then return redis.call('HGET', KEYS[1], 'o') or 1 end
return redis.call('EXISTS', KEYS[1])
"""),
    take=Script(
        _FIELDS,
        """
local r = fields(KEYS[1], 'd', 'v', 'o')
if not r[2] then return 0 end
if r[2] ~= ARGV[1] then return r end
return redis.call('UNLINK', KEYS[1])
""",
    ),
    destroy=Script("""
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
return redis.call('UNLINK', KEYS[1])
"""),
)

# index; key, ms, the key that a session comes from if any: how many keys it holds, or 0 where that session is to end.
INSERT = Script(_INSERT, "if ends(KEYS[1], ARGV[3]) then return 0 end return insert(KEYS[1], ARGV[1], ARGV[2])")

# index; ms.
EXTEND = Script(_EXTEND, "extend(KEYS[1], ARGV[1])")

# index: key, score, key, score ... in order of insertion.
MEMBERS = Script("return redis.call('ZRANGE', KEYS[1], 0, '+inf', 'BYSCORE', 'WITHSCORES')")

# index; key to keep if any: lets all others end, and answers as MEMBERS. Ends of more than a minute ago are taken off.
END = Script(
    _INSERT,
    r"""
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local score = after(KEYS[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('%.0f', 60000000 - score), '(0')
redis.call('ZADD', KEYS[1], string.format('%.0f', -score), '\n' .. ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, '+inf', 'BYSCORE', 'WITHSCORES')
""",
)

# index; key, score, key, score ... Takes a key off, if it has that score still and has had it for a minute.
FORGET = Script(
    _NOW,
    """
local clock = now(KEYS[1])
for i = 1, #ARGV, 2 do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0)
  if score == tonumber(ARGV[i + 1]) and clock - score > 60000000 then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
""",
)

# keys; owner: how many records of that owner it removed.
DESTROY_OWNED = Script("""
local count = 0
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'o') == ARGV[1] then count = count + redis.call('UNLINK', key) end
end
return count
""")

# keys; owner: for each key {data, ms left}, or {} where there is no record of that owner.
READ_OWNED = Script("""
local found = {}
for i, key in ipairs(KEYS) do
  local r, left = redis.call('HMGET', key, 'd', 'o'), redis.call('PTTL', key)
  found[i] = r[2] == ARGV[1] and left ~= 0 and {r[1], left} or {}
end
return found
""")

# key of no record: a write that only replicas see.
MARK = "if redis.call('SET', KEYS[1], '', 'PX', 1000, 'NX') then redis.call('DEL', KEYS[1]) end"
