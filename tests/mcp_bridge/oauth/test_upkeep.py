"""What is deleted of clients that sign in because nobody needs it any more, and what stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, Grant

from flows.models import Server
from mcp_bridge.models import ConnectedClient
from mcp_bridge.oauth import upkeep

pytestmark = pytest.mark.django_db


def client(name: str, days: int, source: str = "dcr") -> Application:
    made = Application.objects.create(
        name=name,
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://client.example/callback",
        registration_source=source,
    )
    Application.objects.filter(pk=made.pk).update(created=timezone.now() - timedelta(days=days))
    return made


def test_clients_that_nobody_let_in_go_after_a_day_and_no_others() -> None:
    user = get_user_model().objects.create_user("ada")
    server = Server.objects.create(name="Orders", slug="orders", owner=user)
    client("idle", 2)
    client("new", 0)
    client("made by an operator", 2, "manual")
    ConnectedClient.connect(user, client("connected", 400), server)
    assert upkeep.clean_up() == 1
    assert set(Application.objects.values_list("name", flat=True)) == {"new", "made by an operator", "connected"}


def test_codes_and_tokens_that_have_expired_go() -> None:
    user, program = get_user_model().objects.create_user("ada"), client("connected", 0)
    for hours in (-1, 1):
        row: dict[str, Any] = {"user": user, "application": program, "expires": timezone.now() + timedelta(hours=hours)}
        AccessToken.objects.create(token=f"token{hours}", **row)
        Grant.objects.create(code=f"code{hours}", redirect_uri="https://client.example/callback", **row)
    upkeep.clean_up()
    assert AccessToken.objects.count() == 1
    assert [grant.code for grant in Grant.objects.all()] == ["code1"]
