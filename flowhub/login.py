"""The login page, which refuses whoever guesses passwords."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse

from mcp_bridge.keys import guesses


class Login(LoginView):
    """Django's login page. After many wrong passwords it answers 429, to the right one too, until a window ends."""

    guessed: tuple[guesses.Guesses, ...] = ()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check name and password, unless there were too many wrong ones for the name or from the address."""
        name = request.POST.get("username", "")[:1_000]
        self.guessed = guesses.of_password(name, request.META.get("REMOTE_ADDR", ""))
        # All of them count it, also when one of them refuses.
        if seconds := max([each.begin() for each in self.guessed]):
            form = self.get_form_class()(request, initial={"username": name})
            context = self.get_context_data(form=form, again_in=seconds)
            return self.render_to_response(context, status=429, headers={"Retry-After": str(seconds)})
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in; what was right was no guess."""
        for each in self.guessed:
            each.forgive()
        return super().form_valid(form)
