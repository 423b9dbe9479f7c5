"""`manage.py load_conformance`: the server that the official conformance suites call. Running it again mends it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import flowhub
from flowhub import env
from flows.models import Flow, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from flows.transfer import files

SLUG = "conformance"
SWITCH = "FLOWHUB_CONFORMANCE"
FILE = Path(flowhub.__file__).parent / "conformance.json"
"""An export like any other: ordinary flows of ordinary node types, under the names that the suites call."""


class Command(BaseCommand):
    """Load the server, open to anybody; what it offers is as the file has it afterwards."""

    help = f"Load the server that MCP's conformance suites call. It is open to anybody, so {SWITCH}=1 must be set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file and publish what it holds, in one transaction."""
        if not env.flag(SWITCH, False):
            raise CommandError(
                f"This makes a server that anybody can call without a key. Set {SWITCH}=1 if this installation is "
                "there to be tested."
            )
        contents = files.read(FILE.read_text())
        with transaction.atomic():
            server = _server()
            keys = [*(flow.tool_name for flow in contents.flows), *(entry.key for entry in contents.entries)]
            done = files.import_contents(server, contents, dict.fromkeys(keys, "replace"))
            for flow in done.flows:
                _publish(flow)
            for row in done.rows:
                row.is_active = True
                save_offer(row)
        self.stdout.write(
            f"{len(done.flows)} flows and {len(done.rows)} prompts and resources are published at /mcp/{SLUG}."
        )


def _server() -> Server:
    server = Server.objects.filter(slug=SLUG).first() or Server(slug=SLUG)
    server.name = "Conformance"
    server.description = "What the conformance suites of the Model Context Protocol call."
    server.access, server.is_published = Server.Access.PUBLIC, True
    versions.save_server(server)
    return server


def _publish(flow: Flow) -> None:
    if versions.has_unpublished_changes(flow):
        versions.publish(flow)
    if not flow.is_active:
        versions.set_active(flow, True)
