"""Second factors and sessions, without a browser."""

import base64
import hashlib
import hmac
import re
import struct
import time
from importlib import import_module
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.test import Client

from flowhub.accounts import PLACE
from flows.adapters import vault
from mcp_bridge.keys.guesses import MAX_OF_NAME
from tests.factories import PASSWORD, make_user

LOCAL = {"host": "localhost"}


@pytest.fixture(autouse=True)
def nothing_counted() -> Any:
    for cache in caches.all():
        cache.clear()


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def log_in(**headers: str) -> tuple[Client, Any]:
    client = Client(headers=headers)
    return client, client.post("/login/?next=/keys/", {"username": "ada", "password": PASSWORD})


def with_an_app(client: Client) -> tuple[str, list[str]]:
    """The secret of an app that is set up, and the recovery codes."""
    asked = client.get("/account/2fa/totp/")
    assert asked.headers["Location"] == "/account/confirm/?next=%2Faccount%2F2fa%2Ftotp%2F"
    form = client.post("/account/confirm/", {"password": PASSWORD, "next": "/account/2fa/totp/"}, follow=True)
    secret = re.search(r'id="authenticator_secret"\s+value="(\w+)"', form.content.decode())
    assert secret
    codes = client.post("/account/2fa/totp/", {"code": code_of(secret[1])}, follow=True).content.decode()
    return secret[1], re.findall(r"\b\d{8}\b", codes.split("<textarea")[1].split("</textarea>")[0])


@pytest.mark.django_db
def test_after_an_app_is_set_up_a_password_alone_opens_nothing_and_each_recovery_code_helps_once() -> None:
    make_user("ada")
    codes = with_an_app(log_in()[0])[1]
    assert len(codes) == 10
    for tried, opened in ((codes[0], True), (codes[0], False), (codes[1], True)):
        client, answer = log_in()
        assert answer.headers["Location"] == "/account/2fa/"
        assert client.get("/keys/").status_code == 302
        second = client.post("/account/2fa/", {"code": tried})
        assert (second.status_code, second.get("Location")) == ((302, "/keys/") if opened else (200, None))
        assert client.get("/keys/").status_code == (200 if opened else 302)


@pytest.mark.django_db
def test_wrong_codes_are_counted_as_wrong_passwords_are() -> None:
    make_user("ada")
    codes = with_an_app(log_in()[0])[1]
    client = log_in()[0]
    assert {client.post("/account/2fa/", {"code": "1"}).status_code for _ in range(MAX_OF_NAME)} == {200}
    assert client.post("/account/2fa/", {"code": codes[0]}).status_code == 429
    assert log_in()[1].status_code == 429
    assert client.get("/keys/").status_code == 302


@pytest.mark.django_db
def test_who_may_not_be_known_by_a_passkey_here_is_told_where(client: Client) -> None:
    make_user("ada")
    here, there = log_in(host="127.0.0.1:8000")[0], log_in(host="localhost:8000")[0]
    said = "open FlowHub as <b>localhost</b> to add or use one"
    assert [said in each.get("/account/").content.decode() for each in (here, there)] == [True, False]
    assert ["Use a passkey" in each.get("/login/").content.decode() for each in (here, there)] == [False, True]
    assert here.get("/account/passkeys/new/").headers["Location"] == "/account/"
    assert there.get("/account/passkeys/new/").headers["Location"].startswith("/account/confirm/")
    options = there.get("/login/passkey/", headers={"accept": "application/json"}).json()["request_options"]
    assert options["publicKey"]["rpId"] == "localhost"


@pytest.mark.django_db
def test_a_person_sees_own_sessions_ends_one_of_them_or_all_others_and_none_of_anybody_else() -> None:
    make_user("ada")
    make_user("bob")
    here, desk, phone = (log_in(**{"user-agent": name})[0] for name in ("here", "desk", "phone"))
    bob = Client()
    bob.post("/login/", {"username": "bob", "password": PASSWORD})
    page = here.get("/account/sessions/").content.decode()
    numbers = re.findall(r'name="end" value="(\d+)"', page)
    assert [name in page for name in ("here", "desk", "phone")] == [True] * 3
    assert len(numbers) == 2
    bob.post("/account/sessions/", {"end": numbers[0]})
    assert [each.get("/keys/").status_code for each in (here, desk, phone)] == [200, 200, 200]
    here.post("/account/sessions/", {"end": numbers[0]})
    assert [each.get("/keys/").status_code for each in (here, desk, phone)] == [200, 302, 200]
    assert here.post("/account/sessions/", {"end": "x"}).status_code == 302
    here.post("/account/sessions/", {"end": ""})
    assert [each.get("/keys/").status_code for each in (here, desk, phone, bob)] == [200, 302, 302, 200]


@pytest.mark.django_db
def test_an_operator_removes_the_second_factor_of_who_has_lost_it_and_sees_no_secret() -> None:
    make_user("ada")
    secret, codes = with_an_app(log_in()[0])
    admin = Client()
    admin.force_login(make_user("operator", is_superuser=True))
    rows = admin.get("/admin/mfa/authenticator/").content.decode()
    numbers = re.findall(r'name="_selected_action" value="(\d+)"', rows)
    assert len(numbers) == 2
    pages = [rows, *(admin.get(f"/admin/mfa/authenticator/{each}/change/").content.decode() for each in numbers)]
    assert [text for text in (secret, *codes) for page in pages if text in page] == []
    chosen = {"action": "delete_selected", "_selected_action": numbers, "post": "yes"}
    assert admin.post("/admin/mfa/authenticator/", chosen).status_code == 302
    assert log_in()[1].headers["Location"] == "/keys/"


def stored() -> list[Any]:
    return list(Authenticator.objects.order_by("pk").values_list("data", flat=True))


@pytest.mark.django_db
def test_neither_the_secret_of_an_app_nor_what_recovery_codes_are_made_of_stands_in_the_database() -> None:
    make_user("ada")
    secret, codes = with_an_app(log_in()[0])
    app, recovery = Authenticator.objects.order_by("pk")
    assert [secret in str(row) for row in stored()] == [False, False]
    assert vault.decrypt(app.data["secret"], PLACE) == secret
    assert app.wrap().validate_code(code_of(secret))
    seed = vault.decrypt(recovery.data["seed"], PLACE)
    assert (len(seed), seed in str(stored()), recovery.wrap().generate_codes()) == (80, False, codes)


@pytest.mark.django_db
def test_second_factors_of_before_are_sealed_by_the_migration_and_go_on() -> None:
    ada = make_user("ada")
    secret = base64.b32encode(b"twenty bytes, secret").decode()
    in_clear = [{"secret": secret}, {"seed": "5eed", "used_mask": 1, "migrated_codes": ["11111111", "22222222"]}]
    for kind, data in zip(("totp", "recovery_codes"), in_clear, strict=True):
        Authenticator.objects.create(user=ada, type=kind, data=data)
    passkey = Authenticator.objects.create(user=ada, type="webauthn", data={"name": "Passkey", "credential": {}})
    migration = import_module("flowhub.migrations.0001_seal_second_factors")
    migration.seal(apps, None)
    assert [text for text in (secret, "5eed", "22222222") if text in str(stored())] == []
    assert stored()[2] == passkey.data
    for code in (code_of(secret), "22222222"):
        client = log_in()[0]
        assert client.post("/account/2fa/", {"code": code}).get("Location") == "/keys/"
    migration.open_again(apps, None)
    assert stored() == [in_clear[0], in_clear[1] | {"migrated_codes": ["11111111"]}, passkey.data]


@pytest.mark.django_db
def test_second_factors_are_encrypted_again_and_one_that_no_key_opens_says_so(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old, lost = (name * 40 for name in "nol")
    make_user("ada")
    settings.VAULT_KEYS = [old]
    secret, codes = with_an_app(log_in()[0])
    settings.VAULT_KEYS = [new, old]
    call_command("rotate_secrets")
    assert "Encrypted 2 second factors with the newest key.\n" in capsys.readouterr().out
    settings.VAULT_KEYS = [new]
    assert log_in()[0].post("/account/2fa/", {"code": codes[0]}).get("Location") == "/keys/"
    settings.VAULT_KEYS = [lost]
    page = log_in()[0].post("/account/2fa/", {"code": code_of(secret)})
    assert page.status_code == 200
    assert "Ask an operator to remove your second factors." in page.content.decode()
    call_command("adopt_keys")
    with pytest.raises(CommandError, match=r"or set them anew: the second factors of ada\.$"):
        call_command("rotate_secrets")
