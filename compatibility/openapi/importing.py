"""Imports operations of each document into a server of its own; runs with the settings of the FlowHub that is proved.

Reads lines of {"path", "slug", "origin", "keys"} and writes a line of JSON for each: `refused`, what the person reads
in place of operations, or `operations` by key: `problem`, `notes`, and what became of the flow.
"""

import json
import sys
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.utils.datastructures import MultiValueDict  # noqa: E402

from compatibility.openapi.calls import secret_value  # noqa: E402
from compatibility.openapi.documents import moved  # noqa: E402
from flows.engine.errors import DefinitionError  # noqa: E402
from flows.publishing import versions  # noqa: E402
from flows.secrets.uses import names_in  # noqa: E402
from flows.transfer import files, openapi  # noqa: E402
from flows.transfer.forms import SourceForm  # noqa: E402
from flows.transfer.openapi import Operation  # noqa: E402
from mcp_bridge.models import ApiKey  # noqa: E402
from tests.factories import make_server  # noqa: E402


def imported(asked: dict[str, Any]) -> dict[str, Any]:
    """What became of the operations that were asked for."""
    path = Path(asked["path"])
    uploaded: Any = MultiValueDict({"file": [SimpleUploadedFile(path.name, path.read_bytes())]})
    form = SourceForm({}, uploaded)
    if not form.is_valid():
        return {"refused": [message for messages in form.errors.values() for message in messages]}
    try:
        document = openapi.read(form.source)
    except DefinitionError as error:
        return {"refused": [f"{fault.path} {fault.message}".strip() for fault in error.faults]}
    address = moved(openapi.address_of(document), asked["origin"])
    operations = {operation.key: operation for operation in openapi.operations_of(document, address)}
    server = make_server(ApiKey.objects.get(name="demo").owner, asked["slug"])
    found = {key: _stored(server, operations[key]) for key in asked["keys"] if key in operations}
    names = set().union(*(names_in(each["definition"]) for each in found.values() if each.get("definition")))
    for name in sorted(names):
        versions.set_secret(server, name, secret_value(name))
    return {"operations": found, "listed": len(operations), "secrets": sorted(names)}


def _stored(server: Any, operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {"problem": operation.problem, "notes": operation.notes}
    if not operation.flow:
        return said
    text = files.document_text([operation.flow], names_in(operation.flow["definition"]))
    try:
        [flow] = files.import_contents(server, files.read(text), {}).flows
    except DefinitionError as error:
        return said | {"problem": "; ".join(f"{fault.path} {fault.message}" for fault in error.faults)}
    return said | {"flow": flow.pk, "definition": flow.definition, "schema": flow.input_schema}


def main() -> None:
    """Answer each question."""
    for line in sys.stdin:
        print("\n" + json.dumps(imported(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
