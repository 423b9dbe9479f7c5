"""What django-allauth asks FlowHub about people: who may sign up, whose password it is, where passkeys work."""

import logging
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.userkit import filter_users_by_email
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse

from executions.admission.addresses import address_in
from flows.adapters import vault
from flows.members import invitations

logger = logging.getLogger(__name__)

PLACE = "second factor"
"""What the vault keeps for authenticators: the library that stores them tells nobody whose they are."""


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts with a password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Only for who is invited."""
        return invitations.opened(request.session) is not None

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """The page of the account."""
        return reverse("account")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Whose password it is, by name, or by an address that belongs to one person and is nobody's name.

        One password is checked, whatever was typed: that takes long on purpose. Guesses are counted by the pages.
        """
        address = credentials.pop("email", None)
        people = get_user_model().objects
        if address and not people.filter(username=credentials.get("username", "")).exists():
            found = filter_users_by_email(address, is_active=True, prefer_verified=True)
            if len(found) == 1:
                credentials["username"] = found[0].get_username()
        return authenticate(request, **credentials)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whoever has neither password nor second factor, as after a single sign-on, can show nothing more."""
        return bool(self.get_reauthentication_methods(context.request.user)) and bool(
            super().is_reauthentication_required(app=app, **kwargs)
        )

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail. That none could be sent stands in the log alone: a page would tell whose address is known."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:
            logger.error("a mail could not be sent (%s): %s", template_prefix, error)

    def get_client_ip(self, request: HttpRequest) -> str:
        """As all of FlowHub counts addresses; of IPv6 the network."""
        return address_in(request).removesuffix("/64") or "::"


class SingleSignOn(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts of the OpenID provider."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Only for who is invited."""
        return invitations.opened(request.session) is not None


def passkey_host() -> str:
    """The host that passkeys belong to: the public one, or this machine where that has no name."""
    host = settings.PUBLIC_HOST
    try:
        ip_address(host)
    except ValueError:
        return host
    return "localhost"


def takes_passkeys(request: HttpRequest) -> bool:
    """Whether browsers make and use passkeys at the address of a request; never where it is a number."""
    return split_domain_port(request.META.get("HTTP_HOST", ""))[0] == passkey_host()


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Codes and passkeys."""

    def encrypt(self, text: str) -> str:
        """What codes are made of, as it is stored."""
        return vault.encrypt(text, PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """What codes are made of; raises ValidationError, which a form shows, when no key of the vault opens it."""
        try:
            return vault.decrypt(encrypted_text, PLACE)
        except vault.Unreadable:
            logger.error("a second factor cannot be read: none of FLOWHUB_VAULT_KEYS opens it")
            raise ValidationError(
                "Codes cannot be checked any more. Ask an operator to remove your second factors."
            ) from None

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Always the same host, whatever a request says."""
        return {"id": passkey_host(), "name": "FlowHub"}

    def generate_authenticator_name(self, user: Any, type: str) -> str:
        """What a new passkey is called until somebody says otherwise."""
        return "Passkey"

    def get_totp_label(self, user: Any) -> str:
        """The name here, and where that is."""
        return f"{user.get_username()}@{context.request.get_host()}"


def with_codes(data: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The data of an authenticator in which everything that codes are made of is changed."""
    changed: dict[str, Any] = {name: change(data[name]) for name in ("secret", "seed") if name in data}
    if "migrated_codes" in data:
        changed["migrated_codes"] = [change(each) for each in data["migrated_codes"]]
    return data | changed


def rotate_second_factors() -> tuple[int, set[str]]:
    """Encrypt every one again with the newest key; returns how many, and who has one that no key opens."""
    number, unreadable = 0, set()
    for row in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).select_related("user").order_by("pk"):
        try:
            again = with_codes(row.data, vault.rotated)
        except vault.Unreadable:
            unreadable.add(row.user.get_username())
            continue
        # What was used, or made anew, meanwhile stays as it is.
        number += Authenticator.objects.filter(pk=row.pk, data=row.data).update(data=again)
    return number, unreadable
