"""The login page, which refuses whoever guesses passwords."""

import threading
from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

from executions.admission.addresses import address_in
from flows.access.acting import acts
from mcp_bridge.keys import guesses

BUSY_SECONDS = 5
"""How long a password waits for those before it, and who waited in vain."""

# To check one takes a processor for half a second, so that a process checks one after the other.
_checking = threading.Lock()


@method_decorator(acts(None), name="dispatch")
class Login(LoginView):
    """Django's login page. After many wrong passwords it answers 429, to the right one too, until a window ends."""

    guessed: tuple[guesses.Guesses, ...] = ()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check name and password, unless there were too many wrong ones for the name or from the address."""
        name = request.POST.get("username", "")[:1_000]
        self.guessed = guesses.of_password(name, address_in(request))
        # All of them count it, also when one of them refuses.
        if seconds := max([each.begin() for each in self.guessed]):
            return self._refuse(name, seconds)
        if not _checking.acquire(timeout=BUSY_SECONDS):
            self._forgive()
            return self._refuse(name, BUSY_SECONDS)
        try:
            return super().post(request, *args, **kwargs)
        finally:
            _checking.release()

    def _refuse(self, name: str, seconds: int) -> HttpResponse:
        form = self.get_form_class()(self.request, initial={"username": name})
        context = self.get_context_data(form=form, again_in=seconds)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(seconds)})

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in; what was right was no guess."""
        self._forgive()
        return super().form_valid(form)

    def _forgive(self) -> None:
        for each in self.guessed:
            each.forgive()
