"""Which entries of the audit log somebody asks for."""

import django_filters
from django.db.models import Q

from flows.models import AuditEntry, AuditEntryQuerySet


class AuditFilter(django_filters.FilterSet):
    """Query parameters over the audit log."""

    server = django_filters.CharFilter(field_name="server__slug", label="Slug of the server", max_length=63)
    person = django_filters.CharFilter(method="of_person", label="User name", max_length=150)
    action = django_filters.CharFilter(field_name="action", label="What was done", max_length=40)
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="Not before")
    before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def of_person(self, queryset: AuditEntryQuerySet, name: str, value: str) -> AuditEntryQuerySet:
        """By the name of now, or of then."""
        return queryset.filter(Q(user__username=value) | Q(user_name=value))
