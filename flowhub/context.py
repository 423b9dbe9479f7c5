"""What every page's template knows without its view: a context processor."""

from django.conf import settings
from django.http import HttpRequest


def version(request: HttpRequest) -> dict[str, str]:
    """`flowhub_version`, for the foot of the page."""
    return {"flowhub_version": settings.VERSION}
