"""Secrets know where they may be sent; those that are there get the origins that the versions of today send them to."""

import re
from typing import Any

from django.db import migrations, models

_NAMED = re.compile(r"\{\{\s*secrets\s*(?:\.\s*|\[\s*[\"'])([A-Z][A-Z0-9_]*)")
_ORIGIN = re.compile(r"(https?://[a-z0-9._-]+(?::[0-9]{1,5})?)(?=[/?#]|\Z)", re.IGNORECASE)
_DEFAULT_PORT = re.compile(r"(?<=^http:)(.*):80$|(?<=^https:)(.*):443$")


def names_in(value: Any) -> set[str]:
    """The secrets that a JSON value names."""
    found, todo = set(), [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            found |= set(_NAMED.findall(item))
        elif isinstance(item, dict | list):
            todo += item.values() if isinstance(item, dict) else item
    return found


def origin_of(parameters: dict[str, Any]) -> str | None:
    """Where a node sends its request, if its address says so before any expression."""
    address = parameters.get("url", parameters.get("baseUrl"))
    found = _ORIGIN.match(address) if isinstance(address, str) else None
    return _DEFAULT_PORT.sub(r"\1\2", found[1].lower()) if found else None


def bind(apps: Any, schema_editor: Any) -> None:
    """A secret that one version sends to an address of the caller's choice is left without: it could go anywhere."""
    flows, secrets = apps.get_model("flows", "Flow"), apps.get_model("flows", "Secret")
    origins: dict[tuple[int, str], set[str | None]] = {}
    for flow in flows.objects.exclude(published_version=None).select_related("published_version").iterator():
        nodes = flow.published_version.definition.get("nodes", [])
        for parameters in (node.get("parameters", {}) for node in nodes):
            for name in names_in(parameters):
                origins.setdefault((flow.server_id, name), set()).add(origin_of(parameters))
    for secret in secrets.objects.iterator():
        found = origins.get((secret.server_id, secret.name), {None})
        if None not in found:
            secret.origins = sorted(found)
            secret.save(update_fields=["origins"])


class Migration(migrations.Migration):
    """One column, and what it holds for the secrets of today."""

    dependencies = [("flows", "0006_origins")]

    operations = [
        migrations.AddField(
            model_name="secret",
            name="origins",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="Where it may be sent: https://api.example.com or https://*.example.com. None: wherever a "
                "flow's author sends it.",
            ),
        ),
        migrations.RunPython(bind, migrations.RunPython.noop),
    ]
