"""Values beside expressions."""

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """A JSON value on one line, text in quotation marks, so that 1 and "1" look different."""
    return json.dumps(value, ensure_ascii=False)
