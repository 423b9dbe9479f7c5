"""The time zone that pages show times in: the browser's, unless the person chose another one."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from asgiref.sync import iscoroutinefunction
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.http import require_http_methods

from flows.access.acting import acts
from flows.pages.return_addresses import own_address

BROWSER_COOKIE = "flowhub_browser_zone"
"""Written by static/js/flowhub.js."""

CHOSEN_COOKIE = "flowhub_zone"
YEAR_SECONDS = 365 * 24 * 3600
KNOWN = frozenset(available_timezones())

RENAMED = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Catamarca": "America/Argentina/Catamarca",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Cordoba": "America/Argentina/Cordoba",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Jujuy": "America/Argentina/Jujuy",
    "America/Louisville": "America/Kentucky/Louisville",
    "America/Mendoza": "America/Argentina/Mendoza",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "Pacific/Enderbury": "Pacific/Kanton",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
}
"""Names that browsers still give (CLDR keeps the first name of a zone for ever), and what they are called today."""

Respond = Callable[[Any], Any]


class ZonedRequest(HttpRequest):
    """A request after this middleware."""

    chosen_zone: str
    """The zone that the person chose; empty when pages follow the browser."""


def known_zone(name: str | None) -> str:
    """The zone's name of today, or nothing when there is no such zone; cookies hold whatever somebody put there."""
    name = RENAMED.get(name or "", name or "")
    return name if name in KNOWN else ""


@sync_and_async_middleware
def zone_middleware(get_response: Respond) -> Respond:
    """Show and read times in the person's zone. The API keeps to UTC: scripts must not depend on a browser's cookie."""
    if iscoroutinefunction(get_response):

        async def in_zone_async(request: HttpRequest) -> HttpResponse:
            with _zone_of(request):
                return await cast("Awaitable[HttpResponse]", get_response(request))

        return in_zone_async

    def in_zone(request: HttpRequest) -> HttpResponse:
        with _zone_of(request):
            return cast("HttpResponse", get_response(request))

    return in_zone


def _zone_of(request: HttpRequest) -> AbstractContextManager[None]:
    chosen = known_zone(request.COOKIES.get(CHOSEN_COOKIE))
    cast("ZonedRequest", request).chosen_zone = chosen
    if request.path.startswith("/api/"):
        return timezone.override(UTC)
    name = chosen or known_zone(request.COOKIES.get(BROWSER_COOKIE))
    return timezone.override(ZoneInfo(name) if name else timezone.get_default_timezone())


class ZoneForm(forms.Form):
    """Which zone; nothing follows the browser."""

    zone = forms.ChoiceField(label="Show times in", required=False)

    def __init__(self, *args: Any, browser_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        follow = f"Browser's zone ({browser_zone})" if browser_zone else "Browser's zone"
        # Names without a region are abbreviations and aliases, kept for old programs.
        names = sorted(name for name in KNOWN if "/" in name and not name.startswith("Etc/") and name not in RENAMED)
        zone: Any = self.fields["zone"]
        zone.choices = [("", follow), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


@acts(None)
@require_http_methods(["GET", "POST"])
def zone(request: ZonedRequest) -> HttpResponse:
    """Choose the zone of the pages; a cookie keeps it, in this browser."""
    browser_zone = known_zone(request.COOKIES.get(BROWSER_COOKIE))
    form = ZoneForm(request.POST or None, initial={"zone": request.chosen_zone}, browser_zone=browser_zone)
    back = own_address(request, (request.POST or request.GET).get("next", "")) or "/"
    if request.method == "POST" and form.is_valid():
        return _keep(redirect(back), form.cleaned_data["zone"], request.is_secure())
    return render(request, "zone.html", {"title": "Time zone", "form": form, "next": back, "now": timezone.now()})


def _keep(response: HttpResponse, chosen: str, secure: bool) -> HttpResponse:
    if chosen:
        response.set_cookie(CHOSEN_COOKIE, chosen, YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax")
    else:
        response.delete_cookie(CHOSEN_COOKIE, samesite="Lax")
    return response
