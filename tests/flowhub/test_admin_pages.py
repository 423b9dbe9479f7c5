"""Every page of the admin that adds a row."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.factories import make_user

READ_ONLY = (
    "executions.execution",
    "flows.auditentry",
    "flows.flowversion",
    "mcp_bridge.connectedclient",
    "mfa.authenticator",
)
MODELS = sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.django_db
@pytest.mark.parametrize("label", MODELS)
def test_a_page_that_adds_a_row_shows_values_and_no_objects_of_python(client: Client, label: str) -> None:
    client.force_login(make_user("operator", is_superuser=True))
    answer = client.get(reverse(f"admin:{label.replace('.', '_')}_add"))
    assert answer.status_code == (403 if label in READ_ONLY else 200)
    assert " object at 0x" not in answer.content.decode()
