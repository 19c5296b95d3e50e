"""Stores that do not tell that they take no writes, or cannot be read then."""

from .table import Broken, fails


@fails("ping_raises_while")
class PingOnlyLooks(Broken):
    async def ping(self):
        len(self.rows)


@fails("reads_what_it_cannot_renew")
class CannotBeReadUnlessRenewed(Broken):
    async def load(self, key, *, roll=False):
        if roll and (row := self._live(key)):
            await self.touch(key, row[2])
        return await super().load(key)
