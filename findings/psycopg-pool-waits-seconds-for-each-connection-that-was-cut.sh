#!/bin/sh
# A pool whose connections are checked before they are given out (`check=ConnectionPool.check_connection`, which Django
# sets with CONN_HEALTH_CHECKS) is there for the moment after a database has cut them all, at a failover or a restart.
# One would expect that the next caller waits about as long as one new connection takes. psycopg_pool 3.3.3 sleeps
# between two checks as between two attempts to connect, 0, 1, 2, 4 seconds: whoever asks first waits longer for each
# connection that was cut, although the database answers all the while, and a few of them use up the whole timeout.
# Needs a PostgreSQL: FINDING_POSTGRES names it, else postgres://postgres@127.0.0.1:5432/postgres.
# Prints what was seen; ends with status 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    psycopg==3.3.9 psycopg-binary==3.3.9 psycopg-pool==3.3.3
"$folder/venv/bin/python" - <<'PROGRAM'
import os
import sys
import time

import psycopg
from psycopg_pool import ConnectionPool

ADDRESS = os.environ.get("FINDING_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")


def seconds(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def first_after_a_cut(number):
    """How long the first caller waits for a connection, and how long to open one takes, once `number` were cut."""
    with ConnectionPool(ADDRESS, min_size=number, max_size=number, check=ConnectionPool.check_connection) as pool:
        pool.wait()
        held = [pool.getconn() for _ in range(number)]
        pids = [connection.info.backend_pid for connection in held]
        for connection in held:
            pool.putconn(connection)
        with psycopg.connect(ADDRESS, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (pids,))
        new = seconds(lambda: psycopg.connect(ADDRESS).close())
        return seconds(lambda: pool.putconn(pool.getconn())), new


seen = {number: first_after_a_cut(number) for number in (1, 2, 4)}
for number, (waited, new) in seen.items():
    print(f"psycopg_pool 3.3.3: {number} connections cut: the next caller waits {waited:.1f} s, a new one takes {new:.2f} s")
(one, _), (two, _), (four, _) = seen.values()
as_told = one < 0.8 < two < 2 < 5 < four < 9 and all(new < 0.5 for _, new in seen.values())
print("as told" if as_told else "this has changed")
sys.exit(not as_told)
PROGRAM
