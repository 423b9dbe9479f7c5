"""Refreshes of one token that come together, at every moment at which one can overtake the other."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken, set_token_value

from flows.models import Server
from mcp_bridge.models import ConnectedClient
from tests.factories import make_server

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = "a refresh token"


@pytest.fixture
def server() -> Server:
    return make_server(slug="orders")


@pytest.fixture
def program(server: Server) -> Application:
    """A client that a person has let in."""
    made = Application.objects.create(
        name="program",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="https://client.example/callback",
    )
    ConnectedClient.connect(server.owner, made, server)
    return made


def give(server: Server, program: Application, token: str) -> None:
    """A pair of tokens, in a family of its own."""
    given = {"user": server.owner, "application": program, "resource": ["http://testserver/mcp/orders"]}
    access = AccessToken(scope="mcp:call", expires=timezone.now() + timedelta(hours=1), **given)
    set_token_value(access, f"{token}'s access token")
    access.save()
    refresh = RefreshToken(access_token=access, token_family=uuid4(), **given)
    set_token_value(refresh, token)
    refresh.save()


def refresh(program: Application, token: str) -> Any:
    sent = {"grant_type": "refresh_token", "refresh_token": token, "client_id": program.client_id}
    return Client(raise_request_exception=False).post("/oauth/token/", sent)


def refresh_twice(program: Application, token: str) -> Any:
    return refresh(program, refresh(program, token).json()["refresh_token"])


def revoke(program: Application, token: str) -> bool:
    sent = {"token": token, "client_id": program.client_id}
    return Client().post("/oauth/revoke_token/", sent).status_code == 200


def disconnect(program: Application, token: str) -> bool:
    ConnectedClient.objects.get(application=program).disconnect()
    return True


def elsewhere(work: Callable[[], Any]) -> Any:
    """Do something on another thread's connection, to its end."""
    done: list[Any] = []

    def run() -> None:
        try:
            done.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return done[0]


def overtaken(
    server: Server, program: Application, second: Callable[[Application, str], Any]
) -> Iterator[tuple[str, Any, Any]]:
    """A token, and what both get, when `second` happens whole before a query of its refresh: each of them in turn.

    The queries of its transaction are left out: there the database makes one wait for the other. The last of them comes
    after it, when the pair is stored.
    """
    for at in count(1):
        seen, other, token = 0, None, f"token {at}"
        give(server, program, token)

        def before(
            execute: Any, sql: str, params: Any, many: bool, context: Any, at: int = at, token: str = token
        ) -> Any:
            nonlocal seen, other
            if not connection.in_atomic_block:
                seen += 1
                if seen == at:
                    other = elsewhere(lambda: second(program, token))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(before):
            first = refresh(program, token)
        if other is None:
            assert at > 4
            return
        yield token, first, other


def live() -> int:
    """How many refresh tokens are good."""
    return int(RefreshToken.objects.filter(revoked=None, access_token__isnull=False).count())


def test_a_refresh_that_another_overtakes_gives_a_pair_of_its_own(server: Server, program: Application) -> None:
    for _, *both in overtaken(server, program, refresh):
        assert [each.status_code for each in both] == [200, 200], [each.content for each in both]
        assert len({each.json()["refresh_token"] for each in both}) == live() == 2
        for each in both:
            assert refresh(program, each.json()["refresh_token"]).status_code == 200
        RefreshToken.objects.all().delete()


def test_a_refresh_that_is_overtaken_by_two_generations_is_refused(server: Server, program: Application) -> None:
    *before, after = overtaken(server, program, refresh_twice)
    assert {(first.status_code, first.json()["error"], other.status_code) for _, first, other in before} == {
        (400, "invalid_grant", 200)
    }
    assert [each.status_code for each in after[1:]] == [200, 200]


def test_a_refresh_that_is_overtaken_by_a_revocation_gives_nothing(server: Server, program: Application) -> None:
    *before, _ = overtaken(server, program, revoke)
    assert {(first.status_code, first.json()["error"], other) for _, first, other in before} == {
        (400, "invalid_grant", True)
    }
    assert live() == 2  # of the one that was over before, and of the one that nobody overtook


def test_a_refresh_that_is_overtaken_by_its_person_gives_nothing(server: Server, program: Application) -> None:
    for _, first, other in overtaken(server, program, disconnect):
        assert (first.status_code, first.json(), other) == (400, {"error": "invalid_grant"}, True)
        assert live() == 0
        ConnectedClient.connect(server.owner, program, server)


def test_a_token_is_refreshed_until_a_month_after_its_access_token_ended(server: Server, program: Application) -> None:
    for days, status in ((29, 200), (31, 400)):
        give(server, program, f"{days} days")
        AccessToken.objects.filter(refresh_token__revoked=None).update(expires=timezone.now() - timedelta(days=days))
        assert refresh(program, f"{days} days").status_code == status
    give(server, program, "without")
    AccessToken.objects.all().delete()
    assert refresh(program, "without").status_code == 400


def test_no_answer_is_a_page(server: Server, program: Application) -> None:
    """What is refused while the pair is stored repeats words of the caller, who may be a page of another site."""
    give(server, program, "token")
    sent = {"grant_type": "refresh_token", "refresh_token": "token", "client_id": program.client_id}
    answered = Client().post("/oauth/token/", sent | {"resource": "https://evil.example/<img src=x onerror=alert(1)>"})
    assert (answered.status_code, answered.headers["Content-Type"]) == (400, "application/json")
    assert answered.json()["error"] == "invalid_target"
