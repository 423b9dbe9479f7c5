"""Which pages about accounts strangers may open."""

import pytest
from django.test import Client

from flowhub.account_urls import urlpatterns
from tests.factories import make_user

ARGUMENTS = {
    "^account/password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "account/password/reset/1-k/",
    "<str:key>": "k",
    "<int:pk>": "1",
    "<str:provider_id>": "sso",
}
OPEN = {
    "/login/": 200,
    "/logout/": 302,
    "/login/passkey/": 302,
    "/account/inactive/": 200,
    "/account/signup/": 200,
    "/account/email/sent/": 200,
    "/account/email/confirm/k/": 200,
    "/account/password/reset/": 200,
    "/account/password/reset/sent/": 200,
    "/account/password/reset/1-k/": 200,
    "/account/password/reset/done/": 200,
    "/account/2fa/": 302,
    "/account/oidc/signup/": 302,
    "/account/oidc/cancelled/": 200,
    "/account/oidc/error/": 401,
    "/account/oidc/sso/login/": 404,
    "/account/oidc/sso/login/callback/": 404,
}
"""What a stranger is answered; second steps lead back to the login, and no provider is set here."""


def addresses() -> set[str]:
    found = set()
    for pattern in urlpatterns:
        address = f"/{pattern.pattern}"
        for name, value in ARGUMENTS.items():
            address = address.replace(name, value)
        found.add(address)
    return found


@pytest.mark.django_db
def test_strangers_open_what_they_need_to_come_in_and_are_sent_to_the_login_from_all_else() -> None:
    answers = {address: Client().get(address) for address in addresses()}
    to_login = {address for address, answer in answers.items() if answer.get("Location") == f"/login/?next={address}"}
    assert {address: answer.status_code for address, answer in answers.items() if address not in to_login} == OPEN


@pytest.mark.django_db
def test_no_page_of_an_account_runs_a_script_that_is_written_into_it(client: Client) -> None:
    client.force_login(make_user("ada"))
    for address in sorted(addresses()):
        text = client.get(address, follow=True, headers={"host": "localhost"}).content.decode()
        scripts = [each.split(">")[0] for each in text.split("<script")[1:]]
        assert [each for each in scripts if "src=" not in each and 'type="application/json"' not in each] == []
        assert " style=" not in text
