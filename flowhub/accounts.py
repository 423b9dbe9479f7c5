"""What django-allauth asks FlowHub about people: who may sign up, whose password it is, where passkeys work."""

import logging
from ipaddress import ip_address
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.userkit import filter_users_by_email
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse

from executions.admission.addresses import address_in
from flows.members import invitations

logger = logging.getLogger(__name__)


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

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Always the same host, whatever a request says."""
        return {"id": passkey_host(), "name": "FlowHub"}

    def generate_authenticator_name(self, user: Any, type: str) -> str:
        """What a new passkey is called until somebody says otherwise."""
        return "Passkey"

    def get_totp_label(self, user: Any) -> str:
        """The name here, and where that is."""
        return f"{user.get_username()}@{context.request.get_host()}"
