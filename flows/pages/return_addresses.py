"""Where a page sends people back to when its form or link has named an address."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def own_address(request: HttpRequest, address: str) -> str | None:
    """The address when it is one of this site; None for an empty one, and for one that would lead people elsewhere."""
    is_ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if is_ours else None
