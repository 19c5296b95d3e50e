"""Hold a store to what the middleware builds on: subclass ``StoreContract`` in a test, and pytest runs the suite. Needs pytest."""

from .calls import Calls
from .lifetimes import Lifetimes
from .listing import Listing
from .owners import Owners
from .races import Races
from .refusals import Refusals

__all__ = ["StoreContract"]


class StoreContract(Calls, Lifetimes, Listing, Owners, Races, Refusals):
    """The promises of ``gingersnap.stores.Store``, each as a test::

        class TestMyStore(StoreContract):
            @asynccontextmanager
            async def store(self):
                yield MyStore()

    No plugin for async is needed. ``suite.Suite`` has what a subclass may set besides: ``other``, ``read_only``, ``wait``,
    ``atomic``, ``has_owners``, and how many races are run.
    """
