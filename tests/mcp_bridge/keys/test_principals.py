"""What a key opens: checked by the verifier that both doors use."""

import pytest

from mcp_bridge.keys.principals import verify
from mcp_bridge.models import ApiKey
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
