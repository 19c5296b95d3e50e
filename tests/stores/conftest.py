"""The servers behind the stores, as fixtures: each started where a test asks for it, on a free loopback port."""

import os

from gingersnap.testing.suite import Suite
from tests.stores.redis_sites import cluster_site, redis_site, valkey_site  # noqa: F401
from tests.stores.servers.mariadb import mariadb  # noqa: F401
from tests.stores.servers.pgbouncer import pgbouncer  # noqa: F401
from tests.stores.servers.postgres import postgres  # noqa: F401
from tests.stores.servers.valkey import lone_valkey, redis7, redis_cluster, replica, sentinel, valkey  # noqa: F401

# The contract's races, a quarter as often as others run them: six servers and a dozen drivers keep it here.
Suite.races = 100 if os.environ.get("GINGERSNAP_LONG") == "1" else 25
