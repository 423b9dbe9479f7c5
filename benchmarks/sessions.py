"""What handshake sessions cost: opens 500 more than a process keeps (10,000), and says what memory each takes.

    python benchmarks/sessions.py --sessions 10500

One key opens them all, in one process without a socket. Ends with status 1 when a session takes more than 100 KiB, when
more are kept than FLOWHUB_MAX_SESSIONS, when memory still grows beyond that, or when the newest session cannot call.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from tools import LEGACY, Client, clean_up, prepare

# isort: split
from django.conf import settings

from mcp_bridge.servers.host import current_host

ALLOWED_KIB = 100
GROWTH_KIB = 20 * 1024
"""What 500 sessions beyond the limit may add: they take the place of others."""


def memory() -> int:
    """KiB of this process."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def open_sessions(key: str, number: int) -> Client:
    """Open so many; returns the newest."""
    for _ in range(number):
        client = Client(key, 1, LEGACY)
        await client.open()
    return client


async def measure(key: str, number: int) -> bool:
    """Print what they take; returns whether all is well."""
    try:
        await (await open_sessions(key, 1)).call()
        before = memory()
        await open_sessions(key, settings.MAX_SESSIONS - 1)
        full = memory()
        newest = await open_sessions(key, max(number - settings.MAX_SESSIONS, 1))
        await newest.call()
        kept, over = len(current_host().sessions), memory() - full
        each = (full - before) / (settings.MAX_SESSIONS - 1)
        print(f"{each:.0f} KiB a session, allowed {ALLOWED_KIB}; {kept} kept, allowed {settings.MAX_SESSIONS}")
        print(f"{over} KiB more after {number - settings.MAX_SESSIONS} beyond the limit, allowed {GROWTH_KIB}")
        return each <= ALLOWED_KIB and kept <= settings.MAX_SESSIONS and over <= GROWTH_KIB
    finally:
        await current_host().aclose()


def main() -> None:
    """Measure, say what is allowed, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10_500)
    options = parser.parse_args()
    try:
        is_well = asyncio.run(measure(prepare(1), options.sessions))
    finally:
        clean_up()
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
