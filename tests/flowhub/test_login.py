"""Signing in, and the password: for who has been here for long, for who forgot it, and for nobody who guesses."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import caches
from django.test import Client

from flows.members import invitations
from mcp_bridge.keys.guesses import MAX_OF_NAME
from tests.factories import PASSWORD, make_server, make_user

NEW = "an even better horse"


@pytest.fixture(autouse=True)
def nothing_counted() -> Any:
    for cache in caches.all():
        cache.clear()


def log_in(name: str, password: str = PASSWORD, address: str = "/login/", **also: str) -> tuple[Client, Any]:
    client = Client()
    return client, client.post(address, {"username": name, "password": password} | also)


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["ada", " ada ", "ada@example.com", "ADA@example.com"])
def test_a_person_of_before_signs_in_by_name_or_by_address_and_is_asked_for_no_more(typed: str) -> None:
    make_user("ada", email="ada@example.com")
    make_user("bob")
    client, answer = log_in(typed)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/account/").status_code == 200
    assert mail.outbox == []


@pytest.mark.django_db
def test_an_address_that_two_people_have_lets_nobody_in_and_a_name_that_looks_like_one_comes_first() -> None:
    make_user("ada", email="shared@example.com")
    make_user("bob", email="shared@example.com")
    assert log_in("shared@example.com")[1].status_code == 200
    carol = make_user("shared@example.com")
    client, answer = log_in("shared@example.com")
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(carol.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/keys/", "/keys/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_after_signing_in_one_is_led_to_where_one_wanted_and_never_elsewhere(wanted: str, led: str) -> None:
    make_user("ada")
    assert log_in("ada", next=wanted)[1].headers["Location"] == led


@pytest.mark.django_db
def test_a_login_without_its_token_is_refused() -> None:
    make_user("ada")
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 403


@pytest.mark.django_db
def test_who_is_deactivated_is_signed_out_at_once_and_does_not_come_in() -> None:
    ada = make_user("ada")
    client = log_in("ada")[0]
    assert [client.get(page).status_code for page in ("/keys/", "/api/flows/")] == [200, 200]
    ada.is_active = False
    ada.save()
    assert [client.get(page).status_code for page in ("/keys/", "/api/flows/")] == [302, 401]
    assert log_in("ada")[1].status_code == 200


@pytest.mark.django_db
def test_logging_out_asks_first_and_ends_the_session() -> None:
    make_user("ada")
    client = log_in("ada")[0]
    assert client.get("/logout/").status_code == 200
    assert client.get("/keys/").status_code == 200
    answer = client.post("/logout/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/")
    assert client.get("/keys/").status_code == 302


@pytest.mark.django_db
def test_a_new_password_needs_the_old_one_keeps_this_session_and_ends_the_others() -> None:
    make_user("ada")
    here, elsewhere = log_in("ada")[0], log_in("ada")[0]
    wrong = here.post("/account/password/", {"oldpassword": "x", "password1": NEW, "password2": NEW})
    assert "Please type your current password." in wrong.content.decode()
    right = here.post("/account/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert (right.status_code, right.headers["Location"]) == (302, "/account/")
    assert [client.get("/keys/").status_code for client in (here, elsewhere)] == [200, 302]
    assert [log_in("ada", password)[1].status_code for password in (PASSWORD, NEW)] == [200, 302]


@pytest.mark.django_db
def test_a_new_password_that_is_no_good_is_no_guess_and_wrong_old_ones_are_counted_with_those_of_the_login() -> None:
    make_user("ada")
    client = log_in("ada")[0]
    weak = {"oldpassword": PASSWORD, "password1": "123", "password2": "123"}
    assert {client.post("/account/password/", weak).status_code for _ in range(MAX_OF_NAME + 1)} == {200}
    wrong = {"oldpassword": "x", "password1": NEW, "password2": NEW}
    assert [client.post("/account/password/", wrong).status_code for _ in range(2)] == [200] * 2
    assert [client.post("/account/confirm/", {"password": "x"}).status_code for _ in range(2)] == [200] * 2
    assert log_in("ada", "x")[1].status_code == 200
    refused = [
        client.post("/account/password/", wrong | {"oldpassword": PASSWORD}),
        client.post("/account/confirm/", {"password": PASSWORD, "next": "/account/2fa/totp/"}),
        log_in("ada")[1],
    ]
    assert [answer.status_code for answer in refused] == [429] * 3
    assert all(int(answer["Retry-After"]) > 0 for answer in refused)
    assert 'href="/account/confirm/?next=%2Faccount%2F2fa%2Ftotp%2F"' in refused[1].content.decode()


@pytest.mark.django_db
def test_a_forgotten_password_is_set_anew_by_a_link_in_a_mail_that_works_once() -> None:
    make_user("ada", email="ada@example.com")
    other = log_in("ada")[0]
    client = Client()
    known, unknown = (
        client.post("/account/password/reset/", {"email": f"{name}@example.com"}) for name in ("ada", "nobody")
    )
    assert (known.status_code, known.headers["Location"]) == (302, "/account/password/reset/sent/")
    assert (unknown.status_code, unknown.headers["Location"]) == (302, "/account/password/reset/sent/")
    assert [(each.to, each.subject) for each in mail.outbox] == [(["ada@example.com"], "FlowHub: Password Reset Email")]
    link = re.search(r"http://testserver(/account/password/reset/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    assert form.status_code == 200
    done = client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert (done.status_code, done.headers["Location"]) == (302, "/account/password/reset/done/")
    assert [log_in("ada", password)[1].status_code for password in (PASSWORD, NEW)] == [200, 302]
    assert other.get("/keys/").status_code == 302
    assert "The password reset link was invalid" in Client().get(link[1], follow=True).content.decode()


@pytest.mark.django_db
def test_nobody_signs_up_without_an_invitation() -> None:
    form = {"username": "eve", "email": "eve@example.com", "password1": NEW, "password2": NEW}
    for answer in (Client().get("/account/signup/"), Client().post("/account/signup/", form)):
        assert "New people need an invitation" in answer.content.decode()
    assert "Sign up" not in Client().get("/login/").content.decode()
    client = Client()
    session = client.session
    session["invitation"] = 7
    session.save()
    assert "New people need an invitation" in client.post("/account/signup/", form).content.decode()
    assert get_user_model().objects.count() == 0


@pytest.mark.django_db
def test_who_is_invited_signs_up_with_a_password_that_is_good_enough_and_is_a_member() -> None:
    server = make_server(make_user("ada", email="ada@example.com"))
    client = Client()
    _, link = invitations.invite(server, "editor")
    assert client.get(urlsplit(link).path).headers["Location"] == "/login/"
    assert 'href="/account/signup/?next=%2Fservers%2F"' in client.get("/login/?next=/servers/").content.decode()
    form = {"username": "eve", "email": "", "password1": NEW, "password2": NEW, "next": "/servers/"}
    for wrong in ({"username": "ada"}, {"email": "ada@example.com"}, {"password1": "eve", "password2": "eve"}):
        assert client.post("/account/signup/", form | wrong).status_code in (200, 302)
        assert get_user_model().objects.count() == 1
    answer = client.post("/account/signup/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/servers/")
    assert client.get("/servers/").status_code == 200
    eve = get_user_model().objects.get(username="eve")
    assert (eve.is_staff, eve.is_superuser, eve.check_password(NEW)) == (False, False, True)
    assert server.role_of(eve) == "editor"
    assert "New people need an invitation" in Client().post("/account/signup/", form).content.decode()


@pytest.mark.django_db
def test_a_mail_that_cannot_be_sent_is_told_in_the_log_and_not_to_who_asks(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )
    make_user("ada", email="ada@example.com")
    answer = Client().post("/account/password/reset/", {"email": "ada@example.com"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/password/reset/sent/")
    said = [each for each in caplog.messages if each.startswith("a mail could not be sent")]
    assert said == ["a mail could not be sent (account/email/password_reset_key): [Errno 111] Connection refused"]
