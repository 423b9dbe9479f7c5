"""The canvas in templates."""

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django_vite.core.asset_loader import DEFAULT_APP_NAME, DjangoViteAssetLoader
from django_vite.core.exceptions import DjangoViteAssetNotFoundError

register = template.Library()


@register.simple_tag(takes_context=True)
def canvas_script(context: dict[str, Any]) -> SafeString:
    """The script that draws each <flow-canvas>; nothing where it was not built, so that the server's drawing stays."""
    nonce = str(context["request"].csp_nonce)
    try:
        tags = DjangoViteAssetLoader.instance().generate_vite_asset("src/main.ts", DEFAULT_APP_NAME, nonce=nonce)
    except DjangoViteAssetNotFoundError:
        return SafeString()
    return mark_safe(str(tags))  # noqa: S308 - made from names of files that the build has chosen
