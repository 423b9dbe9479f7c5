"""The pages about second factors that differ from django-allauth's."""

from typing import Any

from allauth.mfa.base.views import AuthenticateView, IndexView, ReauthenticateView
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from flowhub.accounts import takes_passkeys
from flowhub.login import Guarded


class Account(IndexView):  # type: ignore[misc]
    """What a person has here: password, second factors, addresses, sessions."""

    template_name = "account/account.html"


class Code(Guarded, AuthenticateView):  # type: ignore[misc]
    """The second step of signing in: a code, or a passkey, by who has given the right password."""

    def whose(self) -> str:
        """Who gave the password."""
        name: str = self.stage.login.user.get_username()
        return name


class ConfirmByCode(Guarded, ReauthenticateView):  # type: ignore[misc]
    """A code instead of the password, before a second factor is changed."""


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """A new passkey, where this address can have any; it stands for the password unless somebody says otherwise."""

    initial = {"passwordless": True}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The account's page says what to do elsewhere."""
        if not takes_passkeys(request):
            return redirect("account")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer
