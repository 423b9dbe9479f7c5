"""The call of an execution, copied from its page and made once more from a terminal."""

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from flows.publishing import versions
from tests.factories import make_execution, make_flow, make_user
from tests.live import LiveServer

NASTY = {"name": '\'; echo $HOME `id` \x1b[31m\u202e \u00fc\n"quoted"', "n": 2**70, "deep": [None, True, {"a": 0.5}]}


def snippet(execution: Any, form: str) -> str:
    """What the page of an execution of the test database copies."""
    browser = Client()
    browser.force_login(execution.owner)
    answer = browser.get(f"/executions/{execution.pk}/call/{form}/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    return answer.content.decode()


def ran(command: list[str], server: LiveServer, text: str, settings: Any) -> subprocess.CompletedProcess[str]:
    """Run a program that was copied from a page that says `settings.PUBLIC_URL`, against a live server."""
    text = text.replace(settings.PUBLIC_URL, server.url).replace("YOUR_KEY", server.credentials["key"])
    return subprocess.run([*command, text], capture_output=True, text=True, timeout=40, check=True)


@pytest.fixture
def greeting() -> Any:
    """An execution like one of the demo's `greet`, which the live server can run."""
    flow = make_flow(tool_name="greet")
    flow.server.slug = "demo"
    flow.server.save()
    versions.publish(flow)
    return make_execution(flow, initial_params={"name": NASTY["name"], "n": 1})


@pytest.mark.django_db
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_the_curl_command_makes_the_call(greeting: Any, uvicorn_server: LiveServer, settings: Any) -> None:
    done = ran(["sh", "-c"], uvicorn_server, snippet(greeting, "curl"), settings)
    assert NASTY["name"] in json.loads(done.stdout)["result"]["content"][0]["text"]


@pytest.mark.django_db
def test_the_python_program_makes_the_call(greeting: Any, uvicorn_server: LiveServer, settings: Any) -> None:
    done = ran([sys.executable, "-c"], uvicorn_server, snippet(greeting, "python"), settings)
    assert NASTY["name"] in json.loads(done.stdout)["content"][0]["text"]


@pytest.mark.django_db
def test_what_is_copied_is_plain_ascii_whatever_the_caller_sent() -> None:
    execution = make_execution(initial_params=NASTY)
    texts = [snippet(execution, form) for form in ("curl", "python", "mcp")]
    assert all(text.isascii() and "\x1b" not in text for text in texts)
    assert json.loads(texts[2])["params"]["arguments"] == NASTY


@pytest.mark.django_db
def test_a_public_server_needs_no_key() -> None:
    execution = make_execution()
    assert "Authorization: Bearer YOUR_KEY" in snippet(execution, "curl")
    server = execution.flow.server
    server.access = "public"
    server.save()
    assert "Authorization" not in snippet(execution, "curl") + snippet(execution, "python")


@pytest.mark.django_db
def test_there_is_nothing_to_copy_for_strangers_other_forms_and_deleted_flows() -> None:
    execution = make_execution()
    stranger, owner = Client(), Client()
    stranger.force_login(make_user())
    owner.force_login(execution.owner)
    assert stranger.get(f"/executions/{execution.pk}/call/curl/").status_code == 404
    assert owner.get(f"/executions/{execution.pk}/call/java/").status_code == 404
    assert "/call/curl/" in owner.get(execution.get_absolute_url()).content.decode()
    versions.delete(execution.flow)
    assert owner.get(f"/executions/{execution.pk}/call/curl/").status_code == 404
    assert "/call/curl/" not in owner.get(f"/executions/{execution.pk}/").content.decode()
