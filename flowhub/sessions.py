"""The page of one's own sessions."""

from typing import Any

from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class Sessions(ListUserSessionsView):  # type: ignore[misc]
    """Where somebody is signed in; one of them can be ended, or all others."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The list, in which this session is, also when it is older than the list."""
        UserSession.objects.create_from_request(request)
        answer: HttpResponse = super().get(request, *args, **kwargs)
        return answer

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session `end`, or all but this one."""
        if number := request.POST.get("end"):
            own = UserSession.objects.filter(user=request.user, pk=number if number.isdecimal() else 0)
            for session in own.exclude(session_key=request.session.session_key):
                session.end()
                messages.success(request, "The session has ended.")
            return redirect("usersessions_list")
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer
