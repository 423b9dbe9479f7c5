"""`manage.py load_conformance`: only where it is asked for, from a file that is an export like any other."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flowhub.management.commands.load_conformance import FILE, SLUG
from flows.models import Flow, Server
from flows.publishing import versions
from flows.transfer import files

pytestmark = pytest.mark.django_db


@pytest.fixture
def is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWHUB_CONFORMANCE", "1")


def names(kind: str = "flows", key: str = "toolName") -> list[str]:
    return [each[key] for each in json.loads(FILE.read_text())[kind]]


@pytest.mark.parametrize("value", [None, "", "0"])
def test_without_the_switch_no_open_server_is_made(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("FLOWHUB_CONFORMANCE", raising=False)
    if value is not None:
        monkeypatch.setenv("FLOWHUB_CONFORMANCE", value)
    with pytest.raises(CommandError, match=r"anybody can call without a key\. Set FLOWHUB_CONFORMANCE=1"):
        call_command("load_conformance")
    assert not Server.objects.filter(slug=SLUG).exists()


def test_the_server_is_open_and_offers_everything_in_the_file(is_allowed: None, capsys: Any) -> None:
    call_command("load_conformance")
    server = Server.objects.get(slug=SLUG)
    assert (server.access, server.is_published, server.owner) == (Server.Access.PUBLIC, True, None)
    assert sorted(server.flows.callable().values_list("published_version__tool_name", flat=True)) == sorted(names())
    prompts, resources = names("prompts", "name"), names("resources", "uri")
    assert list(server.prompts.filter(is_active=True).order_by("name").values_list("name", flat=True)) == prompts
    assert list(server.resources.filter(is_active=True).order_by("uri").values_list("uri", flat=True)) == resources
    rows = len(prompts) + len(resources)
    said = f"{len(names())} flows and {rows} prompts and resources are published at /mcp/conformance.\n"
    assert capsys.readouterr().out == said


def test_the_file_is_what_an_export_of_the_server_gives(is_allowed: None) -> None:
    call_command("load_conformance")
    assert files.exported_server(Server.objects.get(slug=SLUG)) == FILE.read_text()


def test_running_it_again_mends_what_was_changed_and_makes_no_needless_versions(is_allowed: None) -> None:
    call_command("load_conformance")
    changed = Flow.objects.get(tool_name="test_simple_text")
    versions.set_active(changed, False)
    changed.tool_description = "Something else."
    changed.save()
    call_command("load_conformance")
    assert Flow.objects.callable().count() == len(names())
    assert set(Flow.objects.values_list("versions__number", flat=True)) == {1}
    assert Flow.objects.get(pk=changed.pk).tool_description == "Returns one text block."
