"""One version number, and every door says the same."""

import json
import tomllib
import urllib.request

import pytest

from flowhub import __version__
from tests.live import ROOT, LiveServer
from tests.mcp_client import ERAS, connect


def read(server: LiveServer, path: str) -> str:
    with urllib.request.urlopen(server.url + path, timeout=10) as answer:
        return answer.read().decode()


def test_packaging_reads_the_version_from_where_the_program_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "flowhub.__version__"}


def test_the_foot_of_a_page_names_the_version(uvicorn_server: LiveServer) -> None:
    assert f'<p class="version">FlowHub {__version__}</p>' in read(uvicorn_server, "/login/")


def test_a_supervisor_hears_which_version_is_alive(uvicorn_server: LiveServer) -> None:
    assert json.loads(read(uvicorn_server, "/healthz")) == {"alive": True, "version": __version__}


def test_openapi_describes_this_version(uvicorn_server: LiveServer) -> None:
    assert uvicorn_server.get_json("/api/schema/?format=json")["info"]["version"] == __version__


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_clients_of_both_eras_learn_the_version(era: str, uvicorn_server: LiveServer) -> None:
    async with connect(uvicorn_server, era) as client:
        assert (client.server_info.name, client.server_info.version) == ("demo", __version__)
