"""Live servers for the acceptance tests: one under uvicorn, one under daphne, made once a session."""

from collections.abc import Iterator

import pytest

from tests.live import RUNSERVER, SERVE, LiveServer, live_server


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


@pytest.fixture(params=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> LiveServer:
    """Each of the two ASGI servers in turn."""
    return request.getfixturevalue(f"{request.param}_server")
