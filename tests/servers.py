"""Live servers for tests that go through a real client: one under uvicorn, one under daphne, made once a session."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.gated import Gates, gated_servers, gates
from tests.live import RUNSERVER, SERVE, LiveServer, live_server
from tests.world import World, world_of


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
