"""Django's PostgreSQL backend, with a pool that is there again at once after PostgreSQL has cut its connections."""

import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout

PATIENCE_SECONDS = 10.0
"""How long somebody waits for a connection."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Hands out connections of the pool that answer.

    The pool's own check waits a second, then two, then four, before it tries the next connection; but when one is cut
    all of them are, and to find that out of one costs next to nothing.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that answers; raises OperationalError when there is none for PATIENCE_SECONDS."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                connection = super().get_new_connection(conn_params)
            except PoolTimeout:
                if time.monotonic() > deadline:
                    raise
                continue
            if self.pool is None:
                return connection
            try:
                ConnectionPool.check_connection(connection)
            except OperationalError:
                self.pool.putconn(connection)  # which replaces it
                if time.monotonic() > deadline:
                    raise
            else:
                return connection
