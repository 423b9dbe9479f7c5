"""Client id metadata documents are fetched as flows fetch: from public addresses alone, within bounds."""

import pytest
from oauth2_provider.cimd import CIMDError

from mcp_bridge.oauth.documents import GuardedFetcher


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://client.example/client.json", "begins with https"),
        ("https://127.0.0.1:1/client.json", "127.0.0.1"),
        ("https://169.254.169.254/latest/meta-data/", "169.254.169.254"),
        ("https://user:password@client.example/", "user name or password"),
    ],
)
def test_a_document_is_not_fetched_from_inside_or_in_the_clear(address: str, why: str) -> None:
    with pytest.raises(CIMDError, match=why):
        GuardedFetcher().fetch(address)
