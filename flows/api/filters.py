"""Which flows a script asks for."""

from typing import Any

import django_filters
from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from flows.models import Flow, FlowQuerySet

ANY_YES_NO = [("", "any"), ("true", "true"), ("false", "false")]


def is_active(label: str) -> Any:
    """A filter by `is_active` that refuses nonsense, which a BooleanFilter takes for "any"."""
    return extend_schema_field(OpenApiTypes.BOOL)(
        django_filters.TypedChoiceFilter(
            field_name="is_active",
            label=label,
            choices=ANY_YES_NO,
            coerce=lambda value: value == "true",
            error_messages={"invalid_choice": "%(value)s is not one of the choices: true, false."},
        )
    )


class FlowFilter(django_filters.FilterSet):
    """Query parameters over flows."""

    server = django_filters.CharFilter(field_name="server__slug", label="Slug of the server", max_length=63)
    isActive = is_active("Whether clients may call it")
    search = django_filters.CharFilter(
        method="search_text", label="Text in the name, tool name or description", max_length=200
    )

    class Meta:
        model = Flow
        fields: list[str] = []

    def search_text(self, queryset: FlowQuerySet, name: str, value: str) -> FlowQuerySet:
        """Look through what people and models read of a flow."""
        return queryset.filter(
            Q(name__icontains=value) | Q(tool_name__icontains=value) | Q(tool_description__icontains=value)
        )
