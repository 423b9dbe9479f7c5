"""No cache keeps what somebody was answered; files that are the same for everybody may be kept."""

from contextlib import closing

import pytest
from django.test import AsyncClient, Client

from tests.factories import make_flow

NO_STORE = "private, no-store"


@pytest.mark.django_db
def test_pages_and_rest_are_stored_nowhere(client: Client) -> None:
    flow = make_flow()
    assert client.get("/login/").headers["Cache-Control"].endswith("no-store, must-revalidate, private")
    client.force_login(flow.server.owner)
    for address in ("/", "/executions/", f"/flows/{flow.pk}/usage/", "/api/flows/", f"/api/flows/{flow.pk}/"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, NO_STORE), address
    assert client.get("/flows/999999/usage/").headers["Cache-Control"] == NO_STORE
    assert client.post("/api/flows/", {}, "application/json").headers["Cache-Control"] == NO_STORE
    with closing(client.get("/static/brand.svg")) as file:
        assert file.headers["Cache-Control"] == "max-age=60, public"


@pytest.mark.anyio
@pytest.mark.django_db(transaction=True)
async def test_what_is_answered_asynchronously_is_not_stored_either() -> None:
    assert (await AsyncClient().get("/api/flows/")).headers["Cache-Control"] == NO_STORE
