"""What a key opens: checked by the verifier that both doors use."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from mcp_bridge.keys import principals
from mcp_bridge.keys.principals import KeyRing, outdated, verify, verify_token
from mcp_bridge.models import ApiKey, ConnectedClient
from tests.factories import make_server, make_user

pytestmark = pytest.mark.django_db


def test_a_key_for_one_server_opens_that_server_alone() -> None:
    first, second = make_server(slug="first"), make_server(slug="second")
    _, key = ApiKey.issue(first.owner, "one", servers=[first])
    principal = verify(key)
    assert principal is not None
    assert principal.may_use(first.pk, first.owner_id) is True
    assert principal.may_use(second.pk, first.owner_id) is False


def test_a_key_whose_only_server_is_deleted_opens_none() -> None:
    owner = make_user()
    gone, other = make_server(owner, slug="gone"), make_server(owner, slug="other")
    _, key = ApiKey.issue(owner, "one", servers=[gone])
    gone.delete()
    principal = verify(key)
    assert principal is not None
    assert principal.may_use(other.pk, owner.pk) is False


def test_a_key_without_limits_opens_the_servers_of_its_owner() -> None:
    mine, foreign = make_server(slug="mine"), make_server(slug="foreign")
    _, key = ApiKey.issue(mine.owner, "all")
    principal = verify(key)
    assert principal is not None
    assert [principal.may_use(server.pk, server.owner_id) for server in (mine, foreign)] == [True, False]


SCOPE = {"client": ("127.0.0.1", 1)}


@pytest.mark.anyio
@pytest.mark.django_db(transaction=True)
class TestMessagesThatComeTogether:
    """The time for which a key is believed is over, and many messages bring it at once."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The keys that the database was asked about."""
        asked: list[str] = []

        def ask(key: str, address: str) -> principals.Principal | None:
            asked.append(key)
            return verify(key, address)

        monkeypatch.setattr(principals, "REMEMBER_SECONDS", 0.0)
        monkeypatch.setattr(principals, "verify", ask)
        return asked

    async def test_the_database_is_asked_once(self, asked: list[str]) -> None:
        (_, key), ring = await sync_to_async(issued)(), KeyRing()
        user = await ring.user_for(key, SCOPE)
        assert await asyncio.gather(*(ring.user_for(key, SCOPE) for _ in range(20))) == [user] * 20
        assert asked == [key, key]

    async def test_who_hangs_up_takes_the_answer_from_nobody(self, asked: list[str]) -> None:
        (_, key), ring = await sync_to_async(issued)(), KeyRing()
        user = await ring.user_for(key, SCOPE)
        first, *others = [asyncio.create_task(ring.user_for(key, SCOPE)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [user] * 4
        assert asked == [key, key]

    async def test_a_key_that_was_revoked_lets_none_of_them_in(self, asked: list[str]) -> None:
        (stored, key), ring = await sync_to_async(issued)(), KeyRing()
        assert await ring.user_for(key, SCOPE) is not None
        await stored.adelete()
        assert await asyncio.gather(*(ring.user_for(key, SCOPE) for _ in range(3))) == [None] * 3
        # Each counts as a guess of where it came from.
        assert asked == [key] * 4


def issued() -> tuple[ApiKey, str]:
    return ApiKey.issue(make_user(), "one")


def token_for(user: Any, server: Any, text: str, **values: Any) -> None:
    """Have a client connected to a server, with a token of this text."""
    program = Application.objects.get_or_create(
        client_id="assistant",
        defaults={
            "name": "Assistant",
            "client_type": Application.CLIENT_PUBLIC,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "redirect_uris": "https://client.example/callback",
        },
    )[0]
    ConnectedClient.connect(user, program, server)
    row = {
        "user": user,
        "application": program,
        "expires": timezone.now() + timedelta(hours=1),
        "scope": "mcp:call",
        "resource": [f"http://localhost/mcp/{server.slug}"],
    }
    AccessToken.objects.create(token=text, **row | values)


def test_a_token_is_the_same_principal_as_the_one_that_follows_it_until_its_client_is_disconnected() -> None:
    server = make_server(slug="orders")
    other = make_server(server.owner, slug="other")
    token_for(server.owner, server, "first")
    token_for(server.owner, server, "second")
    first, second = verify_token("first"), verify_token("second")
    assert first is not None
    assert first == second
    assert first.name == f"Assistant of {server.owner.get_username()}"
    assert [first.may_use(each.pk, each.owner_id) for each in (server, other)] == [True, False]
    assert outdated([first]) == set()
    ConnectedClient.objects.get().disconnect()
    assert outdated([first]) == {first.id}
    assert [verify_token("first"), verify_token("second")] == [None, None]


@pytest.mark.parametrize(
    "values",
    [
        {"resource": []},
        {"resource": ["http://localhost/mcp/orders", "http://localhost/mcp/other"]},
        {"resource": ["https://evil.example/mcp/orders"]},
        {"resource": ["http://localhost/mcp/orders?x"]},
        {"resource": ["http://localhost/mcp/"]},
        {"scope": ""},
        {"expires": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_a_token_that_is_not_for_exactly_this_server_and_for_calling_lets_nobody_in(values: dict[str, Any]) -> None:
    server = make_server(slug="orders")
    token_for(server.owner, server, "token", **values)
    assert verify_token("token") is None


def test_a_token_for_a_server_that_is_somebody_else_s_now_opens_nothing() -> None:
    server = make_server(slug="orders")
    user = server.owner
    token_for(user, server, "token")
    server.delete()
    make_server(make_user(), slug="orders")
    assert verify_token("token") is None
