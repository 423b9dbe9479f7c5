"""Live servers for tests that go through a real client: one under uvicorn, one under daphne, made once a session."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.gated import Gates, gated_servers, gates
from tests.live import ROOT, RUNSERVER, SERVE, LiveServer, live_server
from tests.world import World, world_of

SERVER_FOLDERS = {"acceptance", "abuse", "faults"}
SERVERS = {"uvicorn_server", "daphne_server", "small_server", "server", "world", "pair"}
"""What says that a test starts FlowHub processes: where it lies, or a fixture that it uses."""

ALONE = ("faults", "redis", "world", "pair", "small_server")
"""Markers and fixtures whose tests are done by one worker: they want little beside them, or what is slow to make."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark what starts servers, and put together what one process should do; before xdist and `-m` look at the marks.

    With `--dist loadgroup` the tests of a file, or those that share a costly server, go to one worker, one after the
    other. Tests with a browser are groups of their own, because no others may follow them in a process.
    """
    for item in items:
        place = item.path.relative_to(ROOT / "tests")
        if place.parts[0] in SERVER_FOLDERS or SERVERS.intersection(item.fixturenames):
            item.add_marker("server")
        shared = [name for name in ALONE if name in item.fixturenames or item.get_closest_marker(name)]
        group = [*shared, str(place)][0] + (" in a browser" if item.get_closest_marker("browser") else "")
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def uvicorn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """`manage.py serve` with the demo."""
    with live_server(tmp_path_factory.mktemp("uvicorn"), SERVE) as server:
        yield server


@pytest.fixture(scope="session")
def daphne_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """`manage.py runserver` with the demo."""
    with live_server(tmp_path_factory.mktemp("daphne"), RUNSERVER) as server:
        yield server


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that keeps ten sessions, and takes messages of up to 1 MiB."""
    limits = {"FLOWHUB_MAX_SESSIONS": "10", "FLOWHUB_MAX_BODY_BYTES": str(1024 * 1024)}
    with live_server(tmp_path_factory.mktemp("small"), **limits) as server:
        yield server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that looks used; tests look at it and may add calls, but leave what is there as it is."""
    with live_server(tmp_path_factory.mktemp("world")) as server:
        yield world_of(server)


@pytest.fixture(params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> LiveServer:
    """Each of the two ASGI servers in turn."""
    return request.getfixturevalue(f"{request.param}_server")


@dataclass(frozen=True)
class Pair:
    """Two processes on one database, and the gates at which their flows wait."""

    one: LiveServer
    other: LiveServer
    gates: Gates


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two processes that serve the same flows."""
    data = tmp_path_factory.mktemp("pair")
    with gates() as made, gated_servers(data, made, 2) as (one, other):
        yield Pair(one, other, made)
