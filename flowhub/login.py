"""The pages that take a password, which refuse whoever guesses."""

import threading
from typing import Any
from urllib.parse import urlencode

from allauth.account import forms
from allauth.account.views import LoginView, PasswordChangeView, ReauthenticateView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from executions.admission.addresses import address_in
from flows.members import invitations
from mcp_bridge.keys import guesses

BUSY_SECONDS = 5
"""How long a password waits for those before it, and who waited in vain."""

# To check one takes a processor for half a second, so that a process checks one after the other.
_checking = threading.Lock()


class Guarded:
    """A form view that takes a password or a code: after many wrong ones 429, to right ones too, until a window ends.

    What was wrong is counted for the name and from the address, over all these pages together.
    """

    request: HttpRequest
    guessed: tuple[guesses.Guesses, ...] = ()

    def whose(self) -> str:
        """The name that the guesses count for."""
        return self.request.user.get_username()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check what was posted, unless there were too many wrong ones for the name or from the address."""
        self.guessed = guesses.of_password(self.whose(), address_in(request))
        # All of them count it, also when one of them refuses.
        if seconds := max([each.begin() for each in self.guessed]):
            return _refused(request, seconds)
        if not _checking.acquire(timeout=BUSY_SECONDS):
            self.forgive()
            return _refused(request, BUSY_SECONDS)
        try:
            answer: HttpResponse = super().post(request, *args, **kwargs)  # type: ignore[misc]
            return answer
        finally:
            _checking.release()

    def form_valid(self, form: Any) -> HttpResponse:
        """Go on; what was right was no guess."""
        self.forgive()
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        return answer

    def forgive(self) -> None:
        """Take the guess back."""
        for each in self.guessed:
            each.forgive()


def _refused(request: HttpRequest, seconds: int) -> HttpResponse:
    following = request.POST.get(REDIRECT_FIELD_NAME, "")
    back = request.path + (f"?{urlencode({REDIRECT_FIELD_NAME: following})}" if following else "")
    answer = render(request, "429.html", {"again_in": seconds, "back": back}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    """allauth's, whose field for name or address is called `username`, as browsers and scripts know it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.pop("login")
        field.label = "Username or e-mail"
        field.max_length = 254
        field.widget.attrs = {"autocomplete": "username", "autofocus": True}
        self.fields["username"] = field
        self.order_fields(["username"])

    def clean(self) -> Any:
        """Under the name by which allauth looks for it."""
        self.cleaned_data["login"] = self.cleaned_data.get("username", "").strip()
        return super().clean()


class Login(Guarded, LoginView):  # type: ignore[misc]
    """Name or address and password; then the second factor, for who has one."""

    def whose(self) -> str:
        """As it was typed: nobody is known yet."""
        return self.request.POST.get("username", "")[:1_000]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With `invited`: whether somebody new may come in."""
        return {**super().get_context_data(**kwargs), "invited": invitations.opened(self.request.session) is not None}


class Reauthenticate(Guarded, ReauthenticateView):  # type: ignore[misc]
    """The password once more, before a second factor is changed."""


class ChangePassword(Guarded, PasswordChangeView):  # type: ignore[misc]
    """The old password and a new one."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """When only the new one is no good, nobody guessed."""
        if "oldpassword" not in form.errors:
            self.forgive()
        answer: HttpResponse = super().form_invalid(form)
        return answer
