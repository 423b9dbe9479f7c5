"""The canvas in templates."""

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django_vite.core.asset_loader import DEFAULT_APP_NAME, DjangoViteAssetLoader
from django_vite.core.exceptions import DjangoViteAssetNotFoundError

register = template.Library()


ENTRY = "src/main.ts"


@register.simple_tag(takes_context=True)
def canvas_script(context: dict[str, Any]) -> SafeString:
    """The script that draws each <flow-canvas>; nothing where it was not built, so that the server's drawing stays."""
    if not canvas_is_built():
        return SafeString()
    nonce = str(context["request"].csp_nonce)
    tags = DjangoViteAssetLoader.instance().generate_vite_asset(ENTRY, DEFAULT_APP_NAME, nonce=nonce)
    return mark_safe(str(tags))  # noqa: S308 - made from names of files that the build has chosen


@register.simple_tag
def canvas_is_built() -> bool:
    """Whether there is such a script."""
    try:
        DjangoViteAssetLoader.instance().generate_vite_asset_url(ENTRY, DEFAULT_APP_NAME)
    except DjangoViteAssetNotFoundError:
        return False
    return True
